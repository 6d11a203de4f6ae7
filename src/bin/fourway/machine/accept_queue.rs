//! The accept queue of a listener: how many clients wait in it, and how many it holds.
//!
//! The kernel answers one question about one socket (`sock_diag(7)`), in a few microseconds, however many sockets there
//! are. `/proc/net/tcp` has the same numbers, and lists every socket for them.

use std::net::SocketAddr;

/// The accept queue of one listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptQueue {
    /// Clients that wait to be accepted.
    pub length: u32,
    /// The backlog as the kernel has cut it. The queue holds one more.
    pub limit: u32,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::Cell;
    use std::collections::HashSet;
    use std::fs;
    use std::io::{self, Read, Write};
    use std::net::IpAddr;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    const HEADER: usize = 16;
    const REQUEST: usize = HEADER + 56;
    /// Where the number of the request is in the header.
    const SEQUENCE: usize = 8;
    /// Where the numbers of an `inet_diag_msg` are, behind the header.
    const STATE: usize = HEADER + 1;
    const LENGTH: usize = HEADER + 56;
    const LIMIT: usize = HEADER + 60;
    const INODE: usize = HEADER + 68;

    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    /// The state of a listener (`TCP_LISTEN`).
    const LISTEN: u8 = 10;

    /// Asks the kernel about the listeners of this process.
    pub struct AcceptQueues {
        netlink: Socket,
        /// The number of the last request. The answer has the same.
        sequence: Cell<u32>,
        /// The sockets of this process. Where several processes listen on one address, the kernel may tell of the
        /// socket of another.
        own: HashSet<u32>,
    }

    impl AcceptQueues {
        /// For use when all listeners are open. Returns `None` if the kernel has no answers.
        pub fn open() -> Option<Self> {
            let kind = Type::DGRAM.nonblocking().cloexec();
            let protocol = Some(Protocol::from(libc::NETLINK_SOCK_DIAG));
            let netlink = Socket::new(Domain::from(libc::AF_NETLINK), kind, protocol).ok()?;
            Some(AcceptQueues { netlink, sequence: Cell::new(0), own: own_sockets().ok()? })
        }

        /// Returns the queue of a listener on this address, or `None` if the kernel does not tell.
        pub fn of(&self, listener: SocketAddr) -> Option<AcceptQueue> {
            let mut netlink = &self.netlink;
            let sequence = self.sequence.get().wrapping_add(1);
            self.sequence.set(sequence);
            netlink.write_all(&request(listener, sequence)).ok()?;
            // The answer is there when the request has been sent. One from before may be too, if it was not read then.
            let mut answer = [0; 512];
            loop {
                let len = netlink.read(&mut answer).ok()?;
                let answer = &answer[..len];
                if answer.get(SEQUENCE..SEQUENCE + 4) == Some(&sequence.to_ne_bytes()) {
                    let (inode, queue) = parse(answer)?;
                    return self.own.contains(&inode).then_some(queue);
                }
            }
        }
    }

    /// Returns a `nlmsghdr` with an `inet_diag_req_v2` for one socket.
    fn request(listener: SocketAddr, sequence: u32) -> [u8; REQUEST] {
        let mut message = [0; REQUEST];
        message[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
        message[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        message[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
        message[SEQUENCE..SEQUENCE + 4].copy_from_slice(&sequence.to_ne_bytes());
        let body = &mut message[HEADER..];
        body[0] = if listener.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
        body[1] = libc::IPPROTO_TCP as u8;
        body[4..8].copy_from_slice(&(1u32 << LISTEN).to_ne_bytes());
        body[8..10].copy_from_slice(&listener.port().to_be_bytes());
        match listener.ip() {
            IpAddr::V4(ip) => body[12..16].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => body[12..28].copy_from_slice(&ip.octets()),
        }
        if let SocketAddr::V6(address) = listener {
            body[44..48].copy_from_slice(&address.scope_id().to_ne_bytes());
        }
        // No cookie: any socket of this address.
        body[48..56].fill(0xff);
        message
    }

    /// Returns the inode of a listener and its queue.
    fn parse(answer: &[u8]) -> Option<(u32, AcceptQueue)> {
        let word = |at: usize| Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
        if kind != SOCK_DIAG_BY_FAMILY || answer.get(STATE) != Some(&LISTEN) {
            return None;
        }
        Some((word(INODE)?, AcceptQueue { length: word(LENGTH)?, limit: word(LIMIT)? }))
    }

    /// Returns the inodes of all sockets of this process.
    fn own_sockets() -> io::Result<HashSet<u32>> {
        let links = fs::read_dir("/proc/self/fd")?.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let inodes = links.filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        });
        Ok(inodes.collect())
    }

    #[cfg(test)]
    mod tests {
        use std::net::{TcpListener, TcpStream};

        use super::*;

        fn listening(address: &str, backlog: i32) -> Option<(TcpListener, SocketAddr)> {
            let address: SocketAddr = address.parse().unwrap();
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).ok()?;
            socket.bind(&address.into()).ok()?;
            socket.listen(backlog).unwrap();
            let listener: TcpListener = socket.into();
            let address = listener.local_addr().unwrap();
            Some((listener, address))
        }

        #[test]
        fn the_clients_that_wait_are_counted() {
            for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
                let Some((listener, address)) = listening(address, 7) else {
                    assert!(address.contains('['), "every machine has IPv4");
                    continue;
                };
                let queues = AcceptQueues::open().expect("Linux answers");
                assert_eq!(queues.of(address), Some(AcceptQueue { length: 0, limit: 7 }), "{address}");
                let mut to = address;
                if to.ip().is_unspecified() {
                    let is_v4 = to.is_ipv4();
                    to.set_ip(if is_v4 { [127, 0, 0, 1].into() } else { "::1".parse().unwrap() });
                }
                let _clients = [TcpStream::connect(to).unwrap(), TcpStream::connect(to).unwrap()];
                assert_eq!(queues.of(address), Some(AcceptQueue { length: 2, limit: 7 }), "{address}");
                listener.accept().unwrap();
                assert_eq!(queues.of(address), Some(AcceptQueue { length: 1, limit: 7 }), "{address}");
            }
        }

        #[test]
        fn an_answer_that_comes_late_is_not_taken_for_that_of_another_listener() {
            let (_first, before) = listening("127.0.0.1:0", 7).unwrap();
            let (_second, address) = listening("127.0.0.1:0", 8).unwrap();
            let queues = AcceptQueues::open().expect("Linux answers");
            (&queues.netlink).write_all(&request(before, 0)).unwrap();
            assert_eq!(queues.of(address), Some(AcceptQueue { length: 0, limit: 8 }));
        }

        #[test]
        fn an_address_without_a_listener_has_no_queue() {
            let (listener, address) = listening("127.0.0.1:0", 7).unwrap();
            let queues = AcceptQueues::open().expect("Linux answers");
            drop(listener);
            assert_eq!(queues.of(address), None);
        }

        #[test]
        fn the_socket_of_another_process_has_no_queue_here() {
            let (_listener, address) = listening("127.0.0.1:0", 7).unwrap();
            let mut queues = AcceptQueues::open().expect("Linux answers");
            queues.own.clear();
            assert_eq!(queues.of(address), None);
        }

        #[test]
        fn an_answer_of_another_kind_is_not_read() {
            let mut answer = [0; 88];
            answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            answer[STATE] = LISTEN;
            assert!(parse(&answer).is_some());
            assert!(parse(&answer[..80]).is_none(), "it is cut");
            answer[STATE] = 1;
            assert!(parse(&answer).is_none(), "it is no listener");
            assert!(parse(b"").is_none());
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::AcceptQueues;

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
pub enum AcceptQueues {}

#[cfg(not(target_os = "linux"))]
impl AcceptQueues {
    pub fn open() -> Option<Self> {
        None
    }

    pub fn of(&self, _: SocketAddr) -> Option<AcceptQueue> {
        match *self {}
    }
}
