//! The program `fourway` as a child process that ends with its test.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::PATIENCE;

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_fourway");

pub struct Program {
    pub address: SocketAddr,
    /// The line in which it says where it listens.
    pub greeting: String,
    child: Child,
    may_end: bool,
    lines: Receiver<String>,
    log: Receiver<String>,
}

/// What is left of a program.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub summary: String,
    pub log: String,
}

impl Ended {
    /// A number of the summary, by what stands before it; those that are 0 may not be listed.
    pub fn number(&self, name: &str) -> u64 {
        let value = |line: &str| line.trim().strip_prefix(name)?.trim().parse().ok();
        self.summary.lines().find_map(value).unwrap_or(0)
    }
}

impl Program {
    /// Starts it on a free port, and waits until it says that it listens.
    pub fn start(options: &[&str]) -> Program {
        Program::start_as(Command::new(EXECUTABLE), options)
    }

    /// The same under a tool that becomes the program it watches, or runs it in its own process.
    pub fn start_under(mut tool: Command, options: &[&str]) -> Program {
        tool.arg(EXECUTABLE);
        Program::start_as(tool, options)
    }

    /// The same on a socket that this process has bound, and keeps: as a service manager hands it over,
    /// in the descriptor 3 (`sd_listen_fds(3)`).
    #[cfg(unix)]
    pub fn start_on(listener: &TcpListener, options: &[&str]) -> Program {
        let listener = OwnedFd::from(listener.try_clone().expect("a second handle"));
        Program::spawn(Program::handing_over(listener, options))
    }

    /// The command that starts it with a descriptor that it inherits.
    #[cfg(unix)]
    pub fn handing_over(descriptor: OwnedFd, options: &[&str]) -> Command {
        const HAND_OVER: &str = r#"exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@""#;
        let mut shell = Command::new("sh");
        shell.args(["-c", HAND_OVER, EXECUTABLE]).args(options).stdin(descriptor);
        shell
    }

    /// The same on an address of the test's.
    pub fn start_at(address: SocketAddr, options: &[&str]) -> Program {
        let mut command = Command::new(EXECUTABLE);
        command.args(["--listen", &address.to_string()]).args(options).stdin(Stdio::null());
        Program::spawn(command)
    }

    fn start_as(mut command: Command, options: &[&str]) -> Program {
        command.args(["--listen", "127.0.0.1:0"]).args(options).stdin(Stdio::null());
        Program::spawn(command)
    }

    fn spawn(mut command: Command) -> Program {
        // Options can also be set in the environment; here only the test sets any.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FOURWAY_") {
                command.env_remove(name);
            }
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be run");
        let lines = lines_of(child.stdout.take().expect("its output is a pipe"));
        let log = lines_of(child.stderr.take().expect("its log is a pipe"));
        let mut program =
            Program { address: super::ANY_PORT, greeting: String::new(), child, may_end: false, lines, log };
        let first = program.lines.recv_timeout(PATIENCE).expect("the program says where it listens");
        program.address = address_in(&first).unwrap_or_else(|| panic!("no address in {first:?}"));
        program.greeting = first;
        program
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, by the signal's short name.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(kill.expect("kill").success(), "SIG{name} reaches the program");
    }

    /// Asks it to end, and waits until it has.
    #[cfg(unix)]
    pub fn end(self) -> Ended {
        self.signal("TERM");
        let ended = self.wait();
        assert!(ended.status.success(), "the program ended with {}: {}", ended.status, ended.log);
        ended
    }

    /// Waits until it has ended.
    pub fn wait(mut self) -> Ended {
        self.may_end = true;
        super::wait_until("the program ends", || self.child.try_wait().expect("a child of ours").is_some());
        let status = self.child.wait().expect("a child of ours");
        let text = |lines: &Receiver<String>| lines.iter().map(|line| line + "\n").collect::<String>();
        Ended { status, summary: text(&self.lines), log: text(&self.log) }
    }

    /// How many descriptors it has open.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("its descriptors").count()
    }

    /// Whether it sleeps: in its poller, for there is nothing else that it waits in.
    #[cfg(target_os = "linux")]
    pub fn is_asleep(&self) -> bool {
        self.state() == 'S'
    }

    /// Whether a signal has stopped it, or whoever traces it has at that signal.
    #[cfg(target_os = "linux")]
    pub fn is_stopped(&self) -> bool {
        matches!(self.state(), 'T' | 't')
    }

    /// What the system's scheduler says of it (`proc(5)`).
    #[cfg(target_os = "linux")]
    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("its state");
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a letter")
    }

    /// What the system says about its memory, in bytes, by the name of a line in `smaps_rollup`.
    #[cfg(target_os = "linux")]
    pub fn memory(&self, name: &str) -> u64 {
        let file = format!("/proc/{}/smaps_rollup", self.pid());
        let rollup = std::fs::read_to_string(&file).expect("what its memory is");
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        1024 * kilobytes.unwrap_or_else(|| panic!("no {name} in {rollup}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let ended = self.child.try_wait().ok().flatten();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.log.iter().for_each(|line| eprintln!("the program: {line}"));
        } else {
            assert!(self.may_end || ended.is_none(), "the program ended by itself: {ended:?}");
        }
    }
}

/// Reads on to the end, so that the program never waits for a reader.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (to, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = to.send(line);
        }
    });
    lines
}

/// `fourway: listening on http://127.0.0.1:PORT; …`
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| c == ';' || c == '/' || c.is_whitespace()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
