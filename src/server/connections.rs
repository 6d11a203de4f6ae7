//! Connections that the host hands to the server, or ends by their names.

use std::time::Instant;

use super::Server;
use crate::config::CloseMode;
use crate::deferred::IdError;
use crate::names::ConnectionId;
use crate::net::Refused;
use crate::net::sockets::Stream;

impl Server {
    /// Serves a connected stream that the host has accepted itself, or received from elsewhere.
    ///
    /// The server makes the stream non-blocking. It switches TCP_NODELAY on, and SO_LINGER and TCP_CORK off.
    /// If all slots are taken, another connection makes way as [`AtCapacity`](crate::AtCapacity) says. The
    /// idle timeout starts at `now`, and the next [`process`](Self::process) reads the first request.
    ///
    /// If the stream is registered with the host's poller, the server removes that registration. Ignore an
    /// event of it that is still on its way. If it is registered with another poller, the host has to
    /// deregister it before.
    ///
    /// If the host keeps another handle of the socket, or a child process has inherited one, the server can
    /// still end the connection with a FIN. But it cannot reset the connection until that handle is closed.
    /// [`CloseMode::Rst`], write timeouts and [`abort`](Self::abort) use resets.
    ///
    /// Returns the connection's name, or `None` unless [`Config::names`](crate::Config::names) is `true`.
    ///
    /// # Errors
    ///
    /// The error returns the stream. Fails if
    ///
    /// - all slots are taken and no connection makes way (the error's kind is
    ///   [`ResourceBusy`](std::io::ErrorKind::ResourceBusy)),
    /// - connections have names, and so many ends wait for their report by the next `process` that these and
    ///   the open connections are twice as many as there are slots (`ResourceBusy` as well),
    /// - the server is draining or closed,
    /// - the socket refuses these options.
    pub fn adopt(
        &mut self,
        stream: impl Into<Stream>,
        now: Instant,
    ) -> Result<Option<ConnectionId>, Refused<Stream>> {
        self.engine.call(Some(now)).adopt(stream.into())
    }

    /// Ends a connection, from outside of the handler.
    ///
    /// - [`Fin`](CloseMode::Fin): If a response is being sent, the server finishes it first. It is the last one.
    ///   Then the server sends its FIN, and lingers until the client's.
    /// - [`Peer`](CloseMode::Peer): The same, but the server waits for the client's FIN before it sends its own.
    /// - [`Rst`](CloseMode::Rst): The server resets the connection in this call.
    /// - [`Drop`](CloseMode::Drop): The server closes the socket in this call, without a further byte. If that
    ///   cuts a response off, it resets the connection.
    ///
    /// A [streamed](crate::ResponseHead::stream) response goes on until the host ends it.
    ///
    /// A request that has no response yet gets none. If it was deferred, [`Handler::gone`](crate::Handler::gone)
    /// reports it with [`Reason::ClosedByHost`](crate::Reason::ClosedByHost) in the next
    /// [`process`](Self::process).
    ///
    /// [`Handler::closed`](crate::Handler::closed) reports the end of the connection. For `Rst` and `Drop` the
    /// next `process` does so, and for `Fin` and `Peer` the one in which the connection ends.
    ///
    /// A connection that lingers already can be closed again, to end it sooner.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::net::{TcpListener, TcpStream};
    /// use std::time::Instant;
    /// use fourway::{CloseMode, Config, IdError, Server, TokenRange, mio};
    ///
    /// let mut config = Config::default();
    /// config.names = true;
    /// let poll = mio::Poll::new()?;
    /// let mut server = Server::new(poll.registry(), TokenRange::nth(0), config)?;
    ///
    /// let own = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(own.local_addr()?)?;
    /// let (stream, _) = own.accept()?;
    /// let now = Instant::now();
    /// let name = server.adopt(stream, now)?.expect("connections have names");
    /// assert_eq!(server.close(name, CloseMode::Rst, now), Ok(()));
    /// assert_eq!(server.close(name, CloseMode::Rst, now), Err(IdError::Over));
    /// # let _ = client;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the connection has ended, or if it belongs to another server.
    pub fn close(&mut self, id: ConnectionId, how: CloseMode, now: Instant) -> Result<(), IdError> {
        self.engine.call(Some(now)).close(id, how)
    }
}
