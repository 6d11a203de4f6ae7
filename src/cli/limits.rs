//! What the system allows: open files, the accept queue, and how often that queue was full.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use fourway::Config;

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
        Ok(Capacity { connections, file_limit, room, asked })
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

/// More slow clients at once than the library's default, as far as half of what the system would
/// give allows: beyond this number the slowest is cut off, and a load test can be all downloads.
/// The memory is given when it is first used, which for most clients it never is.
pub fn lend_exchanges(config: &mut Config) {
    const MOST: usize = 4096;
    const LEAST: usize = 16;
    config.exchanges = config.max_connections.min(MOST);
    while config.exchanges > LEAST && !can_reserve(config.reserved_bytes().saturating_mul(2)) {
        config.exchanges /= 2;
    }
}

fn can_reserve(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let reserved = probe.try_reserve_exact(bytes).is_ok();
    // The compiler may leave out an allocation that nobody looks at, and call it a success.
    std::hint::black_box(&probe);
    reserved
}

/// The memory that this process can have: that of the machine, or of its control group if that is less.
/// `None` where the system does not say.
pub fn memory() -> Option<u64> {
    let machine = mem_total(&fs::read_to_string("/proc/meminfo").ok()?);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    machine.into_iter().chain(group_limits(&groups, |file| fs::read_to_string(file).ok())).min()
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The limits of the control groups of a process, and of the groups around them. A container may see only
/// the root of its own.
fn group_limits(groups: &str, read: impl Fn(&str) -> Option<String>) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        for ancestor in Path::new(group).ancestors().filter_map(Path::to_str) {
            let path = format!("{root}{}/{file}", ancestor.trim_end_matches('/'));
            limits.extend(read(&path).and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits
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
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(mem_total("MemTotal:        2048 kB\nMemFree:  7 kB\n"), Some(2 << 20));
        assert_eq!(mem_total("MemFree:  7 kB\n"), None);
    }

    #[test]
    fn each_control_group_around_the_process_limits_it() {
        let files = |path: &str| match path {
            "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("1000\n".to_owned()),
            "/sys/fs/cgroup/memory/memory.limit_in_bytes" => Some("2000\n".to_owned()),
            _ => None,
        };
        assert_eq!(group_limits("0::/a/b\n", files), [1000]);
        assert_eq!(group_limits("4:cpu:/x\n3:memory:/not/here\n", files), [2000]);
        assert_eq!(group_limits("nonsense\n", files), []);
    }

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = "TcpExt: A ListenOverflows B\nTcpExt: 1 23 4\nIpExt: ListenOverflows\nIpExt: 9\n";
        assert_eq!(tcp_counter(text, "ListenOverflows"), Some(23));
        assert_eq!(tcp_counter(text, "Missing"), None);
        assert_eq!(tcp_counter("", "ListenOverflows"), None);
    }
}
