//! The ports that this machine gives to outgoing connections, and those of them that are taken.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::table::{self, State};
use super::{Reader, sysctl};

/// The ports from which the kernel chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    pub range: RangeInclusive<u16>,
    /// The number of ports in the range that the kernel does not give, because the administrator has reserved them.
    pub reserved: usize,
}

impl Ports {
    /// Reads `net.ipv4.ip_local_port_range` and `net.ipv4.ip_local_reserved_ports`.
    pub fn read(read: Reader<'_>) -> Option<Self> {
        let range = parse_range(&sysctl::text(read, "net.ipv4.ip_local_port_range")?)?;
        let reserved = sysctl::text(read, "net.ipv4.ip_local_reserved_ports").unwrap_or_default();
        let reserved = parse_list(&reserved);
        let is_reserved = |port: &u16| reserved.iter().any(|part| part.contains(port));
        Some(Ports { reserved: range.clone().filter(is_reserved).count(), range })
    }

    /// Returns the number of ports that the kernel gives.
    pub fn count(&self) -> usize {
        self.range.len() - self.reserved
    }

    /// Returns the ports that one pair of addresses can have, if it has none yet.
    pub fn of_a_pair(&self, taken: &Taken) -> u64 {
        self.count().saturating_sub(taken.by_listeners) as u64
    }
}

/// Returns the range of ports of outgoing connections on this machine.
pub fn range() -> Option<RangeInclusive<u16>> {
    parse_range(&super::this("/proc/sys/net/ipv4/ip_local_port_range")?)
}

/// Parses two numbers, such as `32768 60999`.
pub fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    Some(first.parse().ok()?..=last.trim().parse().ok()?)
}

/// Parses a list of ports and ranges, such as `8080,9148-9150`.
fn parse_list(text: &str) -> Vec<RangeInclusive<u16>> {
    let part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter_map(part).collect()
}

/// The ports of the range that are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// Ports on which a program listens. No outgoing connection gets them.
    pub by_listeners: usize,
    /// The connections from one address to one address and port that hold the most ports. Other connections can have
    /// the same ports.
    pub busiest: Option<Busiest>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busiest {
    pub from: IpAddr,
    pub to: SocketAddr,
    pub ports: usize,
}

impl Taken {
    /// Counts the ports in the kernel's list, which has listeners before connections.
    pub fn count(lines: impl Iterator<Item = String>, range: &RangeInclusive<u16>) -> Self {
        let (mut listeners, mut pairs) = (HashSet::new(), HashMap::<(IpAddr, SocketAddr), usize>::new());
        let sockets = lines.filter_map(|line| table::parse(&line));
        for socket in sockets.filter(|socket| range.contains(&socket.local.port())) {
            let port = socket.local.port();
            if socket.state == State::Listen {
                listeners.insert(port);
            } else if !listeners.contains(&port) {
                *pairs.entry((socket.local.ip(), socket.remote)).or_default() += 1;
            }
        }
        let busiest = pairs.into_iter().max_by_key(|&(pair, ports)| (ports, pair));
        Taken {
            by_listeners: listeners.len(),
            busiest: busiest.map(|((from, to), ports)| Busiest { from, to, ports }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::line;
    use super::*;

    fn ports(range: &str, reserved: &str) -> Option<Ports> {
        let read = |path: &str| match path {
            "/proc/sys/net/ipv4/ip_local_port_range" => Some(range.to_owned()),
            "/proc/sys/net/ipv4/ip_local_reserved_ports" => Some(reserved.to_owned()),
            _ => None,
        };
        Ports::read(&read)
    }

    #[test]
    fn reserved_ports_outside_the_range_do_not_count() {
        let ports = ports("32768\t60999\n", "8080,40000-40009,50000,60999-61002\n").unwrap();
        assert_eq!((ports.reserved, ports.count()), (12, 28_220));
    }

    #[test]
    fn a_range_that_is_no_range_is_not_read() {
        assert_eq!(ports("", ""), None);
        assert_eq!(ports("1024", ""), None);
        assert_eq!(ports("1024 70000", ""), None);
        assert_eq!(ports("1024 1024", "\n").unwrap().count(), 1);
    }

    #[test]
    fn listeners_and_the_busiest_pair_hold_ports_of_the_range() {
        let lines = [
            line(("0.0.0.0", 40_000), ("0.0.0.0", 0), "0A"),
            line(("127.0.0.1", 80), ("0.0.0.0", 0), "0A"),
            // A server's ends are no outgoing connections, in whatever range its port is.
            line(("127.0.0.1", 40_000), ("127.0.0.1", 41_001), "01"),
            line(("127.0.0.1", 41_001), ("127.0.0.1", 40_000), "01"),
            line(("127.0.0.1", 41_002), ("127.0.0.1", 40_000), "06"),
            line(("127.0.0.1", 41_003), ("127.0.0.1", 80), "01"),
            line(("127.0.0.1", 1024), ("127.0.0.1", 80), "01"),
        ];
        let taken = Taken::count(lines.into_iter(), &(32_768..=60_999));
        assert_eq!(taken.by_listeners, 1);
        let busiest = taken.busiest.unwrap();
        assert_eq!((busiest.to, busiest.ports), ("127.0.0.1:40000".parse().unwrap(), 2));
    }
}
