//! mio's sockets as a network: TCP, and Unix sockets with the feature `uds`.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
#[cfg(all(unix, feature = "uds"))]
use mio::net::{UnixListener, UnixStream};
use mio::{Registry, Token};
use socket2::SockRef;
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::Socket;

#[cfg(all(unix, feature = "uds"))]
use super::descriptors::Descriptors;
use super::descriptors::Passed;
#[cfg(all(unix, feature = "uds"))]
use super::passing;
use crate::net::{self, Flush, Interest, Net, Peer};

/// A listening socket, for [`Server::add_listener`](crate::Server::add_listener).
///
/// It is made from a listener of std or mio. With the feature `uds` that may be a Unix socket, and only then
/// there is a variant `Unix`: if the compiler does not find it, the feature is off. [`Server::remove_listener`](crate::Server::remove_listener) returns it:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fourway::{Config, Listener, Server, TokenRange, mio};
///
/// let poll = mio::Poll::new()?;
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// let id = server.listen("127.0.0.1:0".parse()?)?;
/// let Some(Listener::Tcp(listener)) = server.remove_listener(id) else { unreachable!() };
/// // Clients that have connected meanwhile are still in its queue.
/// let listener = std::net::TcpListener::from(listener);
/// # let _ = listener;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A path, or a name in Linux's own namespace (feature `uds`).
    #[cfg(all(unix, feature = "uds"))]
    Unix(UnixListener),
}

/// A connected stream, for [`Server::adopt`](crate::Server::adopt).
///
/// It is made from a stream of std or mio. With the feature `uds` that may be a Unix socket, and only then there
/// is a variant `Unix`: if the compiler does not find it, the feature is off.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let client = std::net::TcpStream::connect(listener.local_addr()?)?;
/// let (accepted, _) = listener.accept()?;
/// let stream = fourway::Stream::from(accepted);
/// # let _ = (stream, client);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket (feature `uds`).
    #[cfg(all(unix, feature = "uds"))]
    Unix(UnixStream),
}

/// Evaluates one expression for either kind of socket.
macro_rules! either {
    ($kind:ident, $socket:expr, $inner:ident => $result:expr) => {
        match $socket {
            $kind::Tcp($inner) => $result,
            #[cfg(all(unix, feature = "uds"))]
            $kind::Unix($inner) => $result,
        }
    };
}

macro_rules! from {
    ($(#[$cfg:meta])? $kind:ident::$variant:ident, $inner:ty, $std:ty) => {
        $(#[$cfg])?
        impl From<$inner> for $kind {
            fn from(socket: $inner) -> Self {
                $kind::$variant(socket)
            }
        }

        $(#[$cfg])?
        impl From<$std> for $kind {
            fn from(socket: $std) -> Self {
                $kind::$variant(<$inner>::from_std(socket))
            }
        }
    };
}

from!(Listener::Tcp, TcpListener, std::net::TcpListener);
from!(Stream::Tcp, TcpStream, std::net::TcpStream);
from!(
    #[cfg(all(unix, feature = "uds"))]
    Listener::Unix,
    UnixListener,
    std::os::unix::net::UnixListener
);
from!(
    #[cfg(all(unix, feature = "uds"))]
    Stream::Unix,
    UnixStream,
    std::os::unix::net::UnixStream
);

impl Listener {
    /// Prepares it for the server: accept never blocks, and the accepted sockets inherit what [`prepare_tcp`]
    /// sets.
    fn prepare(&self) -> io::Result<()> {
        either!(Listener, self, listener => SockRef::from(listener).set_nonblocking(true))?;
        match self {
            Listener::Tcp(listener) => prepare_tcp(SockRef::from(listener)),
            #[cfg(all(unix, feature = "uds"))]
            Listener::Unix(_) => Ok(()),
        }
    }

    /// Returns its address, unless it is a Unix socket.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(all(unix, feature = "uds"))]
            Listener::Unix(_) => None,
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        either!(Listener, self, listener => listener)
    }
}

impl Stream {
    /// Prepares it for the server: no call blocks, and the rest is as in [`prepare_tcp`].
    fn prepare(&self) -> io::Result<()> {
        either!(Stream, self, stream => SockRef::from(stream).set_nonblocking(true))?;
        match self {
            Stream::Tcp(stream) => prepare_tcp(SockRef::from(stream)),
            #[cfg(all(unix, feature = "uds"))]
            Stream::Unix(_) => Ok(()),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        either!(Stream, self, stream => stream)
    }

    #[cfg(unix)]
    fn fd(&self) -> BorrowedFd<'_> {
        either!(Stream, self, stream => AsFd::as_fd(stream))
    }

    /// Makes a system call on the socket, of whichever kind it is.
    // Where mio adds nothing to the call, both kinds share its code. With two copies the compiler inlines neither.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline(always)]
    fn call<T>(&self, call: impl FnOnce(&Socket) -> io::Result<T>) -> io::Result<T> {
        if EDGE_PER_ARRIVAL {
            return call(&SockRef::from(&self.fd()));
        }
        either!(Stream, self, stream => stream.try_io(|| call(&SockRef::from(stream))))
    }
}

/// Makes the kernel send at once what is written, and end a close with a FIN unless the server wants a reset.
/// The host may have set these options differently.
fn prepare_tcp(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    // TCP_CORK holds back what does not fill a segment, even with TCP_NODELAY.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_cork(false)?;
    socket.set_linger(None)
}

/// mio's sockets, and the host's registry.
#[derive(Debug)]
pub(crate) struct MioNet {
    registry: Registry,
}

impl MioNet {
    pub(crate) fn new(registry: Registry) -> Self {
        MioNet { registry }
    }
}

/// Whether mio polls by epoll or kqueue, which raise an edge for every arrival. With other pollers mio
/// re-arms a socket only after a call through it has returned `WouldBlock`.
const EDGE_PER_ARRIVAL: bool = cfg!(all(
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
));

impl Net for MioNet {
    type Listener = Listener;
    type Stream = Stream;

    /// True for TCP. A read of a Unix socket may end at the border of two writes.
    fn short_read_drains(&self, stream: &Stream) -> bool {
        EDGE_PER_ARRIVAL && matches!(stream, Stream::Tcp(_))
    }

    fn accept(&mut self, listener: &mut Listener) -> io::Result<Stream> {
        match listener {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // On Linux the accepted socket has inherited TCP_NODELAY from the listener.
                if cfg!(not(any(target_os = "linux", target_os = "android"))) {
                    // If the peer has gone already, the first read shows it.
                    let _ = stream.set_nodelay(true);
                }
                Ok(Stream::Tcp(stream))
            }
            #[cfg(all(unix, feature = "uds"))]
            Listener::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }

    fn watch(&mut self, stream: &mut Stream, token: Token, interest: Interest) -> io::Result<()> {
        self.registry.register(stream.source(), token, mio_interest(interest))
    }

    fn rewatch(&mut self, stream: &mut Stream, token: Token, interest: Interest) -> io::Result<()> {
        self.registry.reregister(stream.source(), token, mio_interest(interest))
    }

    fn unwatch(&mut self, stream: &mut Stream) -> io::Result<()> {
        self.registry.deregister(stream.source())
    }

    fn take_over(&mut self, stream: &mut Stream) -> io::Result<()> {
        stream.prepare()?;
        // This fails most often, because the stream is not registered.
        let _ = self.registry.deregister(stream.source());
        Ok(())
    }

    fn watch_listener(&mut self, listener: &mut Listener, token: Token) -> io::Result<()> {
        listener.prepare()?;
        let _ = self.registry.deregister(listener.source());
        self.registry.register(listener.source(), token, mio::Interest::READABLE)
    }

    fn unwatch_listener(&mut self, listener: &mut Listener) {
        // This fails if the poller does not know the listener. Then it is not watched, as it should be.
        let _ = self.registry.deregister(listener.source());
    }
}

impl net::Stream for Stream {
    fn read(&mut self, into: &mut [u8], passed: Passed<'_>) -> io::Result<usize> {
        #[cfg(not(all(unix, feature = "uds")))]
        let _ = passed;
        match self {
            Stream::Tcp(stream) => stream.read(into),
            #[cfg(all(unix, feature = "uds"))]
            Stream::Unix(stream) => passing::read(stream, into, passed),
        }
    }

    #[cfg(all(unix, feature = "uds"))]
    fn read_call(&self, descriptors: &Descriptors) -> &'static str {
        if matches!(self, Stream::Unix(_)) && descriptors.are_wanted() { "recvmsg" } else { "recv" }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn write(&mut self, bytes: &[u8], flush: Flush) -> io::Result<usize> {
        self.call(|socket| socket.send_with_flags(bytes, flags(flush)))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn write_vectored(&mut self, bytes: &[IoSlice<'_>], flush: Flush) -> io::Result<usize> {
        self.call(|socket| socket.send_vectored_with_flags(bytes, flags(flush)))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn write(&mut self, bytes: &[u8], _: Flush) -> io::Result<usize> {
        either!(Stream, self, stream => io::Write::write(stream, bytes))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn write_vectored(&mut self, bytes: &[IoSlice<'_>], _: Flush) -> io::Result<usize> {
        either!(Stream, self, stream => io::Write::write_vectored(stream, bytes))
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        either!(Stream, self, stream => stream.shutdown(Shutdown::Write))
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        either!(Stream, self, stream => SockRef::from(&*stream).set_linger(Some(Duration::ZERO)))
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        either!(Stream, self, stream => stream.take_error())
    }
}

impl Peer for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.peer_addr(),
            #[cfg(all(unix, feature = "uds"))]
            Stream::Unix(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the client of a Unix socket has no internet address",
            )),
        }
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd())
    }
}

fn mio_interest(interest: Interest) -> mio::Interest {
    let input = mio::Interest::READABLE;
    // Urgent data ends a read early, so it has to show as a hint.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let input = input | mio::Interest::PRIORITY;
    match interest {
        Interest::Input => input,
        Interest::InputAndOutput => input | mio::Interest::WRITABLE,
    }
}

/// Returns the flags of send(2) and sendmsg(2), which can do more than write(2) and writev(2).
///
/// With `MSG_NOSIGNAL`, a client that has gone is an error, and raises no SIGPIPE, whatever the host does
/// with that signal. With `MSG_MORE`, TCP holds back what does not fill a segment, because something follows.
/// If the FIN follows, both sides handle one segment less. (If the kernel does not take all bytes, it holds
/// none back.)
#[cfg(any(target_os = "linux", target_os = "android"))]
fn flags(flush: Flush) -> i32 {
    match flush {
        Flush::Now => libc::MSG_NOSIGNAL,
        Flush::WithFin => libc::MSG_NOSIGNAL | libc::MSG_MORE,
    }
}
