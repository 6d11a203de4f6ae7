//! A loop for programs that have none. This is the only file of the library that blocks.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Instant;

use mio::{Events, Poll};

use crate::config::Config;
use crate::handler::Handler;
use crate::names::ListenerId;
use crate::server::{Server, SetupError};
use crate::stats::Phase;
use crate::tokens::TokenRange;

/// A [`Server`] with a loop of its own, for programs that do nothing else.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fourway::{Config, Reactor, handler_fn};
///
/// let mut reactor = Reactor::new(Config::default())?;
/// reactor.listen("127.0.0.1:8080".parse()?)?;
/// reactor.run(&mut handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello")))?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Reactor {
    poll: Poll,
    events: Events,
    server: Server,
}

impl Reactor {
    /// The most events that one turn takes from the poller.
    const EVENTS: usize = 1024;

    /// Makes a server with a loop of its own.
    ///
    /// # Errors
    ///
    /// Fails if the system gives no poller, or for a reason of [`Server::new`].
    pub fn new(config: Config) -> Result<Self, SetupError> {
        let poll = Poll::new().map_err(SetupError::Poller)?;
        let server = Server::new(poll.registry(), TokenRange::nth(0), config)?;
        Ok(Reactor { poll, events: Events::with_capacity(Self::EVENTS), server })
    }

    /// Listens on an address, like [`Server::listen`].
    ///
    /// # Errors
    ///
    /// Fails like [`Server::listen`].
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<ListenerId> {
        self.server.listen(address)
    }

    /// Returns the address of a listener, like [`Server::local_addr`].
    pub fn local_addr(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.server.local_addr(listener)
    }

    /// Returns the server, for example to read its counters or to drain it.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Runs turns until the server is closed.
    ///
    /// # Errors
    ///
    /// Fails if the poller fails. No peer can cause that.
    pub fn run<H: Handler + ?Sized>(&mut self, handler: &mut H) -> io::Result<()> {
        while self.server.phase() != Phase::Closed {
            self.turn(handler)?;
        }
        Ok(())
    }

    /// Waits for events or a deadline, and does one turn of work.
    ///
    /// # Errors
    ///
    /// Fails if the poller fails. No peer can cause that.
    pub fn turn<H: Handler + ?Sized>(&mut self, handler: &mut H) -> io::Result<()> {
        match self.poll.poll(&mut self.events, self.server.next_timeout(Instant::now())) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            self.server.handle_event(event);
        }
        self.server.process(Instant::now(), handler);
        Ok(())
    }
}
