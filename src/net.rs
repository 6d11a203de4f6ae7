//! The network as the core sees it, and mio as one such network.
//!
//! Everything above this file is free of sockets: the tests run the same core over a network
//! that they script.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

/// What the core asks of a network: accept, register, and a stream type.
pub(crate) trait Net {
    type Listener;
    type Stream: Stream;

    /// Whether a read that did not fill its buffer has emptied the socket, so that the next byte
    /// raises a new edge (the exception of [law 2](crate#the-laws)).
    fn short_read_drains(&self) -> bool;
    fn accept(&mut self, listener: &mut Self::Listener) -> io::Result<Self::Stream>;
    fn watch(&mut self, stream: &mut Self::Stream, token: Token, wait: Wait) -> io::Result<()>;
    fn rewatch(&mut self, stream: &mut Self::Stream, token: Token, wait: Wait) -> io::Result<()>;
    fn watch_listener(&mut self, listener: &mut Self::Listener, token: Token) -> io::Result<()>;
    fn unwatch_listener(&mut self, listener: &mut Self::Listener);
}

/// What the core asks of a connected stream. All calls return at once.
pub(crate) trait Stream: Peer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Sends the FIN; reading goes on.
    fn shutdown_write(&mut self) -> io::Result<()>;
    /// Makes the coming close a reset.
    fn reset_on_close(&mut self) -> io::Result<()>;
}

/// Who is at the other end.
pub(crate) trait Peer {
    fn peer_addr(&self) -> io::Result<SocketAddr>;
}

/// What a stream waits for: always input, and room for output once it had none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Input,
    InputAndOutput,
}

/// What an event says of a source: hints, each to be tried by a system call.
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
    /// The peer may have closed its half: a short read does not mean that the socket is empty.
    pub read_closed: bool,
    /// Urgent data may have come, which ends a read early.
    pub priority: bool,
    /// A read or a write may fail.
    pub error: bool,
}

/// `readable read-closed`
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

/// mio's TCP sockets, and the host's registry.
#[derive(Debug)]
pub(crate) struct MioNet {
    registry: Registry,
}

impl MioNet {
    pub(crate) fn new(registry: Registry) -> Self {
        MioNet { registry }
    }
}

impl Net for MioNet {
    type Listener = TcpListener;
    type Stream = TcpStream;

    /// True where mio polls by epoll or kqueue, which raise an edge for every arrival. Elsewhere
    /// it re-arms a socket only when a call through it has returned `WouldBlock`.
    fn short_read_drains(&self) -> bool {
        cfg!(all(
            any(
                target_os = "android",
                target_os = "dragonfly",
                target_os = "freebsd",
                target_os = "illumos",
                target_os = "ios",
                target_os = "linux",
                target_os = "macos",
                target_os = "netbsd",
                target_os = "openbsd",
            ),
            not(mio_unsupported_force_poll_poll),
        ))
    }

    fn accept(&mut self, listener: &mut TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept()?;
        // On Linux the accepted socket has inherited TCP_NODELAY from the listener.
        if cfg!(not(any(target_os = "linux", target_os = "android"))) {
            // A peer that is gone already shows at the first read.
            let _ = stream.set_nodelay(true);
        }
        Ok(stream)
    }

    fn watch(&mut self, stream: &mut TcpStream, token: Token, wait: Wait) -> io::Result<()> {
        self.registry.register(stream, token, interest(wait))
    }

    fn rewatch(&mut self, stream: &mut TcpStream, token: Token, wait: Wait) -> io::Result<()> {
        self.registry.reregister(stream, token, interest(wait))
    }

    fn watch_listener(&mut self, listener: &mut TcpListener, token: Token) -> io::Result<()> {
        self.registry.register(listener, token, Interest::READABLE)
    }

    fn unwatch_listener(&mut self, listener: &mut TcpListener) {
        // Closing it, which follows, would take it out as well.
        let _ = self.registry.deregister(listener);
    }
}

impl Stream for TcpStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Read::read(self, into)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(self, bytes)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        SockRef::from(&*self).set_linger(Some(Duration::ZERO))
    }
}

impl Peer for TcpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        TcpStream::peer_addr(self)
    }
}

/// Whether an error of accept is that of the connection it would have returned, which is then
/// gone: the next accept is another's. accept(2) lists them.
pub(crate) fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    // Those that have no kind of their own in Rust: ENONET, EPROTO, ENOPROTOOPT, EHOSTDOWN.
    const BY_NUMBER: &[i32] =
        if cfg!(any(target_os = "linux", target_os = "android")) { &[64, 71, 92, 112] } else { &[] };
    match error.kind() {
        ConnectionAborted | ConnectionReset | NetworkDown | NetworkUnreachable | HostUnreachable
        | PermissionDenied | Unsupported => true,
        _ => error.raw_os_error().is_some_and(|number| BY_NUMBER.contains(&number)),
    }
}

fn interest(wait: Wait) -> Interest {
    let input = Interest::READABLE;
    // Urgent data ends a read early, so it has to show as a hint.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let input = input | Interest::PRIORITY;
    match wait {
        Wait::Input => input,
        Wait::InputAndOutput => input | Interest::WRITABLE,
    }
}
