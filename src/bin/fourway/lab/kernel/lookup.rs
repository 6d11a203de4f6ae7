//! A question about one socket (`man 7 sock_diag`, `linux/inet_diag.h`), by its four numbers: two addresses and two ports.
//!
//! The kernel has the answer ready when the request has been sent. If it has no such connection, it answers with the
//! listener of the local address, or with an error.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::end::{End, State};
use super::info;
use crate::ledger::Netlink;
use crate::ledger::dump::Kernel as _;

const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;

/// The length of a `struct inet_diag_msg`, behind which the attributes are.
const SOCKET: usize = 72;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const ENOENT: i32 = 2;

/// The attribute with a `struct tcp_info` (`INET_DIAG_INFO`).
const INFO: u16 = 2;

/// Where the number of the request is in the header.
const SEQUENCE: usize = 8;

pub struct Lookup {
    netlink: Netlink,
    sequence: u32,
}

impl Lookup {
    pub fn open() -> io::Result<Self> {
        Ok(Lookup { netlink: Netlink::open()?, sequence: 0 })
    }

    /// Returns the end at `local`, or `None` if the kernel does not answer.
    pub fn end(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<End> {
        self.sequence = self.sequence.wrapping_add(1);
        self.netlink.ask(&request(local, remote, self.sequence)).ok()?;
        let mut answer = [0; 1024];
        loop {
            let len = self.netlink.receive(&mut answer).ok()?;
            let answer = answer.get(..len)?;
            // An answer to an earlier request may be there, if it was not read then.
            if answer.get(SEQUENCE..SEQUENCE + 4) == Some(&self.sequence.to_ne_bytes()) {
                return parse(answer, remote);
            }
        }
    }
}

/// Returns a `nlmsghdr` with an `inet_diag_req_v2` for one socket and its `TCP_INFO`.
fn request(local: SocketAddr, remote: SocketAddr, sequence: u32) -> [u8; REQUEST] {
    const IPPROTO_TCP: u8 = 6;
    let mut message = [0; REQUEST];
    message[..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    message[SEQUENCE..SEQUENCE + 4].copy_from_slice(&sequence.to_ne_bytes());
    let body = &mut message[HEADER..];
    body[0] = if local.is_ipv4() { 2 } else { 10 };
    body[1] = IPPROTO_TCP;
    body[2] = 1 << (INFO - 1);
    body[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    for (port, host, address) in [(8, 12, local), (10, 28, remote)] {
        body[port..port + 2].copy_from_slice(&address.port().to_be_bytes());
        match address.ip() {
            IpAddr::V4(ip) => body[host..host + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => body[host..host + 16].copy_from_slice(&ip.octets()),
        }
    }
    // No cookie: any socket of these addresses.
    body[48..56].fill(0xff);
    message
}

fn parse(answer: &[u8], remote: SocketAddr) -> Option<End> {
    let half = |at: usize| Some(u16::from_ne_bytes(*answer.get(at..)?.first_chunk()?));
    let word = |at: usize| Some(u32::from_ne_bytes(*answer.get(at..)?.first_chunk()?));
    let closed = End { state: Some(State::Closed), ..End::default() };
    match half(4)? {
        ERROR if word(HEADER)? == ENOENT.wrapping_neg() as u32 => return Some(closed),
        SOCK_DIAG_BY_FAMILY => {}
        _ => return None,
    }
    let state = State::of_number(*answer.get(HEADER + 1)?)?;
    let port = u16::from_be_bytes(*answer.get(HEADER + 6..)?.first_chunk()?);
    if state != State::Listen && port != remote.port() {
        return None;
    }
    let left = Duration::from_millis(word(HEADER + 52)?.into());
    Some(End {
        state: Some(state),
        // That of a listener is about no connection.
        info: attribute(answer.get(HEADER + SOCKET..)?, INFO)
            .and_then(info::parse)
            .filter(|_| state != State::Listen),
        left: (state == State::TimeWait).then_some(left),
        unread: word(HEADER + 56)?,
        unacknowledged: word(HEADER + 60)?,
        // The inode, which an open file has.
        is_held: word(HEADER + 68)? != 0 && state != State::Listen,
    })
}

/// Returns the value of an attribute (`struct rtattr`).
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let len = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let value = bytes.get(4..len)?;
        if kind == wanted {
            return Some(value);
        }
        bytes = bytes.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn both_ends_of_a_connection_are_found_with_their_counters() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mut lookup = Lookup::open().unwrap();
        let client = TcpStream::connect(server).unwrap();
        let own = client.local_addr().unwrap();
        let ends = [lookup.end(own, server).unwrap(), lookup.end(server, own).unwrap()];
        for end in ends {
            assert_eq!(end.state, Some(State::Established));
            assert!(end.info.is_some());
        }
        // A TCP_INFO of an accepted socket counts the SYN+ACK, and the ACK.
        assert_eq!(ends[0].info.unwrap().segs_out, 2);
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(lookup.end(server, nobody).unwrap().state, Some(State::Listen));
        drop(listener);
        assert_eq!(lookup.end(server, nobody).unwrap().state, Some(State::Closed));
    }

    #[test]
    fn an_answer_that_ends_early_is_none() {
        let mut answer = [0; HEADER + SOCKET];
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        answer[HEADER + 1] = 10;
        let remote = "127.0.0.1:1".parse().unwrap();
        assert!(parse(&answer, remote).is_some());
        for len in 0..answer.len() {
            assert_eq!(parse(&answer[..len], remote), None);
        }
    }
}
