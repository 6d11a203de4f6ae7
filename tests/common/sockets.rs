//! The TCP sockets of this machine, by the kernel's `sock_diag` (`man 7 sock_diag`).
//!
//! The kernel finds a connection by its addresses at once, and filters a list by ports. `/proc/net/tcp` is a text of all
//! sockets, which takes long while there are tens of thousands. It is read only where the kernel has no `sock_diag`.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// One end of a connection, or a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// Its state (`include/net/tcp_states.h`).
    pub state: u8,
    /// How often it has repeated what it sent last.
    pub repeats: u8,
    /// Bytes that have arrived and are not read.
    pub unread: u32,
    /// Bytes that are not sent, or not acknowledged.
    pub unsent: u32,
}

/// Returns one end of a connection, if it is there.
pub fn end_of(local: SocketAddr, remote: SocketAddr) -> Option<Entry> {
    let found = by_netlink(local, remote, ONE).unwrap_or_else(|_| by_table());
    // Where there is no connection, the kernel finds the listener.
    found.into_iter().find(|entry| (entry.local, entry.remote) == (local, remote))
}

/// Returns all sockets with this local port and this remote port. Port 0 is any.
pub fn with_ports(local: u16, remote: u16) -> Vec<Entry> {
    let address = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let mut found = by_netlink(address(local), address(remote), ALL).unwrap_or_else(|_| by_table());
    let matches = |address: SocketAddr, port| port == 0 || address.port() == port;
    found.retain(|entry| matches(entry.local, local) && matches(entry.remote, remote));
    found
}

/// The flags of a request for one socket by both its addresses, and of one for all sockets with its ports.
pub const ONE: u16 = 0x001;
pub const ALL: u16 = 0x301;

/// Asks the kernel.
pub fn by_netlink(local: SocketAddr, remote: SocketAddr, flags: u16) -> io::Result<Vec<Entry>> {
    let cloexec = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, cloexec, Some(netlink::SOCK_DIAG))?;
    send(&socket, &request(local, remote, flags), SendFlags::empty())?;
    let (mut entries, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let (len, _) = recv(&socket, &mut buffer[..], RecvFlags::empty())?;
        let mut rest = &buffer[..len];
        while rest.len() >= HEADER {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            match u16::from_ne_bytes([rest[4], rest[5]]) {
                DONE => return Ok(entries),
                ERROR if rest[HEADER..].starts_with(&NOT_FOUND.to_ne_bytes()) => return Ok(entries),
                ERROR => return Err(io::Error::other("the kernel has no sock_diag for TCP")),
                _ => entries.extend(entry(&rest[HEADER..size])),
            }
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
        if flags == ONE {
            return Ok(entries);
        }
    }
}

/// The bytes of a `struct nlmsghdr`, and the types of messages that are not an answer.
const HEADER: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// -ENOENT
const NOT_FOUND: i32 = -2;

const AF_INET: u8 = 2;

/// A `struct nlmsghdr`, and a `struct inet_diag_req_v2` for all states.
fn request(local: SocketAddr, remote: SocketAddr, flags: u16) -> [u8; 72] {
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const IPPROTO_TCP: u8 = 6;
    let mut request = [0; 72];
    let mut put = |at: usize, bytes: &[u8]| request[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &72u32.to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &flags.to_ne_bytes());
    put(16, &[AF_INET, IPPROTO_TCP]);
    put(20, &u32::MAX.to_ne_bytes());
    put(24, &local.port().to_be_bytes());
    put(26, &remote.port().to_be_bytes());
    for (at, address) in [(28, local), (44, remote)] {
        let SocketAddr::V4(address) = address else { panic!("these tests use IPv4") };
        put(at, &address.ip().octets());
    }
    // Any cookie.
    put(64, &[0xff; 8]);
    request
}

/// Reads a `struct inet_diag_msg`.
fn entry(bytes: &[u8]) -> Option<Entry> {
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let host = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    let number = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let [family, state, _, repeats, ..] = *bytes else { return None };
    (family == AF_INET && bytes.len() >= 64).then(|| Entry {
        local: SocketAddr::from((host(8), port(4))),
        remote: SocketAddr::from((host(24), port(6))),
        state,
        repeats,
        unread: number(56),
        unsent: number(60),
    })
}

/// Reads `/proc/net/tcp`: a number, both addresses, the state, both queues, a timer, the repeats.
pub fn by_table() -> Vec<Entry> {
    let table = fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, remote, state, queues, _, repeats, ..] = words[..] else { return None };
        let (unsent, unread) = queues.split_once(':')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        Some(Entry {
            local: address(local)?,
            remote: address(remote)?,
            state: number(state)? as u8,
            repeats: number(repeats)? as u8,
            unread: number(unread)?,
            unsent: number(unsent)?,
        })
    };
    table.lines().skip(1).filter_map(entry).collect()
}

/// An address as the table writes it: the bytes of the host in the machine's own order.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let host = Ipv4Addr::from(u32::from_str_radix(host, 16).ok()?.to_ne_bytes());
    Some(SocketAddr::from((host, u16::from_str_radix(port, 16).ok()?)))
}
