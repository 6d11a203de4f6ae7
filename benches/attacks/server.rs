//! A server in a process of its own: how it is started, what memory it has, and what CPU time it has used.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::child::{Child, addresses_in};
use crate::folder::Folder;
use crate::group::Limit;
use crate::nginx;

/// The body of the small answer.
pub const BODY: &[u8] = b"xixizi";

/// A server that uses no CPU time for this long is idle.
const IDLE: Duration = Duration::from_millis(50);

const PATIENCE: Duration = Duration::from_secs(20);

/// Which server, and the file of its program.
pub enum Kind<'p> {
    Fourway(&'p Path),
    Nginx(&'p Path),
}

pub struct Server {
    pub address: SocketAddr,
    child: Child,
    /// The process that serves. Of nginx it is the worker.
    pid: u32,
    limit: Option<Limit>,
    _folder: Folder,
}

impl Server {
    /// Starts it, and returns when it listens. Its environment is empty but for the tunables, because every
    /// option of `fourway` could come from there.
    pub fn start(
        kind: &Kind,
        page: Option<usize>,
        huge_pages: bool,
        limit: Option<Limit>,
    ) -> io::Result<Self> {
        let folder = Folder::new()?;
        let page = page.map(|length| folder.write("page", vec![b'p'; length])).transpose()?;
        let program = match kind {
            Kind::Fourway(program) | Kind::Nginx(program) => program,
        };
        let mut command = match &limit {
            Some(limit) => limit.command(program),
            None => Command::new(program),
        };
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        if huge_pages {
            command.env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
        }
        let (child, address) = match kind {
            Kind::Nginx(_) => {
                let (child, address) = nginx::start(&mut command, &folder)?;
                (child, Some(address))
            }
            Kind::Fourway(_) => {
                command.args(["--listen", "127.0.0.1:0"]);
                if let Some(page) = &page {
                    command.arg("--body-file").arg(page);
                }
                let mut child = Child::with_streams(&mut command);
                let address = child.stdout.next_line().and_then(|line| addresses_in(&line).first().copied());
                (child, address)
            }
        };
        let pid = child.pid();
        let mut server =
            Server { address: SocketAddr::from(([0; 4], 0)), child, pid, limit, _folder: folder };
        // From here on it ends with `server`.
        server.address = address.ok_or_else(|| io::Error::other("it does not say where it listens"))?;
        if let Kind::Nginx(_) = kind {
            server.pid = nginx::worker(pid, PATIENCE)?;
        }
        Ok(server)
    }

    /// Bytes of memory that are resident, if it lives.
    pub fn resident(&self) -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    /// The time that it has been on a processor, if it lives.
    pub fn cpu(&self) -> Option<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.pid)).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }

    /// Waits until it uses no CPU time, if that comes.
    pub fn wait_until_idle(&self) {
        let start = Instant::now();
        let mut before = None;
        while start.elapsed() < PATIENCE && (before.is_none() || before != self.cpu()) {
            before = self.cpu();
            thread::sleep(IDLE);
        }
    }

    /// How it has ended, if it has.
    pub fn end_by_itself(&mut self) -> Option<String> {
        let status = self.child.status().map(|status| status.to_string());
        status.or_else(|| self.cpu().is_none().then(|| "its worker is another one".into()))
    }

    pub fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }
}

impl Drop for Server {
    /// nginx takes its worker along if it is asked to end.
    fn drop(&mut self) {
        if self.pid != self.child.pid() && self.child.try_signal("TERM") {
            let _ = self.child.process.wait();
        }
    }
}
