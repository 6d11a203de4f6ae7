//! The socket that holds a port in use, found in the kernel's list.
//!
//! It need not be a listener. An outgoing connection has a local port too, and keeps it in TIME_WAIT after its end.
//! Then there is no program to stop.

use std::net::{Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use super::machine::ports;
use super::machine::table::{self, Socket, State};

/// Returns the reason why a port is in use, and advice. `name` is the option that sets the address.
pub fn of(address: SocketAddr, name: &str) -> (String, Option<String>) {
    let Some(lines) = table::lines() else {
        return ("the port is in use".into(), Some(stop(name)));
    };
    explain(find(lines, address), address.port(), ports::range(), name)
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
    let sockets = lines.filter_map(|line| table::parse(&line));
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
    range: Option<RangeInclusive<u16>>,
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
    let Some(range) = range.filter(|range| range.contains(&port)) else {
        return (reason, Some(format!("{wait}, or {other}")));
    };
    let (first, last) = (range.start(), range.end());
    reason += &format!(
        "; the kernel gives ports from net.ipv4.ip_local_port_range ({first} {last}) to outgoing connections"
    );
    let advice =
        format!("{wait}, or {other}; to keep port {port} free, add it to net.ipv4.ip_local_reserved_ports");
    (reason, Some(advice))
}

#[cfg(test)]
mod tests {
    use super::super::machine::table::tests::line;
    use super::*;

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
        let (reason, advice) = explain(socket, 65534, ports::parse_range("1024\t65535\n"), "--listen");
        assert!(reason.contains("127.0.0.1:65534 to 127.0.0.1:80 (TIME_WAIT)"), "{reason}");
        assert!(reason.contains("ip_local_port_range (1024 65535)"), "{reason}");
        assert!(
            advice.unwrap().contains("to keep port 65534 free, add it to net.ipv4.ip_local_reserved_ports")
        );
        let (reason, advice) = explain(socket, 65534, ports::parse_range("32768 60999"), "--listen");
        assert!(!(reason + &advice.unwrap()).contains("ip_local"));
    }

    #[test]
    fn a_port_without_a_listed_socket_has_no_explanation() {
        let (reason, advice) = explain(None, 80, None, "FOURWAY_LISTEN");
        assert_eq!(reason, "the port is in use, but the kernel lists no socket that holds it");
        assert_eq!(advice.unwrap(), "choose another port with FOURWAY_LISTEN");
    }
}
