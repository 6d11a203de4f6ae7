//! A server as a child process: `fourway` or the floor.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Floor,
    Fourway,
}

pub struct Server {
    pub address: SocketAddr,
    kind: Kind,
    child: Child,
    output: BufReader<ChildStdout>,
    schedstat: File,
}

/// Where servers are started: which program, and who runs on which core.
pub struct Stage {
    pub program: PathBuf,
    pub server_core: usize,
    pub client_core: usize,
}

/// What a server said when it ended.
pub struct Ended {
    pub requests: u64,
    /// Of its loop; the floor does not say.
    pub longest_turn: Option<String>,
}

impl Stage {
    /// A server that listens, and this thread where the client belongs.
    pub fn start(&self, kind: Kind, page: &Page) -> io::Result<Server> {
        machine::pin(self.server_core)?;
        let server = Server::start(kind, &self.program, page);
        machine::pin(self.client_core)?;
        server
    }
}

impl Server {
    /// Starts it on the core of this thread, and waits until it listens. Its environment is empty:
    /// every option of `fourway` could come from there.
    fn start(kind: Kind, program: &Path, page: &Page) -> io::Result<Self> {
        let mut command = match kind {
            Kind::Floor => Command::new(std::env::current_exe()?),
            Kind::Fourway => Command::new(program),
        };
        match kind {
            Kind::Floor => command.arg("--floor").args(&page.file),
            // What is held is to stay, however long the measuring takes.
            Kind::Fourway => command
                .args(["--listen", "127.0.0.1:0", "--idle-timeout", "10d"])
                .args(["--content-type", "text/plain"])
                .args(page.file.iter().flat_map(|file| [Path::new("--body-file"), file])),
        };
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{:?} cannot be started: {error}", command.get_program()))
        })?;
        let output = child.stdout.take().expect("it is a pipe");
        let schedstat = File::open(format!("/proc/{}/schedstat", child.id()))?;
        let address = SocketAddr::from(([0; 4], 0));
        let mut server = Server { address, kind, child, output: BufReader::new(output), schedstat };
        server.address = server.read_address()?;
        Ok(server)
    }

    fn read_address(&mut self) -> io::Result<SocketAddr> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let address = line.split_once("http://").map(|(_, rest)| rest.trim());
        let address = address.and_then(|rest| rest.split(';').next()?.parse().ok());
        address.ok_or_else(|| io::Error::other(format!("{:?} said no address: {line:?}", self.kind)))
    }

    /// The time that it has been on a processor, by the scheduler's own account, in nanoseconds.
    ///
    /// While a process runs, its account lags by up to a tick. So this is called when every request
    /// has been answered, and gives the server the time to fall asleep.
    pub fn cpu(&self) -> io::Result<Duration> {
        thread::sleep(Duration::from_millis(2));
        let mut text = [0; 64];
        let len = self.schedstat.read_at(&mut text, 0)?;
        let text = String::from_utf8_lossy(&text[..len]);
        let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
        // It has run by now; a kernel that keeps no account says 0.
        match nanoseconds {
            None | Some(0) => Err(io::Error::other("this kernel keeps no account in /proc/PID/schedstat")),
            Some(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
        }
    }

    /// Tells it to end and reads what it says.
    pub fn end(mut self) -> io::Result<Ended> {
        drop(self.child.stdin.take());
        if self.kind == Kind::Fourway {
            kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        }
        let mut summary = String::new();
        self.output.read_to_string(&mut summary)?;
        let status = self.child.wait()?;
        let of = |name| summary.lines().find_map(|line| line.trim().strip_prefix(name).map(str::trim));
        match of("requests ").and_then(|requests| requests.parse().ok()) {
            Some(requests) if status.success() => {
                Ok(Ended { requests, longest_turn: of("longest turn ").map(String::from) })
            }
            _ => Err(io::Error::other(format!("{:?} ended with {status} and said {summary:?}", self.kind))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of every answer; in a file, if it is not the six bytes that `fourway` has by itself.
pub struct Page {
    pub body: Vec<u8>,
    file: Option<PathBuf>,
}

impl Page {
    pub fn small() -> Self {
        Page { body: b"xixizi".into(), file: None }
    }

    /// One whose bytes tell where they are, or nearly.
    pub fn of_length(length: usize) -> io::Result<Self> {
        let body: Vec<u8> = (b'a'..=b'w').cycle().take(length).collect();
        let name = format!("fourway-bench-{}-{length}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, &body)?;
        Ok(Page { body, file: Some(file) })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
        }
    }
}
