//! A server as a child process: `fourway` or the floor.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::child::{Child, addresses_in};
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
        self.place(|| Server::start(kind, &self.program, page))
    }

    /// The same for a server that this program is itself, by its argument.
    pub fn start_self(&self, role: &str) -> io::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        self.place(|| Server::of(Kind::Floor, command.arg(role)))
    }

    fn place(&self, start: impl FnOnce() -> io::Result<Server>) -> io::Result<Server> {
        machine::pin(self.server_core)?;
        let server = start();
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
        Server::of(kind, &mut command)
    }

    fn of(kind: Kind, command: &mut Command) -> io::Result<Self> {
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::with_streams(command);
        let schedstat = File::open(format!("/proc/{}/schedstat", child.pid()))?;
        let line = child.stdout.next_line().unwrap_or_default();
        match addresses_in(&line)[..] {
            [address, ..] => Ok(Server { address, kind, child, schedstat }),
            [] => Err(io::Error::other(format!("{kind:?} said no address: {line:?}"))),
        }
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

    /// Its memory that is in RAM, in bytes.
    pub fn resident(&self) -> u64 {
        self.child.memory("Rss")
    }

    /// Asks it to end, and reads what it says.
    pub fn end(mut self) -> io::Result<Ended> {
        drop(self.child.process.stdin.take());
        if self.kind == Kind::Fourway {
            self.child.signal("TERM");
        }
        let ended = self.child.wait();
        let mut lines = ended.stdout.lines().map(str::trim);
        let of = |name| lines.clone().find_map(|line| line.strip_prefix(name).map(str::trim));
        let longest_turn = of("longest turn ").map(String::from);
        match lines.find_map(|line| line.strip_prefix("requests ")?.trim().parse().ok()) {
            Some(requests) if ended.status.success() => Ok(Ended { requests, longest_turn }),
            _ => Err(io::Error::other(format!("{:?} ended so: {ended:?}", self.kind))),
        }
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
