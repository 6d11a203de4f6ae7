//! The network as the engine sees it.
//!
//! The layers above this file know no sockets. mio's sockets, in `sockets`, are one such network. The tests
//! run the same engine over another, which they script.

// Only a Unix socket passes any.
#[cfg_attr(not(all(unix, any(test, fuzzing, feature = "uds"))), allow(dead_code))]
pub(crate) mod descriptors;
pub(crate) mod sockets;
#[cfg(all(unix, feature = "uds"))]
mod passing;
#[cfg(all(unix, not(feature = "uds")))]
mod without_uds;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::BorrowedFd;

use mio::Token;
use mio::event::Event;

use descriptors::{Descriptor, Descriptors, Passed};

/// What the engine needs of a network: accept, register, and a stream type.
pub(crate) trait Net {
    type Listener;
    type Stream: Stream;

    /// Returns whether a read that did not fill its buffer has emptied the socket, so that the next byte
    /// raises a new edge (the exception of [law 2](crate#the-laws)).
    fn short_read_drains(&self, stream: &Self::Stream) -> bool;
    fn accept(&mut self, listener: &mut Self::Listener) -> io::Result<Self::Stream>;
    fn watch(&mut self, stream: &mut Self::Stream, token: Token, interest: Interest) -> io::Result<()>;
    fn rewatch(&mut self, stream: &mut Self::Stream, token: Token, interest: Interest) -> io::Result<()>;
    fn unwatch(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
    /// Makes a stream of the host's like one that the server has accepted.
    fn take_over(&mut self, stream: &mut Self::Stream) -> io::Result<()>;
    /// Prepares a listener of the host's, and watches it.
    fn watch_listener(&mut self, listener: &mut Self::Listener, token: Token) -> io::Result<()>;
    fn unwatch_listener(&mut self, listener: &mut Self::Listener);
}

/// What the engine needs of a connected stream. All calls return at once.
pub(crate) trait Stream: Peer {
    /// Reads, and receives the descriptors that came with these bytes, if the server wants any.
    fn read(&mut self, into: &mut [u8], passed: Passed<'_>) -> io::Result<usize>;
    /// Returns the name of the system call that [`read`](Self::read) makes, for the trace.
    fn read_call(&self, _: &Descriptors) -> &'static str {
        "recv"
    }
    fn write(&mut self, bytes: &[u8], flush: Flush) -> io::Result<usize>;
    fn write_vectored(&mut self, bytes: &[IoSlice<'_>], flush: Flush) -> io::Result<usize>;
    /// Sends the FIN. Reading goes on.
    fn shutdown_write(&mut self) -> io::Result<()>;
    /// Makes the coming close a reset.
    fn reset_on_close(&mut self) -> io::Result<()>;
    /// Returns what has gone wrong since the last call, without reading.
    fn take_error(&self) -> io::Result<Option<io::Error>>;
}

/// The other end of a connection.
pub(crate) trait Peer {
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Returns our end of the connection, if it is a socket of this system.
    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Returns the descriptors that the peer has passed with the request that is being answered.
    #[cfg_attr(not(unix), allow(dead_code))]
    fn descriptors(&self) -> &[Option<Descriptor>] {
        &[]
    }
}

/// Whether the kernel sends the bytes of a write at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// They are sent at once.
    Now,
    /// The next call sends our FIN if the kernel takes all of the bytes. Until then the kernel may hold the
    /// bytes back, so that both travel in one segment.
    WithFin,
}

/// What a stream waits for. That is always input, and also space for output if the last write found none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Input,
    InputAndOutput,
}

/// What an event says about a source. Each field is a hint that a system call has to confirm.
///
/// ```
/// use fourway::Readiness;
///
/// let ready = Readiness { readable: true, ..Readiness::default() };
/// assert!(!ready.writable);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A read or an accept may succeed.
    pub readable: bool,
    /// A write may succeed.
    pub writable: bool,
    /// The peer may have closed its half. A short read then does not mean that the socket is empty.
    ///
    /// If [`Config::half_close`](crate::Config::half_close) is `false`, this hint alone ends a connection that
    /// waits for the host's response, because the server does not read meanwhile.
    pub read_closed: bool,
    /// Urgent data may have arrived, which ends a read early.
    pub priority: bool,
    /// A read or a write may fail.
    pub error: bool,
}

/// Writes the hints that are set: `readable read-closed`.
impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hints = [
            (self.readable, "readable"),
            (self.writable, "writable"),
            (self.read_closed, "read-closed"),
            (self.priority, "priority"),
            (self.error, "error"),
        ];
        let mut set = hints.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name);
        f.write_str(set.next().unwrap_or(&"nothing"))?;
        set.try_for_each(|name| write!(f, " {name}"))
    }
}

impl From<&Event> for Readiness {
    fn from(event: &Event) -> Self {
        Readiness {
            readable: event.is_readable(),
            writable: event.is_writable() || event.is_write_closed(),
            read_closed: event.is_read_closed(),
            priority: event.is_priority(),
            error: event.is_error(),
        }
    }
}

/// A socket that the server does not take, and hands back.
///
/// The socket is as it was, unless the system refused a part of what the server does to it. Then it may be
/// non-blocking already, and the host's poller may no longer know it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, Instant};
/// use fourway::{Config, Server, TokenRange, mio};
///
/// let poll = mio::Poll::new()?;
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// server.drain(Instant::now(), Duration::ZERO);
/// let own = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let refused = server.add_listener(own).unwrap_err();
/// assert_eq!(refused.to_string(), "the server is draining or closed");
/// let fourway::Listener::Tcp(own) = refused.socket else { unreachable!() };
/// # let _ = own;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Refused<T> {
    /// The socket.
    pub socket: T,
    /// Why the server does not take it.
    pub error: io::Error,
}

impl<T> Refused<T> {
    pub(crate) fn new(socket: T, error: io::Error) -> Self {
        Refused { socket, error }
    }
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> std::error::Error for Refused<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Closes the socket, and returns the reason.
impl<T> From<Refused<T>> for io::Error {
    fn from(refused: Refused<T>) -> Self {
        refused.error
    }
}

/// Returns whether an error of accept concerns only the connection that it would have returned. That
/// connection is gone then, and the next accept is for another. accept(2) lists these errors.
pub(crate) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    // Rust has no kind for ENONET, EPROTO, ENOPROTOOPT and EHOSTDOWN, and in 1.85 none for EOPNOTSUPP.
    const BY_NUMBER: &[i32] =
        if cfg!(any(target_os = "linux", target_os = "android")) { &[64, 71, 92, 112, 95] } else { &[] };
    match error.kind() {
        ConnectionAborted | ConnectionReset | NetworkDown | NetworkUnreachable | HostUnreachable
        | PermissionDenied | Unsupported => true,
        _ => error.raw_os_error().is_some_and(|number| BY_NUMBER.contains(&number)),
    }
}
