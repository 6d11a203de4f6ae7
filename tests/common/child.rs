//! A child process of a test or a bench: the program, an example, or a tool that others wrote. Nothing else here starts,
//! watches, reads, signals or ends a process.

// Each of them uses a part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Nothing takes so long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed when it is dropped.
pub struct Child {
    pub process: process::Child,
    pub stdout: Lines,
    pub stderr: Lines,
    has_to_run: bool,
}

/// A process that has ended, and everything that it wrote to pipes.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Child {
    /// Starts a process that reads nothing, and whose output is read.
    pub fn start(command: &mut Command) -> Child {
        Child::with_streams(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Starts a process with the streams that the command has. Those of its outputs that are pipes are read.
    pub fn with_streams(command: &mut Command) -> Child {
        let mut child = Child::unread(command);
        child.stdout = child.process.stdout.take().map_or_else(Lines::none, Lines::of);
        child.stderr = child.process.stderr.take().map_or_else(Lines::none, Lines::of);
        child
    }

    /// Starts a process with the streams that the command has, and leaves its pipes to the test.
    pub fn unread(command: &mut Command) -> Child {
        let process = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Child { process, stdout: Lines::none(), stderr: Lines::none(), has_to_run: false }
    }

    /// Runs a process that ends by itself.
    pub fn run(command: &mut Command) -> Ended {
        Child::start(command).wait()
    }

    /// From now on a test fails in which it ends by itself.
    pub fn has_to_run(&mut self) {
        self.has_to_run = true;
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns how it has ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a child of ours")
    }

    /// Sends it a signal, by the signal's short name.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        assert!(self.try_signal(name), "SIG{name} reaches the process");
    }

    /// Sends it a signal, and returns whether there was a process to get it.
    #[cfg(unix)]
    pub fn try_signal(&self, name: &str) -> bool {
        let kill = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        kill.is_ok_and(|status| status.success())
    }

    /// Waits until it has ended.
    pub fn wait(mut self) -> Ended {
        self.has_to_run = false;
        let start = Instant::now();
        let status = loop {
            match self.status() {
                Some(status) => break status,
                None => assert!(start.elapsed() < PATIENCE, "it does not end: {self:?}"),
            }
            thread::sleep(Duration::from_millis(1));
        };
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(Lines::take_rest);
        Ended { status, stdout, stderr }
    }

    /// Asks it to end, and waits until it has.
    #[cfg(unix)]
    pub fn end(self) -> Ended {
        self.signal("TERM");
        let ended = self.wait();
        assert!(ended.status.success(), "it ended with {}: {}", ended.status, ended.stderr);
        ended
    }
}

impl std::fmt::Debug for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {}: {}{}", self.pid(), self.stdout.seen, self.stderr.seen)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let ended = self.process.try_wait().ok().flatten();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let rest: String = self.stderr.receiver.iter().collect();
            eprint!("what process {} has logged:\n{}{rest}", self.pid(), self.stderr.seen);
        } else {
            assert!(!self.has_to_run || ended.is_none(), "it ended by itself: {ended:?}");
        }
    }
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns a number of the program's summary. A count of something that did not happen is not listed.
    pub fn number(&self, name: &str) -> u64 {
        let (_, summary) = self.stdout.split_once("fourway: ended after ").expect("a summary");
        let value = |line: &str| line.trim().strip_prefix(name)?.trim().parse().ok();
        summary.lines().find_map(value).unwrap_or(0)
    }
}

// --- what it writes ---

/// The lines that a process writes to a pipe. A thread reads them, so the process never waits for a reader.
pub struct Lines {
    receiver: Receiver<String>,
    /// What has been taken, with the ends of its lines.
    pub seen: String,
}

impl Lines {
    pub fn of(pipe: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Lines { receiver, seen: String::new() }
    }

    /// No pipe at all.
    pub fn none() -> Lines {
        Lines::of(std::io::empty())
    }

    /// Takes the next line, for which it waits. Returns `None` at the end.
    pub fn next_line(&mut self) -> Option<String> {
        match self.receiver.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen += &line;
                Some(line.trim_end_matches(['\r', '\n']).to_owned())
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("silent for {PATIENCE:?} after: {}", self.seen),
        }
    }

    /// Takes lines up to one that contains this.
    pub fn wait_for(&mut self, part: &str) -> String {
        while let Some(line) = self.next_line() {
            if line.contains(part) {
                return line;
            }
        }
        panic!("no {part:?} in: {}", self.seen);
    }

    /// Takes all lines to the end. Returns them, and those that were taken before.
    pub fn take_rest(&mut self) -> String {
        while self.next_line().is_some() {}
        std::mem::take(&mut self.seen)
    }
}

/// The addresses in a line such as `fourway: listening on http://127.0.0.1:80, http://[::1]:80; …`.
pub fn addresses_in(line: &str) -> Vec<SocketAddr> {
    let urls = line.split("http://").skip(1);
    let ends = |c: char| matches!(c, ',' | ';' | '/') || c.is_whitespace();
    urls.filter_map(|url| url.split(ends).next()?.parse().ok()).collect()
}

// --- what the system says about it ---

#[cfg(target_os = "linux")]
impl Child {
    /// Returns how many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("its descriptors").count()
    }

    /// Whether it sleeps. The program sleeps in its poller only.
    pub fn is_asleep(&self) -> bool {
        self.state() == 'S'
    }

    /// Whether a signal has stopped it, or its tracer has stopped it at that signal.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state(), 'T' | 't')
    }

    fn state(&self) -> char {
        let stat = self.proc("stat");
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a letter")
    }

    /// Returns how much memory it has, in bytes, by the name of a line in `smaps_rollup`.
    pub fn memory(&self, name: &str) -> u64 {
        self.kilobytes("smaps_rollup", name) * 1024
    }

    /// Returns the most memory that it has had in RAM, in bytes.
    pub fn most_resident(&self) -> u64 {
        self.kilobytes("status", "VmHWM") * 1024
    }

    fn kilobytes(&self, file: &str, name: &str) -> u64 {
        let text = self.proc(file);
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Returns how often it has gone to sleep by itself.
    pub fn sleeps(&self) -> u64 {
        let status = self.proc("status");
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.and_then(|count| count.trim().parse().ok()).expect("a number of switches")
    }

    /// Returns how long it has had a processor, by the account of its scheduler. The account may be a tick old.
    pub fn busy(&self) -> Duration {
        self.account(0)
    }

    /// Returns how long it has waited for a processor, by the same account.
    pub fn queued(&self) -> Duration {
        self.account(1)
    }

    fn account(&self, column: usize) -> Duration {
        let account = self.proc("schedstat");
        let nanos = account.split_ascii_whitespace().nth(column).and_then(|time| time.parse().ok());
        Duration::from_nanos(nanos.expect("nanoseconds"))
    }

    fn proc(&self, file: &str) -> String {
        let file = format!("/proc/{}/{file}", self.pid());
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}
