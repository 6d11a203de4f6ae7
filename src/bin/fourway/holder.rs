//! The socket that holds a port in use, found in the kernel's list.
//!
//! It need not be a listener. An outgoing connection has a local port too, and keeps it in TIME_WAIT after its end.
//! Then there is no program to stop.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state of a socket in the kernel's list. The states that explain best why a port is in use come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Listen,
    Connection(&'static str),
    TimeWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    state: State,
    local: SocketAddr,
    remote: SocketAddr,
}

/// Returns the reason why a port is in use, and advice. `name` is the option that sets the address.
pub fn of(address: SocketAddr, name: &str) -> (String, Option<String>) {
    let tables: Vec<_> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| File::open(path).ok()).collect();
    if tables.is_empty() {
        return ("the port is in use".into(), Some(stop(name)));
    }
    let lines = tables.into_iter().flat_map(|table| BufReader::new(table).lines().map_while(Result::ok));
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    explain(find(lines, address), address.port(), parse_range(&range), name)
}

fn stop(name: &str) -> String {
    format!("stop the program that holds it, or choose another with {name}")
}

/// Returns whether the addresses of two sockets conflict. The server's IPv6 sockets take no IPv4 clients.
pub fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let is_any = a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && (a.ip() == b.ip() || is_any && a.is_ipv4() == b.is_ipv4())
}

/// Returns the socket that explains best why the address is in use.
fn find(lines: impl Iterator<Item = String>, address: SocketAddr) -> Option<Socket> {
    let sockets = lines.filter_map(|line| parse(&line));
    // An IPv6 socket of another program may take IPv4 clients.
    let takes_both =
        |socket: &Socket| socket.local == SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port()));
    sockets
        .filter(|socket| overlap(socket.local, address) || takes_both(socket))
        .min_by_key(|socket| socket.state)
}

fn explain(
    socket: Option<Socket>,
    port: u16,
    range: Option<(u16, u16)>,
    name: &str,
) -> (String, Option<String>) {
    let other = format!("choose another port with {name}");
    let Some(Socket { state, local, remote }) = socket else {
        return ("the port is in use, but the kernel lists no socket that holds it".into(), Some(other));
    };
    let mut reason = match state {
        State::Listen => {
            return (format!("the port is in use by a program that listens on {local}"), Some(stop(name)));
        }
        State::Connection(name) => {
            format!("the port is in use by a connection, {local} to {remote} ({name})")
        }
        State::TimeWait => {
            format!("the port is in use by a connection that has ended, {local} to {remote} (TIME_WAIT)")
        }
    };
    let wait = if state == State::TimeWait { "wait a minute" } else { "wait until it ends" };
    let Some((first, last)) = range.filter(|&(first, last)| (first..=last).contains(&port)) else {
        return (reason, Some(format!("{wait}, or {other}")));
    };
    reason += &format!(
        "; the kernel gives ports from net.ipv4.ip_local_port_range ({first} {last}) to outgoing connections"
    );
    let advice =
        format!("{wait}, or {other}; to keep port {port} free, add it to net.ipv4.ip_local_reserved_ports");
    (reason, Some(advice))
}

/// Parses a line of `/proc/net/tcp`: a number, the two addresses, the state.
fn parse(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (parse_address(fields.next()?)?, parse_address(fields.next()?)?);
    let state = match fields.next()? {
        "01" => State::Connection("ESTABLISHED"),
        "02" => State::Connection("SYN_SENT"),
        "03" => State::Connection("SYN_RECV"),
        "04" => State::Connection("FIN_WAIT1"),
        "05" => State::Connection("FIN_WAIT2"),
        "06" => State::TimeWait,
        "08" => State::Connection("CLOSE_WAIT"),
        "09" => State::Connection("LAST_ACK"),
        "0A" => State::Listen,
        "0B" => State::Connection("CLOSING"),
        _ => return None,
    };
    Some(Socket { state, local, remote })
}

/// Parses an address: words of 32 bits, each in the machine's byte order, then the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

fn parse_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    Some((first.parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the words of an address, as this machine prints them.
    fn words(ip: &str) -> String {
        let bytes = match ip.parse().unwrap() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let word = |bytes: &[u8]| format!("{:08X}", u32::from_ne_bytes(bytes.try_into().unwrap()));
        bytes.chunks(4).map(word).collect()
    }

    fn line(local: (&str, u16), remote: (&str, u16), state: &str) -> String {
        let address = |(ip, port): (&str, u16)| format!("{}:{port:04X}", words(ip));
        format!("   7: {} {} {state} 00000000:00000000 00:00000000 00000000", address(local), address(remote))
    }

    fn found(lines: &[String], address: &str) -> Option<Socket> {
        let header = "  sl  local_address rem_address   st tx_queue rx_queue".to_owned();
        find([header].into_iter().chain(lines.iter().cloned()), address.parse().unwrap())
    }

    #[test]
    fn a_listener_explains_a_port_better_than_its_connections() {
        let lines = [
            line(("127.0.0.1", 80), ("127.0.0.1", 5000), "06"),
            line(("127.0.0.1", 80), ("127.0.0.1", 5001), "01"),
            line(("0.0.0.0", 80), ("0.0.0.0", 0), "0A"),
        ];
        let socket = found(&lines, "127.0.0.1:80").unwrap();
        assert_eq!((socket.state, socket.local), (State::Listen, "0.0.0.0:80".parse().unwrap()));
        assert_eq!(found(&lines[..2], "0.0.0.0:80").unwrap().state, State::Connection("ESTABLISHED"));
        assert_eq!(found(&lines[..1], "127.0.0.1:80").unwrap().state, State::TimeWait);
    }

    #[test]
    fn sockets_on_other_addresses_and_ports_do_not_count() {
        let lines = [
            line(("127.0.0.2", 80), ("127.0.0.1", 5000), "01"),
            line(("127.0.0.1", 81), ("0.0.0.0", 0), "0A"),
            line(("::1", 80), ("::", 0), "0A"),
        ];
        assert_eq!(found(&lines, "127.0.0.1:80"), None);
        assert_eq!(found(&lines, "[::1]:80").unwrap().state, State::Listen);
        assert_eq!(found(&lines, "[::]:80").unwrap().local, "[::1]:80".parse().unwrap());
    }

    #[test]
    fn an_ipv6_socket_can_hold_an_ipv4_port() {
        let listener = [line(("::", 80), ("::", 0), "0A")];
        assert_eq!(found(&listener, "127.0.0.1:80").unwrap().state, State::Listen);
        let mapped = [line(("::ffff:127.0.0.1", 80), ("::ffff:10.0.0.1", 443), "01")];
        assert_eq!(found(&mapped, "127.0.0.1:80").unwrap().remote, "10.0.0.1:443".parse().unwrap());
    }

    #[test]
    fn the_range_of_outgoing_ports_is_printed_only_if_the_port_is_in_it() {
        let lines = [line(("127.0.0.1", 65534), ("127.0.0.1", 80), "06")];
        let socket = found(&lines, "127.0.0.1:65534");
        let (reason, advice) = explain(socket, 65534, parse_range("1024\t65535\n"), "--listen");
        assert!(reason.contains("127.0.0.1:65534 to 127.0.0.1:80 (TIME_WAIT)"), "{reason}");
        assert!(reason.contains("ip_local_port_range (1024 65535)"), "{reason}");
        assert!(
            advice.unwrap().contains("to keep port 65534 free, add it to net.ipv4.ip_local_reserved_ports")
        );
        let (reason, advice) = explain(socket, 65534, parse_range("32768 60999"), "--listen");
        assert!(!(reason + &advice.unwrap()).contains("ip_local"));
    }

    #[test]
    fn a_port_without_a_listed_socket_has_no_explanation() {
        let (reason, advice) = explain(None, 80, None, "FOURWAY_LISTEN");
        assert_eq!(reason, "the port is in use, but the kernel lists no socket that holds it");
        assert_eq!(advice.unwrap(), "choose another port with FOURWAY_LISTEN");
    }
}
