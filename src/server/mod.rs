//! The server as a host sees it: the engine over mio's sockets.

mod accepting;
mod connections;
mod later;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Config;
use crate::deferred::{IdError, RequestId};
use crate::engine::{Engine, Progress};
use crate::handler::{Handler, Responder};
use crate::names::ListenerId;
use crate::net::sockets::{Listener, MioNet};
use crate::net::{Readiness, Refused};
use crate::stats::{Phase, Stats};
use crate::tokens::{TokenRange, Tokens};

/// An HTTP/1.1 server that lives in its host's mio loop.
///
/// It never makes a poller, a waker, a thread, a signal handler or a logger, and it never waits. The host
/// drives it. Each event goes to [`handle_event`](Self::handle_event), then one call of
/// [`process`](Self::process) does all the work. [`next_timeout`](Self::next_timeout) returns how long the
/// next `poll` may wait.
///
/// ```no_run
/// use std::time::Instant;
/// use fourway::{Config, Server, TokenRange, handler_fn, mio};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut poll = mio::Poll::new()?;
/// let mut events = mio::Events::with_capacity(1024);
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// server.listen("127.0.0.1:8080".parse()?)?;
/// let mut handler = handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello"));
/// loop {
///     if let Err(error) = poll.poll(&mut events, server.next_timeout(Instant::now())) {
///         if error.kind() == std::io::ErrorKind::Interrupted { continue }
///         return Err(error.into());
///     }
///     for event in &events {
///         if !server.handle_event(event) { /* the host's own */ }
///     }
///     server.process(Instant::now(), &mut handler);
/// }
/// # }
/// ```
///
/// Dropping it closes all its sockets at once, and calls no handler.
pub struct Server {
    engine: Engine<MioNet>,
}

impl Server {
    /// Makes a server that registers its sockets with a clone of `registry`, under tokens of `tokens`.
    ///
    /// It reserves all the memory that it will ever use.
    ///
    /// # Errors
    ///
    /// Fails if
    ///
    /// - the range has too few tokens for [`Config::max_connections`],
    /// - a setting is out of its range,
    /// - there is not enough memory,
    /// - the registry cannot be cloned.
    pub fn new(registry: &Registry, tokens: TokenRange, config: Config) -> Result<Self, SetupError> {
        config.check().map_err(SetupError::Config)?;
        let tokens = Tokens::layout(tokens, config.max_connections)
            .map_err(|need| SetupError::TokenRangeTooSmall { need, have: tokens.len() })?;
        let registry = registry.try_clone().map_err(SetupError::Poller)?;
        let engine = Engine::new(MioNet::new(registry), tokens, config);
        engine.map(|engine| Server { engine }).map_err(|bytes| SetupError::Memory { bytes })
    }

    /// Listens on an address. If its port is 0, the system chooses one.
    ///
    /// An IPv6 address takes IPv6 clients only, so one server can listen on both `0.0.0.0` and `[::]`.
    ///
    /// # Errors
    ///
    /// Fails if
    ///
    /// - the address cannot be bound,
    /// - the poller refuses the listener,
    /// - the server is draining or closed, or has 64 listeners already.
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<ListenerId> {
        let listener = bind(address, self.engine.config())?;
        Ok(self.engine.add_listener(listener.into())?)
    }

    /// Accepts connections from a listener that the host has made with std or mio.
    ///
    /// Use it for a listener with options of its own, or for one that was inherited from another process.
    ///
    /// The server makes the listener non-blocking. It switches TCP_NODELAY on, and SO_LINGER and TCP_CORK
    /// off, for the accepted sockets that inherit these options. If the listener is registered with the
    /// host's poller, the server removes that registration. When the server drains, it closes the listener,
    /// unless the host has [removed](Self::remove_listener) it before.
    ///
    /// All other options stay as they are. For example, if SO_RCVLOWAT is above 1, Linux does not report a
    /// shorter request, and its client waits in vain.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use fourway::{Config, Server, TokenRange, mio};
    ///
    /// let poll = mio::Poll::new()?;
    /// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    /// let own = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let address = own.local_addr()?;
    /// let listener = server.add_listener(own)?;
    /// assert_eq!(server.local_addr(listener), Some(address));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The error returns the listener. Fails if
    ///
    /// - the socket refuses these options,
    /// - the poller refuses the listener,
    /// - the server is draining or closed, or has 64 listeners already.
    pub fn add_listener(&mut self, listener: impl Into<Listener>) -> Result<ListenerId, Refused<Listener>> {
        self.engine.add_listener(listener.into())
    }

    /// Stops accepting from a listener and returns it, open and non-blocking, for another server or for the
    /// next process. Returns `None` if it is closed or was removed.
    ///
    /// Clients that wait in its queue stay there. Connections that were accepted stay with this server.
    pub fn remove_listener(&mut self, listener: ListenerId) -> Option<Listener> {
        self.engine.remove_listener(listener)
    }

    /// Returns the address of a listener, with its port. Returns `None` if the listener is closed or removed,
    /// or is a Unix socket.
    pub fn local_addr(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.engine.listener(listener)?.local_addr()
    }

    /// Takes note of an event. Returns `false` if its token is not in this server's range.
    ///
    /// This writes a few words of memory. It does no I/O, calls no handler, and closes nothing.
    // Inlined also in a host with several servers, which saves each event 20 instructions.
    #[inline(always)]
    pub fn handle_event(&mut self, event: &Event) -> bool {
        self.engine.handle(event.token(), Readiness::from(event))
    }

    /// Takes note of readiness that does not come from mio, but from a test or from another loop.
    ///
    /// Otherwise it is like [`handle_event`](Self::handle_event).
    pub fn handle_readiness(&mut self, token: Token, readiness: Readiness) -> bool {
        self.engine.handle(token, readiness)
    }

    /// Does all the work that can be done now, within [`Config::budget`]: it accepts, reads, answers, writes,
    /// and ends what has waited too long.
    ///
    /// Call it once per turn of the host's loop, even if there were no events. `now` should not go back. If
    /// it does, the server's time stands still until `now` catches up.
    pub fn process<H: Handler + ?Sized>(&mut self, now: Instant, handler: &mut H) -> Progress {
        self.engine.call(Some(now)).process(handler)
    }

    /// Returns how long the host may wait for events: zero while there is work left, `None` if no deadline is
    /// pending.
    ///
    /// Call it after [`process`](Self::process), and wait no longer.
    ///
    /// The compiler warns if the result is not used. Where warnings are errors, this does not compile:
    ///
    /// ```compile_fail
    /// #![deny(unused_must_use)]
    /// fn turn(server: &fourway::Server) {
    ///     server.next_timeout(std::time::Instant::now());
    /// }
    /// ```
    #[must_use = "a host that waits longer leaves work undone and lets deadlines pass"]
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        self.engine.next_timeout(now)
    }

    /// Returns the responder of a request that was [deferred](Responder::defer). It is like the one that the
    /// handler had.
    ///
    /// The next [`process`](Self::process) sends the response. When at least half of the [out
    /// buffers](crate::Buffers::outs) are lent, the host's next call (`respond`, `respond_with`, `take_in`, `resume`,
    /// `cancel`, `adopt`, `close`, `drain` or `abort`) sends the response that it has just given. If the responder is dropped, the client gets a 500,
    /// and [`Stats::handler_errors`] counts it.
    ///
    /// Another thread can send its result and the id through a channel of the host's, and wake the loop with
    /// the host's [`mio::Waker`]. `now` dates the response.
    ///
    /// # Errors
    ///
    /// Fails if the request no longer waits for a response, or if it belongs to another server. A request no
    /// longer waits if it was answered, or if [`Handler::gone`] has reported its end or is about to.
    pub fn respond(&mut self, id: RequestId, now: Instant) -> Result<Responder<'_>, IdError> {
        self.engine.call(Some(now)).respond(id)
    }

    /// Lets a [streamed](crate::ResponseHead::stream) response go on after [`More::Later`](crate::More::Later), or
    /// a body of which the host has taken [only a part](Handler::piece).
    ///
    /// The next [`process`](Self::process) asks for the next piece of the response, or hands over the rest of the
    /// piece of the body. Call it whenever there is something new: a call too early or too often is harmless.
    ///
    /// # Errors
    ///
    /// Fails if the request is over, or is neither streamed nor taken in pieces, or if it belongs to another server.
    pub fn resume(&mut self, id: RequestId, now: Instant) -> Result<(), IdError> {
        self.engine.call(Some(now)).resume(id)
    }

    /// Stops accepting, closes idle connections, and gives the others at most `grace` to end.
    ///
    /// Their responses say `Connection: close`. When all have ended, the server is [`Phase::Closed`]. With
    /// [`IdleInDrain::LastRequest`](crate::IdleInDrain::LastRequest), each idle connection may send one more
    /// request.
    ///
    /// Before the server closes its listeners, it accepts the clients in their queues, because closing a
    /// listener resets the clients in its queue. It accepts at most [`Config::backlog`] + 1 clients of each
    /// listener. It stops earlier if slots or descriptors run out, and accepts nobody if the host has
    /// [paused](Self::pause_accepting) it. If another server is to continue with a listener,
    /// [remove](Self::remove_listener) it before.
    pub fn drain(&mut self, now: Instant, grace: Duration) {
        self.engine.call(Some(now)).drain(grace);
    }

    /// Closes everything at once. A reset cuts off each response in flight.
    pub fn abort(&mut self) {
        self.engine.call(None).abort();
    }

    /// Returns whether the server is running, draining or closed.
    pub fn phase(&self) -> Phase {
        self.engine.phase()
    }

    /// Returns a copy of all counters.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }
}

/// Stops watching the listeners, even if the host has kept a handle of one.
impl Drop for Server {
    fn drop(&mut self) {
        self.engine.close_listeners();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.engine.stats();
        f.debug_struct("Server")
            .field("phase", &self.phase())
            .field("open", &stats.open)
            .finish_non_exhaustive()
    }
}

/// Returns a listening socket. Unlike mio's own `bind`, it sets the backlog, TCP_NODELAY for the sockets that
/// inherit it, and IPv6 only.
fn bind(address: SocketAddr, config: &Config) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Unix this allows a bind while old connections are in TIME_WAIT. On Windows it would allow two servers
    // to share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // It is set before `listen`, because the first clients' sockets would not inherit it otherwise.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// The error of [`Server::new`]: why the server cannot be made.
///
/// ```
/// use fourway::{Config, Server, SetupError, TokenRange, mio};
///
/// let poll = mio::Poll::new().unwrap();
/// let few = TokenRange::new(100, 50).unwrap();
/// let error = Server::new(poll.registry(), few, Config::default()).unwrap_err();
/// assert!(matches!(error, SetupError::TokenRangeTooSmall { need: 32768, have: 50 }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The token range is too short for [`Config::max_connections`].
    TokenRangeTooSmall {
        /// The length that would be enough.
        need: usize,
        /// The length of the range.
        have: usize,
    },
    /// The system does not have the memory that the settings need.
    Memory {
        /// The size that the system refused: [`Config::reserved_bytes`].
        bytes: usize,
    },
    /// A setting is out of its range. The text names the setting and the range.
    Config(&'static str),
    /// The system gives no poller, or the poller's registry could not be cloned.
    Poller(io::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::TokenRangeTooSmall { need, have } => {
                write!(f, "the token range has {have} tokens, but max_connections needs {need}")
            }
            SetupError::Memory { bytes } => {
                write!(
                    f,
                    "cannot reserve {bytes} bytes of memory: lower max_connections, exchanges, buffers or limits"
                )
            }
            SetupError::Config(sentence) => f.write_str(sentence),
            SetupError::Poller(error) => write!(f, "cannot set up the poller: {error}"),
        }
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SetupError::Poller(error) => Some(error),
            _ => None,
        }
    }
}

/// Returns the shorter of two timeouts, where `None` means that there is none.
///
/// `Option::min` is different: it takes `None` for less than any time.
///
/// ```
/// use std::time::Duration;
/// use fourway::earliest;
///
/// let tick = Some(Duration::from_millis(10));
/// assert_eq!(earliest(tick, None), tick);
/// assert_eq!(earliest(tick, Some(Duration::ZERO)), Some(Duration::ZERO));
/// assert_eq!(tick.min(None), None, "a loop with this sleeps forever");
/// ```
pub fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// To use several threads, a host makes one server per thread, so a server has to be `Send`.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Server>();
};
