//! The program `fourway` as a child process that ends with its test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::PATIENCE;

pub struct Program {
    pub address: SocketAddr,
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
}

impl Program {
    /// Starts it on a free port, and waits until it says that it listens.
    pub fn start(options: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fourway"));
        // Options can also be set in the environment; here only the test sets any.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FOURWAY_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let lines = lines_of(child.stdout.take().expect("its output is a pipe"));
        let log = lines_of(child.stderr.take().expect("its log is a pipe"));
        let mut program = Program { address: super::ANY_PORT, child, lines, log };
        let first = program.lines.recv_timeout(PATIENCE).expect("the program says where it listens");
        program.address = address_in(&first).unwrap_or_else(|| panic!("no address in {first:?}"));
        program
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many descriptors it has open.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("its descriptors").count()
    }

    /// Whether it sleeps: in its poller, for there is nothing else that it waits in.
    #[cfg(target_os = "linux")]
    pub fn is_asleep(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("its state");
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
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
            assert!(ended.is_none(), "the program ended by itself: {ended:?}");
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
