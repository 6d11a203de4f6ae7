//! The standard streams of the program: data on stdout, sentences on stderr. Neither blocks the loop.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic;
use std::time::Duration;

use super::output::{Output, Patience, stderr, stdout};

/// How long the end of the program waits for a reader.
const AT_END: Patience =
    Patience { without_progress: Duration::from_secs(1), in_all: Duration::from_secs(5) };

pub struct Console {
    out: Output,
    err: Output,
}

impl Console {
    pub fn open() -> io::Result<Self> {
        let console = Console { out: Output::to(stdout()?), err: Output::to(stderr()?) };
        let err = console.err.clone();
        panic::set_hook(Box::new(move |panic| {
            let backtrace = Backtrace::capture();
            let trace = match backtrace.status() {
                BacktraceStatus::Captured => format!("{backtrace}\n"),
                _ => String::new(),
            };
            err.push(format!("fourway: {panic}\n{trace}").as_bytes());
        }));
        Ok(console)
    }

    /// Where the log goes.
    pub fn log(&self) -> Output {
        self.err.clone()
    }

    /// Before the loop: prints the line that says where the server listens.
    pub fn greet(&self, line: &str) {
        self.out.write_now(line.as_bytes());
    }

    /// Before the loop: a sentence about something that is not as the user wanted.
    pub fn warn(&self, sentence: &str) {
        self.err.write_now(format!("fourway: warning: {sentence}\n").as_bytes());
    }

    /// In the loop: a sentence about what the program does.
    pub fn tell(&self, sentence: &str) {
        self.err.push(format!("fourway: {sentence}\n").as_bytes());
    }

    /// The reason why the program ends.
    pub fn complain(&self, sentence: &str) {
        self.err.write_now(format!("fourway: error: {sentence}\n").as_bytes());
    }

    /// After the loop: prints the summary, after everything that was logged.
    pub fn sum_up(&self, text: &str) {
        self.err.flush(AT_END);
        self.out.write_now(text.as_bytes());
    }
}

/// The process ends when its main thread does, so that waits for the writers.
impl Drop for Console {
    fn drop(&mut self) {
        self.err.flush(AT_END);
        self.out.flush(AT_END);
    }
}
