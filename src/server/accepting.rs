//! When the server accepts: a host can pause it, and let it go on. And the listeners that it accepts from.

use super::Server;
use crate::names::ListenerId;
use crate::net::sockets::Listener;

impl Server {
    /// Stops accepting until [`resume_accepting`](Self::resume_accepting). New clients wait in the queues of the
    /// listeners, where the kernel finishes their handshakes as long as there is space ([`Config::backlog`]).
    ///
    /// A host can pause while it has more work than it can do. The connections that are open are served as
    /// before, [`adopt`](Self::adopt) takes further ones, and listeners can be added and removed. Clients that
    /// wait do not make [`next_timeout`](Self::next_timeout) zero, though each may raise an event. A second pause changes nothing, and neither
    /// does a pause of a server that is draining or closed.
    ///
    /// A [drain](Self::drain) of a paused server accepts nobody, so the kernel resets the clients that wait. If
    /// they are to be served, resume before the drain.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Instant;
    /// use fourway::{Config, Server, TokenRange, handler_fn, mio};
    ///
    /// let mut poll = mio::Poll::new()?;
    /// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    /// let listener = server.listen("127.0.0.1:0".parse()?)?;
    /// server.pause_accepting();
    /// let address = server.local_addr(listener).ok_or("it listens")?;
    /// let client = std::net::TcpStream::connect(address)?;
    ///
    /// let mut events = mio::Events::with_capacity(8);
    /// poll.poll(&mut events, Some(std::time::Duration::from_secs(10)))?;
    /// for event in &events {
    ///     server.handle_event(event);
    /// }
    /// let mut hello = handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello"));
    /// assert_eq!(server.process(Instant::now(), &mut hello).accepted, 0);
    /// assert_eq!(server.next_timeout(Instant::now()), None, "the host may sleep");
    ///
    /// server.resume_accepting();
    /// assert_eq!(server.process(Instant::now(), &mut hello).accepted, 1);
    /// # drop(client);
    /// # Ok(()) }
    /// ```
    ///
    /// [`Config::backlog`]: crate::Config::backlog
    pub fn pause_accepting(&mut self) {
        self.engine.pause_accepting();
    }

    /// Goes on accepting after [`pause_accepting`](Self::pause_accepting), however often that was called.
    ///
    /// The next [`process`](Self::process) accepts the clients that have waited, and until then
    /// [`next_timeout`](Self::next_timeout) is zero if there may be any.
    pub fn resume_accepting(&mut self) {
        self.engine.resume_accepting();
    }

    /// Returns a listener, so that the host can read its figures and set its options. Returns `None` if it is closed
    /// or was removed.
    ///
    /// The server goes on accepting from it. Options that the server depends on are named at
    /// [`add_listener`](Self::add_listener).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use fourway::{Config, Listener, Server, TokenRange, mio};
    /// use socket2::SockRef;
    ///
    /// let poll = mio::Poll::new()?;
    /// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    /// let id = server.listen("127.0.0.1:0".parse()?)?;
    /// let Some(Listener::Tcp(listener)) = server.listener(id) else { unreachable!() };
    /// // Connections that are accepted from now on have a small buffer.
    /// SockRef::from(listener).set_send_buffer_size(16 * 1024)?;
    /// # Ok(()) }
    /// ```
    pub fn listener(&self, listener: ListenerId) -> Option<&Listener> {
        self.engine.listener(listener)
    }
}
