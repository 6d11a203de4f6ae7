//! The bytes of `sock_diag` (`man 7 sock_diag`, `linux/inet_diag.h`): the request for all TCP sockets of a family, and the
//! sockets in the replies.
//!
//! The crate `netlink-packet-sock-diag` drops the time that is left of a TIME_WAIT, which the ledger is about. So these few
//! fields are read here. Nothing in a reply can make this panic: a reply that ends early ends the list of its parts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// One more than the number of the last state.
pub const STATES: usize = 13;

/// Numbers of states (`include/net/tcp_states.h`).
pub const TIME_WAIT: u8 = 6;
pub const LISTEN: u8 = 10;

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4 = 2,
    V6 = 10,
}

/// The length of a `struct nlmsghdr`, and of a `struct inet_diag_msg`.
const HEADER: usize = 16;
const SOCKET: usize = 72;

/// Types of messages (`linux/netlink.h`, `linux/sock_diag.h`).
const ERROR: u16 = 2;
const DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// One socket of the kernel's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Below [`STATES`].
    pub state: u8,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// The time until its timer expires. For TIME_WAIT, the time that is left of it.
    pub left: Duration,
}

/// One message of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Socket(Socket),
    /// A message that is none of the others.
    Unknown,
    /// The list has ended.
    Done,
    /// The kernel refuses the request. Holds the error's number.
    Error(i32),
}

/// The length of a request.
pub const REQUEST: usize = HEADER + 56;

/// Returns the request for all sockets of a family, in every state.
pub fn request(family: Family) -> [u8; REQUEST] {
    /// `NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH`
    const DUMP: u16 = 0x301;
    const IPPROTO_TCP: u8 = 6;
    let mut request = [0; REQUEST];
    request[..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    request[HEADER] = family as u8;
    request[HEADER + 1] = IPPROTO_TCP;
    request[HEADER + 4..HEADER + 8].copy_from_slice(&u32::MAX.to_ne_bytes());
    request
}

/// Returns the messages of a reply.
pub fn parts(reply: &[u8]) -> impl Iterator<Item = Part> {
    let mut rest = reply;
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(array(rest, 0)?) as usize;
        let kind = u16::from_ne_bytes(array(rest, 4)?);
        let body = rest.get(HEADER..length)?;
        // The last message need not be padded.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(match kind {
            DONE => Part::Done,
            ERROR => Part::Error(array(body, 0).map_or(0, i32::from_ne_bytes).wrapping_neg()),
            SOCK_DIAG_BY_FAMILY => socket(body).map_or(Part::Unknown, Part::Socket),
            _ => Part::Unknown,
        })
    })
}

/// Reads a `struct inet_diag_msg`.
fn socket(body: &[u8]) -> Option<Socket> {
    let body = body.get(..SOCKET)?;
    let (family, state) = (body[0], body[1]);
    let end = |port: usize, host: usize| {
        Some(SocketAddr::new(ip(family, body, host)?, u16::from_be_bytes(array(body, port)?)))
    };
    let left = Duration::from_millis(u32::from_ne_bytes(array(body, 52)?).into());
    let socket = Socket { state, local: end(4, 8)?, remote: end(6, 24)?, left };
    (usize::from(state) < STATES).then_some(socket)
}

/// Returns an IPv4 address also for one that is mapped into IPv6, because both have the same ports.
fn ip(family: u8, body: &[u8], at: usize) -> Option<IpAddr> {
    if family == Family::V4 as u8 {
        Some(Ipv4Addr::from(array::<4>(body, at)?).into())
    } else if family == Family::V6 as u8 {
        Some(IpAddr::from(Ipv6Addr::from(array::<16>(body, at)?)).to_canonical())
    } else {
        None
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A server's end in TIME_WAIT, as Linux 6.18 wrote it: 127.0.0.1:36661 to 127.0.0.1:38036, with 59,748 ms left.
    const HELD_HERE: &str = "600000001400020007000000dd3e0000020603008f359494\
        7f0000010000000000000000000000007f00000100000000000000000000000000000000\
        966203000000000064e900000000000000000000000000000000000008000f0000000000";
    const DONE: &str = "140000000300020007000000dd3e000000000000";

    /// An error of the same kernel: `ENOENT`, and the request that it is about.
    const NOT_FOUND: &str = "24000000020000000700000000000000feffffff480000001400010307000000dd3e0000";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Returns the message of an IPv4 socket in TIME_WAIT, as the kernel writes it.
    pub fn time_wait(local: (Ipv4Addr, u16), remote: (Ipv4Addr, u16), left: Duration) -> Vec<u8> {
        let mut message = vec![0; HEADER + SOCKET];
        let length = message.len() as u32;
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        let body = &mut message[HEADER..];
        (body[0], body[1]) = (Family::V4 as u8, TIME_WAIT);
        for (port, host, (address, number)) in [(4, 8, local), (6, 24, remote)] {
            body[port..port + 2].copy_from_slice(&number.to_be_bytes());
            body[host..host + 4].copy_from_slice(&address.octets());
        }
        body[52..56].copy_from_slice(&(left.as_millis() as u32).to_ne_bytes());
        message
    }

    /// Returns the message that ends a list, and the message that refuses a request.
    pub fn done() -> Vec<u8> {
        short(super::DONE, 0)
    }

    pub fn refusal(number: i32) -> Vec<u8> {
        short(ERROR, -number)
    }

    fn short(kind: u16, number: i32) -> Vec<u8> {
        let mut message = vec![0; HEADER + 4];
        message[..4].copy_from_slice(&20u32.to_ne_bytes());
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[HEADER..].copy_from_slice(&number.to_ne_bytes());
        message
    }

    fn all(reply: &[u8]) -> Vec<Part> {
        parts(reply).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_captured_time_wait_is_read_with_the_time_that_is_left() {
        let socket = Socket {
            state: TIME_WAIT,
            local: "127.0.0.1:36661".parse().unwrap(),
            remote: "127.0.0.1:38036".parse().unwrap(),
            left: Duration::from_millis(59_748),
        };
        let reply = bytes(&[HELD_HERE, HELD_HERE, DONE].concat());
        assert_eq!(all(&reply), [Part::Socket(socket), Part::Socket(socket), Part::Done]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_refusal_holds_the_number_of_the_error() {
        assert_eq!(all(&bytes(NOT_FOUND)), [Part::Error(2)]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_mapped_address_is_an_ipv4_address() {
        let mut reply = bytes(HELD_HERE);
        reply[16] = Family::V6 as u8;
        let mapped = "::ffff:10.0.0.1".parse::<Ipv6Addr>().unwrap().octets();
        reply[16 + 8..16 + 24].copy_from_slice(&mapped);
        reply[16 + 24..16 + 40].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
        let [Part::Socket(socket)] = all(&reply)[..] else { panic!("no socket") };
        assert_eq!(socket.local, "10.0.0.1:36661".parse().unwrap());
        assert_eq!(socket.remote, "[::1]:38036".parse().unwrap());
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_socket_of_another_family_or_state_is_unknown() {
        for (at, byte) in [(16, 1), (17, STATES as u8)] {
            let mut reply = bytes(HELD_HERE);
            reply[at] = byte;
            assert_eq!(all(&reply), [Part::Unknown]);
        }
    }

    #[test]
    fn a_reply_that_ends_early_ends_its_parts() {
        let reply = bytes(HELD_HERE);
        for length in 0..reply.len() {
            assert_eq!(all(&reply[..length]), []);
        }
    }

    #[test]
    fn a_message_of_length_zero_ends_the_parts() {
        assert_eq!(all(&[0; 64]), []);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_messages_that_other_tests_make_are_those_of_the_kernel() {
        let loopback = Ipv4Addr::LOCALHOST;
        let made = time_wait((loopback, 36_661), (loopback, 38_036), Duration::from_millis(59_748));
        assert_eq!(all(&made), all(&bytes(HELD_HERE)));
        assert_eq!(all(&done()), all(&bytes(DONE)));
        assert_eq!(all(&refusal(2)), all(&bytes(NOT_FOUND)));
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_end(reply in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parts(&reply).count() <= reply.len() / HEADER);
        }
    }
}
