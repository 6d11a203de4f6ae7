//! What the system allows: open files, the accept queue, and how often that queue was full.

use std::fmt;
use std::fs;
use std::io;

/// Files that are not connections: standard streams, poller, signals, listeners (at most 64, of
/// which few programs have more than one).
const KEPT_BACK: u64 = 64;

/// More than this is only held if asked for: each connection has a slot from the start. A token
/// range has room for no more than the smaller number on 32-bit.
const DEFAULT_MOST: u64 = if usize::BITS < 64 { 1 << 17 } else { 1 << 20 };

/// How many connections can be held, and why not more.
#[derive(Debug)]
pub struct Capacity {
    pub connections: usize,
    file_limit: u64,
    /// What the file limit allows.
    room: u64,
    asked: Option<u64>,
    is_cut_by_memory: bool,
}

impl Capacity {
    /// Raises the soft limit of open files to the hard one and divides what that gives.
    pub fn claim(asked: Option<usize>) -> Result<Self, String> {
        let raised = rlimit::increase_nofile_limit(u64::MAX).or_else(|_| soft_limit());
        let file_limit = raised.map_err(|error| format!("the limit of open files is unknown: {error}"))?;
        Self::divide(file_limit, asked.map(|asked| asked as u64))
    }

    fn divide(file_limit: u64, asked: Option<u64>) -> Result<Self, String> {
        let room = file_limit.saturating_sub(KEPT_BACK);
        let connections = usize::try_from(asked.unwrap_or(DEFAULT_MOST).min(room)).unwrap_or(usize::MAX);
        if connections == 0 {
            return Err(format!(
                "the limit of {file_limit} open files leaves no room for connections, \
                 because {KEPT_BACK} are kept back: raise it with ulimit -n"
            ));
        }
        Ok(Capacity { connections, file_limit, room, asked, is_cut_by_memory: false })
    }

    /// Lowers the number to what there is memory for.
    pub fn cut_by_memory(&mut self, connections: usize) {
        self.is_cut_by_memory = connections < self.connections;
        self.connections = connections;
    }

    /// A sentence if less can be held than was asked for.
    pub fn warning(&self) -> Option<String> {
        let asked = self.asked.filter(|&asked| asked > self.room)?;
        Some(format!(
            "{asked} connections were asked for, but the limit of {} open files allows {}: \
             raise it with ulimit -n",
            self.file_limit, self.room
        ))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} connections (", self.connections)?;
        let limit = self.file_limit;
        match self.asked {
            _ if self.is_cut_by_memory => write!(f, "half of the memory has no space for more)"),
            _ if self.connections as u64 == self.room => {
                write!(f, "file limit {limit}, {KEPT_BACK} kept back)")
            }
            Some(_) => write!(f, "as asked for, file limit {limit})"),
            None => write!(f, "unless more are asked for, file limit {limit})"),
        }
    }
}

#[cfg(unix)]
fn soft_limit() -> io::Result<u64> {
    rlimit::Resource::NOFILE.get_soft()
}

#[cfg(not(unix))]
fn soft_limit() -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A sentence if the system cuts the backlog.
pub fn backlog_warning(backlog: u32) -> Option<String> {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?;
    let most: u32 = text.trim().parse().ok()?;
    (backlog > most).then(|| {
        format!(
            "the backlog of {backlog} is cut to {most} by net.core.somaxconn: \
             raise it with sysctl -w net.core.somaxconn={backlog}"
        )
    })
}

/// How many connections the kernel has turned away since it started, because the accept queue of
/// some listener was full; `None` where it does not say.
pub fn listen_overflows() -> Option<u64> {
    tcp_counter(&fs::read_to_string("/proc/net/netstat").ok()?, "ListenOverflows")
}

/// The file has a line of names and below it a line of numbers, both beginning with `TcpExt:`.
fn tcp_counter(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let (_, number) = names.split(' ').zip(numbers.split(' ')).find(|(n, _)| *n == name)?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_limit_bounds_what_is_asked_for() {
        let capacity = Capacity::divide(20_000, Some(50_000)).unwrap();
        assert_eq!(capacity.connections, 19_936);
        assert_eq!(capacity.to_string(), "up to 19936 connections (file limit 20000, 64 kept back)");
        let warning = capacity.warning().unwrap();
        assert!(warning.contains("50000") && warning.contains("19936"), "{warning}");
    }

    #[test]
    fn what_is_asked_for_is_held_if_it_can_be() {
        let capacity = Capacity::divide(20_000, Some(100)).unwrap();
        assert_eq!(capacity.to_string(), "up to 100 connections (as asked for, file limit 20000)");
        assert_eq!(capacity.warning(), None);
    }

    #[test]
    fn the_default_stops_at_a_million() {
        let capacity = Capacity::divide(u64::MAX, None).unwrap();
        assert_eq!(capacity.connections, 1_048_576);
        assert_eq!(capacity.warning(), None);
    }

    #[test]
    fn a_file_limit_without_room_is_an_error() {
        assert!(Capacity::divide(64, None).unwrap_err().contains("ulimit -n"));
    }

    #[test]
    fn a_number_that_memory_has_cut_says_so() {
        let mut capacity = Capacity::divide(20_000, Some(1000)).unwrap();
        capacity.cut_by_memory(500);
        assert_eq!(capacity.to_string(), "up to 500 connections (half of the memory has no space for more)");
    }

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 23 4\nIpExt: ListenOverflows\nIpExt: 9\n";
        assert_eq!(tcp_counter(text, "ListenOverflows"), Some(23));
        assert_eq!(tcp_counter(text, "Missing"), None);
        assert_eq!(tcp_counter("", "ListenOverflows"), None);
    }
}
