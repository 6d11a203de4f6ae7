//! The standard streams of the program: the greeting and the summary on stdout, messages on stderr. Neither
//! stream blocks the loop.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::panic;
use std::time::Duration;

use super::output::{Output, Patience, stderr, stdout};

/// The time that the program waits for a reader at its end.
const AT_END: Patience =
    Patience { without_progress: Duration::from_secs(1), in_all: Duration::from_secs(5) };

/// The same after a second signal. A reader that reads still gets everything.
const AT_ABORT: Patience =
    Patience { without_progress: Duration::from_millis(100), in_all: Duration::from_millis(100) };

pub struct Console {
    out: Output,
    err: Output,
    /// The stream that the live line is on, if stdout is a terminal.
    live: Option<Output>,
    /// The program has already waited for its readers.
    has_waited: Cell<bool>,
}

impl Console {
    pub fn open() -> io::Result<Self> {
        let (out, err) = (Output::to(stdout()?), Output::to(stderr()?));
        // Where both are the same terminal, warnings and the log find the line on the screen.
        let live = if io::stderr().is_terminal() { &err } else { &out };
        let live = io::stdout().is_terminal().then(|| live.clone());
        let console = Console { out, err, live, has_waited: Cell::new(false) };
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

    /// Returns the output of the log.
    pub fn log(&self) -> Output {
        self.err.clone()
    }

    /// Prints the line that says where the server listens. For use before the loop.
    pub fn greet(&self, line: &str) {
        self.out.write_now(line.as_bytes());
    }

    /// Prints a warning. For use before the loop.
    pub fn warn(&self, sentence: &str) {
        self.err.write_now(format!("fourway: warning: {sentence}\n").as_bytes());
    }

    /// Prints what the program does. For use in the loop.
    pub fn inform(&self, sentence: &str) {
        self.err.push(format!("fourway: {sentence}\n").as_bytes());
    }

    /// Returns whether a live line can be shown.
    pub fn is_terminal(&self) -> bool {
        self.live.is_some()
    }

    /// Shows a line in place of the one before, cut to the width of the terminal. For use in the loop.
    pub fn show(&self, line: &mut String) {
        const USUAL_WIDTH: usize = 80;
        let width = terminal_size::terminal_size().map_or(USUAL_WIDTH, |(width, _)| width.0.into());
        // Some terminals begin a new line after the last column.
        line.truncate(width.saturating_sub(1));
        if let Some(live) = &self.live {
            live.show(line);
        }
    }

    /// Prints the error that ends the program.
    pub fn fail(&self, sentence: &str) {
        self.err.write_now(format!("fourway: error: {sentence}\n").as_bytes());
    }

    /// Prints the summary after the whole log, and waits for the readers of both. Once `is_over` has returned
    /// `true`, nothing is waited for. For use after the loop. `is_over` must not log.
    pub fn end(&self, summary: &str, is_aborted: bool, mut is_over: impl FnMut() -> bool) {
        let patience = if is_aborted { AT_ABORT } else { AT_END };
        let mut was_over = false;
        let mut is_over = || {
            was_over = was_over || is_over();
            was_over
        };
        if let Some(live) = &self.live {
            live.show("");
        }
        self.err.flush(patience, &mut is_over);
        self.out.write_now(summary.as_bytes());
        self.out.flush(patience, &mut is_over);
        self.has_waited.set(true);
    }
}

/// Waits for the readers after an error. The writers end with the main thread.
impl Drop for Console {
    fn drop(&mut self) {
        if !self.has_waited.get() {
            self.err.flush(AT_END, || false);
            self.out.flush(AT_END, || false);
        }
    }
}
