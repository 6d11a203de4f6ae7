//! strace beside a running program: it makes some of its system calls fail, and writes down all of them.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::Instant;

use crate::common::program::Program;
use crate::common::tools::{self, Folder, Kill};
use crate::common::wait_until;

pub struct Trace {
    tracer: Kill,
    /// Open for as long as strace may have something to say.
    _says: Lines<BufReader<ChildStderr>>,
    file: PathBuf,
    _folder: Folder,
    begin: Instant,
}

/// One line of strace's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// Its first argument, where that is a number: most often a descriptor.
    pub first: Option<i64>,
    /// What it returned, or the name of its error.
    pub result: Result<i64, String>,
    /// Whether it was not made at all, but failed by strace.
    pub is_injected: bool,
}

/// All that a program did while it was watched.
pub struct Log {
    pub calls: Vec<Call>,
    pub seconds: f64,
}

/// The program, if it is installed, as [`tools::find`] says.
pub fn strace() -> Option<PathBuf> {
    tools::find(&["strace"])
}

impl Trace {
    /// From now on these calls of the program fail, such as `accept4:error=EMFILE:when=1+3`.
    pub fn inject(strace: &Path, program: &Program, faults: &[&str]) -> Trace {
        let folder = Folder::new();
        let file = folder.path("calls");
        let mut command = Command::new(strace);
        command.args(["-p", &program.pid().to_string(), "-o"]).arg(&file);
        command.args(faults.iter().map(|fault| format!("--inject={fault}")));
        let mut tracer = Kill(command.stderr(Stdio::piped()).spawn().expect("strace"));
        let mut says = BufReader::new(tracer.0.stderr.take().expect("a pipe")).lines();
        let attached = says.next().expect("strace says something").expect("in UTF-8");
        assert!(attached.contains("attached"), "strace: {attached}");
        Trace { tracer, _says: says, file, _folder: folder, begin: Instant::now() }
    }

    /// Nothing fails, all is written down.
    pub fn of(strace: &Path, program: &Program) -> Trace {
        Trace::inject(strace, program, &[])
    }

    /// How many calls have been failed up to now.
    pub fn injected(&self) -> usize {
        self.text().matches("(INJECTED)").count()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).expect("what strace saw")
    }

    /// From now on no call fails any more.
    ///
    /// A call that strace lets fail is not made, for which the kernel's error is ENOSYS; strace puts the
    /// wanted one in its place when the call returns. Who leaves in between leaves the wrong error. So the
    /// program is stopped first, which it can be between calls only.
    pub fn end(mut self, program: &Program) -> Log {
        program.signal("STOP");
        wait_until("strace has seen the stop", || self.text().contains("--- stopped by SIGSTOP ---"));
        let interrupt = Command::new("kill").args(["-s", "INT", &self.tracer.0.id().to_string()]).status();
        assert!(interrupt.expect("kill").success());
        wait_until("strace ends", || self.tracer.0.try_wait().expect("a child of ours").is_some());
        program.signal("CONT");
        let seconds = self.begin.elapsed().as_secs_f64();
        Log { calls: self.text().lines().filter_map(call).collect(), seconds }
    }
}

/// `accept4(6, …) = -1 EMFILE (Too many open files) (INJECTED)`; nothing for a signal, and for the call
/// in which the program was when strace left it.
fn call(line: &str) -> Option<Call> {
    let (before, result) = line.rsplit_once(" = ")?;
    let (name, arguments) = before.split_once('(')?;
    let first = arguments.split([',', ')']).next().and_then(|first| first.trim().parse().ok());
    let mut words = result.split_ascii_whitespace();
    let value = words.next()?;
    let result = match value.parse() {
        Ok(-1) => Err(words.next()?.to_owned()),
        // A few are written as addresses or flags.
        number => Ok(number.unwrap_or(0)),
    };
    let is_injected = line.ends_with("(INJECTED)");
    Some(Call { name: name.to_owned(), first, result, is_injected })
}

impl Call {
    pub fn waits(&self) -> bool {
        matches!(self.name.as_str(), "epoll_wait" | "epoll_pwait")
    }
}

impl Log {
    pub fn injected(&self) -> usize {
        self.calls.iter().filter(|call| call.is_injected).count()
    }

    /// The turns of the loop, each without the wait before it.
    pub fn turns(&self) -> impl Iterator<Item = &[Call]> {
        self.calls.split(Call::waits)
    }

    /// How often the program woke without an event and did nothing.
    pub fn barren_turns(&self) -> usize {
        let waits = self.calls.iter().enumerate().filter(|(_, call)| call.waits());
        let is_barren = |(at, wait): &(usize, &Call)| {
            let mut turn = self.calls[at + 1..].iter().take_while(|call| !call.waits());
            !matches!(wait.result, Ok(1..)) && !turn.any(|call| call.result.is_ok())
        };
        waits.filter(is_barren).count()
    }

    /// That it never asked again and again for what it could not have. Fifteen times a second is half as
    /// often again as it may try to accept.
    pub fn expect_no_spinning(&self) {
        let allowed = self.injected() + 10 + (15.0 * self.seconds) as usize;
        let barren = self.barren_turns();
        assert!(barren <= allowed, "{barren} turns with nothing done in {:.1} s", self.seconds);
    }
}
