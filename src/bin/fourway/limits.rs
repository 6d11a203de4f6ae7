//! The limits that the server divides or reports: open files and the accept queue.

use std::fmt;
use std::io;

use super::machine::{self, sysctl};
use super::options::Options;

/// Files reserved for everything but connections: standard streams, poller, signals and listeners. There can be 64
/// listeners, but few programs have more than one.
pub const RESERVED: u64 = 64;

/// The maximum number of connections by default, because each connection has a slot from the start. On a 32-bit
/// system, a token range has room for no more.
const DEFAULT_MAX: u64 = if usize::BITS < 64 { 1 << 17 } else { 1 << 20 };

/// The maximum number of connections, and the reason for it.
#[derive(Debug)]
pub struct Capacity {
    pub connections: usize,
    file_limit: u64,
    /// Files that are for everything but these connections.
    reserved: u64,
    /// The number of connections that the file limit allows.
    room: u64,
    /// The value of `--max-connections`.
    wanted: Option<u64>,
    is_cut_by_memory: bool,
}

impl Capacity {
    /// Raises the soft limit of open files to the hard limit, and divides it. `beside` is the number of connections of
    /// the status server.
    pub fn claim(wanted: Option<usize>, beside: usize) -> Result<Self, String> {
        let raised = rlimit::increase_nofile_limit(u64::MAX).or_else(|_| soft_limit());
        let file_limit = raised.map_err(|error| format!("cannot read the limit of open files: {error}"))?;
        Self::divide(file_limit, wanted.map(|wanted| wanted as u64), RESERVED + beside as u64)
    }

    fn divide(file_limit: u64, wanted: Option<u64>, reserved: u64) -> Result<Self, String> {
        let room = file_limit.saturating_sub(reserved);
        let connections = usize::try_from(wanted.unwrap_or(DEFAULT_MAX).min(room)).unwrap_or(usize::MAX);
        if connections == 0 {
            return Err(format!(
                "the limit of {file_limit} open files is too low for any connection, \
                 because {reserved} are reserved: raise it with ulimit -n"
            ));
        }
        Ok(Capacity { connections, file_limit, reserved, room, wanted, is_cut_by_memory: false })
    }

    /// Lowers the number to what fits in memory.
    pub fn cut_by_memory(&mut self, connections: usize) {
        self.is_cut_by_memory = connections < self.connections;
        self.connections = connections;
    }

    /// Returns a warning if the file limit is too low for the wanted number. `name` is the option that sets the
    /// number.
    pub fn warning(&self, name: &str) -> Option<String> {
        let wanted = self.wanted.filter(|&wanted| wanted > self.room)?;
        Some(format!(
            "{name} is {wanted}, but the limit of {} open files allows {} connections: \
             raise that limit with ulimit -n",
            self.file_limit, self.room
        ))
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} connections (", self.connections)?;
        let (limit, reserved) = (self.file_limit, self.reserved);
        match self.wanted {
            _ if self.is_cut_by_memory => write!(f, "no more fit in half of the memory)"),
            _ if self.connections as u64 == self.room => {
                write!(f, "file limit {limit}, {reserved} reserved)")
            }
            Some(_) => write!(f, "as configured, file limit {limit})"),
            None => write!(f, "default maximum, file limit {limit})"),
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

/// Returns a warning for each option of the listeners that the kernel cuts to a setting of its own.
pub fn listener_warnings(options: &Options) -> impl Iterator<Item = String> {
    let given = &options.listeners;
    let number = |given: Option<usize>| given.unwrap_or_default() as u64;
    let cuts = [
        ("backlog", given.backlog.into(), "net.core.somaxconn"),
        ("send_buffer", number(given.send_buffer), "net.core.wmem_max"),
        ("receive_buffer", number(given.receive_buffer), "net.core.rmem_max"),
        ("fast_open", number(given.fast_open), "net.core.somaxconn"),
    ];
    let cuts =
        cuts.into_iter().filter_map(|(id, value, setting)| cut_warning(value, &options.name(id), setting));
    cuts.chain(given.fast_open.and_then(|_| fast_open_warning(&options.name("fast_open"))))
}

/// Returns a warning if the kernel's setting does not let servers take data with a SYN.
fn fast_open_warning(name: &str) -> Option<String> {
    const SERVER: u32 = 2;
    let setting = sysctl::number(&machine::this, "net.ipv4.tcp_fastopen")?;
    let bits = u32::try_from(setting).unwrap_or_default();
    (bits & SERVER == 0).then(|| {
        format!(
            "{name} has no effect, because net.ipv4.tcp_fastopen is {setting}: \
             allow it with sysctl -w net.ipv4.tcp_fastopen={}",
            bits | SERVER
        )
    })
}

fn cut_warning(value: u64, name: &str, setting: &str) -> Option<String> {
    let most = sysctl::number(&machine::this, setting)?;
    (value > most).then(|| {
        format!(
            "{name} is {value}, but {setting} limits it to {most}: \
             raise that limit with sysctl -w {setting}={value}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_limit_bounds_the_wanted_number() {
        let capacity = Capacity::divide(20_000, Some(50_000), RESERVED).unwrap();
        assert_eq!(capacity.connections, 19_936);
        assert_eq!(capacity.to_string(), "up to 19936 connections (file limit 20000, 64 reserved)");
        let warning = capacity.warning("FOURWAY_MAX_CONNECTIONS").unwrap();
        assert!(warning.starts_with("FOURWAY_MAX_CONNECTIONS is 50000, "), "{warning}");
        assert!(warning.contains("allows 19936 connections"), "{warning}");
    }

    #[test]
    fn the_wanted_number_is_held_if_the_file_limit_allows_it() {
        let capacity = Capacity::divide(20_000, Some(100), RESERVED).unwrap();
        assert_eq!(capacity.to_string(), "up to 100 connections (as configured, file limit 20000)");
        assert_eq!(capacity.warning("--max-connections"), None);
    }

    #[test]
    fn the_default_is_at_most_a_million() {
        let capacity = Capacity::divide(u64::MAX, None, RESERVED).unwrap();
        assert_eq!(capacity.connections, 1_048_576);
        assert_eq!(capacity.warning("--max-connections"), None);
    }

    #[test]
    fn a_file_limit_too_low_for_any_connection_is_an_error() {
        assert!(Capacity::divide(64, None, RESERVED).unwrap_err().contains("ulimit -n"));
    }

    #[test]
    fn a_number_cut_by_memory_is_printed_with_this_reason() {
        let mut capacity = Capacity::divide(20_000, Some(1000), RESERVED).unwrap();
        capacity.cut_by_memory(500);
        assert_eq!(capacity.to_string(), "up to 500 connections (no more fit in half of the memory)");
    }
}
