//! strace beside a running program. It writes down all system calls of the program, and makes some of them fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::child::Child;
use super::program::Program;
use super::tools::{self, Folder};
use super::wait_until;

pub struct Trace {
    tracer: Child,
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
        let mut tracer = Child::start(&mut command);
        tracer.stderr.wait_for("attached");
        Trace { tracer, file, _folder: folder, begin: Instant::now() }
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
    /// A call that strace lets fail is not made. The kernel's error for that is ENOSYS, and strace puts the wanted
    /// one in its place when the call returns. If strace left in between, the wrong error would stay. So the program
    /// is stopped first, which can happen only between calls.
    pub fn end(self, program: &Program) -> Log {
        program.signal("STOP");
        wait_until("strace has seen the stop", || self.text().contains("--- stopped by SIGSTOP ---"));
        let Trace { tracer, file, _folder, begin } = self;
        tracer.signal("INT");
        tracer.wait();
        program.signal("CONT");
        let text = std::fs::read_to_string(file).expect("what strace saw");
        Log { calls: text.lines().filter_map(call).collect(), seconds: begin.elapsed().as_secs_f64() }
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
