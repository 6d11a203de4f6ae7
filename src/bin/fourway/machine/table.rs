//! The kernel's list of TCP sockets (`/proc/net/tcp`): a line of text for each. It takes long while there are many.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The state of a socket in the kernel's list. The states that explain best why a port is in use
/// come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Listen,
    Connection(&'static str),
    TimeWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    pub state: State,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// Returns the lines of both lists, or `None` if the system has none.
pub fn lines() -> Option<impl Iterator<Item = String>> {
    let files: Vec<_> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| File::open(path).ok()).collect();
    let lines = |file| BufReader::new(file).lines().map_while(Result::ok);
    (!files.is_empty()).then(|| files.into_iter().flat_map(lines))
}

/// Parses a line of `/proc/net/tcp`: a number, the two addresses, the state.
pub fn parse(line: &str) -> Option<Socket> {
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

/// Returns the time until the timer of a line's socket expires. For TIME_WAIT, this is the time that is left of it.
pub fn timer(line: &str) -> Option<Duration> {
    /// The kernel prints `clock_t`, of which a second has 100.
    const TICK: u64 = 10;
    let (_, ticks) = line.split_ascii_whitespace().nth(5)?.split_once(':')?;
    Some(Duration::from_millis(u64::from_str_radix(ticks, 16).ok()? * TICK))
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

#[cfg(test)]
pub mod tests {
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

    /// Returns a line of the list.
    pub fn line(local: (&str, u16), remote: (&str, u16), state: &str) -> String {
        let address = |(ip, port): (&str, u16)| format!("{}:{port:04X}", words(ip));
        format!("   7: {} {} {state} 00000000:00000000 00:00000000 00000000", address(local), address(remote))
    }

    #[test]
    fn an_address_is_words_in_the_machines_order() {
        let socket = parse(&line(("::ffff:127.0.0.1", 80), ("10.0.0.1", 443), "01")).unwrap();
        assert_eq!(socket.state, State::Connection("ESTABLISHED"));
        assert_eq!(socket.local, "127.0.0.1:80".parse().unwrap());
        assert_eq!(socket.remote, "10.0.0.1:443".parse().unwrap());
    }

    #[test]
    fn the_timer_is_the_sixth_field_in_hundredths_of_a_second() {
        let line = "   7: 0100007F:8F35 0100007F:9494 06 00000000:00000000 03:00001756 00000000 0 0 0 3";
        assert_eq!(timer(line), Some(Duration::from_millis(59_740)));
        assert_eq!(timer("   7: 0100007F:8F35 0100007F:9494 06"), None);
    }

    #[test]
    fn the_heading_and_strange_lines_are_no_sockets() {
        assert_eq!(parse("  sl  local_address rem_address   st tx_queue rx_queue"), None);
        assert_eq!(parse(&line(("127.0.0.1", 80), ("127.0.0.1", 81), "0F")), None);
        assert_eq!(parse("   7: 0100007F:0050"), None);
    }
}
