//! A client that never waits: it sends what the kernel takes and reads what is there.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::common::stalled;

/// How the server has ended a connection, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

/// A client, all that it has received, and how that ended.
#[derive(Debug)]
pub struct Raw {
    pub socket: TcpStream,
    pub received: Vec<u8>,
    pub end: Option<End>,
}

impl Raw {
    pub fn connect(address: SocketAddr) -> Raw {
        Raw::over(TcpStream::connect(address).expect("a connection"))
    }

    /// One whose kernel takes hardly anything that it does not read.
    pub fn with_small_window(address: SocketAddr) -> Raw {
        Raw::over(stalled::connect_with_small_window(address))
    }

    fn over(socket: TcpStream) -> Raw {
        socket.set_nonblocking(true).expect("non-blocking");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        Raw { socket, received: Vec::new(), end: None }
    }

    /// Sends all of it, which has to be little.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        assert_eq!((&self.socket).write(bytes).expect("room for a few bytes"), bytes.len());
    }

    /// Sends as much of it as the kernel takes; how much that was. A server that has gone takes nothing.
    pub fn send_some(&self, bytes: &[u8]) -> usize {
        (&self.socket).write(bytes).unwrap_or(0)
    }

    /// Reads what is there, at most `most` bytes, and returns how many there were.
    pub fn read(&mut self, most: usize) -> usize {
        let before = self.received.len();
        let mut piece = [0; 16 * 1024];
        while self.end.is_none() && self.received.len() - before < most {
            let room = piece.len().min(most - (self.received.len() - before));
            match self.socket.read(&mut piece[..room]) {
                Ok(0) => self.end = Some(End::Fin),
                Ok(len) => self.received.extend_from_slice(&piece[..len]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::ConnectionReset => self.end = Some(End::Reset),
                    _ => panic!("a client reads: {error}"),
                },
            }
        }
        self.received.len() - before
    }

    pub fn read_all(&mut self) -> usize {
        self.read(usize::MAX)
    }

    /// Closes its half.
    pub fn finish(&self) {
        self.socket.shutdown(Shutdown::Write).expect("a FIN");
    }

    /// Closes by a reset, whatever it has not read.
    pub fn reset(self) {
        SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }

    /// The status of each response that has come whole, and how many bytes follow them.
    pub fn statuses(&self) -> (Vec<u16>, usize) {
        let (mut statuses, mut rest) = (Vec::new(), &self.received[..]);
        while let Some((status, len)) = first_response(rest).filter(|&(_, len)| len <= rest.len()) {
            statuses.push(status);
            rest = &rest[len..];
        }
        (statuses, rest.len())
    }
}

/// The status of the response that begins here, and how long it is with its body.
fn first_response(bytes: &[u8]) -> Option<(u16, usize)> {
    let head_len = 4 + bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_len]).expect("a head is ASCII");
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest[..3].parse().ok());
    let status = status.unwrap_or_else(|| panic!("not a response: {head}"));
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let body_len = length.map_or(0, |length| length.trim().parse::<usize>().expect("a number"));
    Some((status, head_len + body_len))
}
