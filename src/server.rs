//! The server as a host sees it: the engine over mio's sockets.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Config;
use crate::deferred::{RequestId, RespondError};
use crate::engine::{Engine, ListenerId, Progress};
use crate::handler::{Handler, Responder};
use crate::net::sockets::{Listener, MioNet, Stream};
use crate::net::{Readiness, Refused};
use crate::stats::{Phase, Stats};
use crate::tokens::{TokenRange, Tokens};

/// An HTTP/1.1 server that lives in its host's mio loop.
///
/// It makes no poller, waker, thread, signal handler or logger, and never waits. The host drives
/// it: each event goes to [`handle_event`](Self::handle_event), then one call of
/// [`process`](Self::process) does all the work, and [`next_timeout`](Self::next_timeout) says how
/// long the next `poll` may wait.
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
/// Dropping it closes all its sockets at once and calls no handler.
pub struct Server {
    engine: Engine<MioNet>,
}

impl Server {
    /// A server that registers its sockets with a clone of `registry`, under tokens of `tokens`.
    ///
    /// All memory that it will ever use is reserved here.
    ///
    /// # Errors
    ///
    /// If the range has too few tokens for [`Config::max_connections`], if a setting makes no
    /// sense, if the memory cannot be had, or if the registry cannot be cloned.
    pub fn new(registry: &Registry, tokens: TokenRange, config: Config) -> Result<Self, SetupError> {
        config.check().map_err(SetupError::Config)?;
        let tokens = Tokens::layout(tokens, config.max_connections)
            .map_err(|need| SetupError::TokenRangeTooSmall { need, have: tokens.len() })?;
        let registry = registry.try_clone().map_err(SetupError::Poller)?;
        let engine = Engine::new(MioNet::new(registry), tokens, config);
        engine.map(|engine| Server { engine }).map_err(|bytes| SetupError::Memory { bytes })
    }

    /// Listens on an address; port 0 is one that the system chooses.
    ///
    /// An IPv6 address takes IPv6 clients only, so that `0.0.0.0` and `[::]` can both be listened
    /// on.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound, if the server is draining, or if it has 64 listeners.
    pub fn listen(&mut self, address: SocketAddr) -> io::Result<ListenerId> {
        let listener = bind(address, self.engine.config())?;
        Ok(self.engine.add_listener(listener.into())?)
    }

    /// Accepts from a listener that the host has made, of std or of mio: one with other options,
    /// or one that was inherited from another process.
    ///
    /// It becomes non-blocking, and for the sockets that inherit it gets TCP_NODELAY and loses SO_LINGER and TCP_CORK.
    /// If it is registered with the host's poller, it is no longer. The server closes it when it drains,
    /// unless it is [removed](Self::remove_listener) before. Other options are the host's: with an SO_RCVLOWAT above 1,
    /// for instance, Linux reports no shorter request, and its client waits in vain.
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
    /// If the socket refuses these options, if the poller does not watch it, if the server is
    /// draining, or if it has 64 listeners. The listener comes back with the error.
    pub fn add_listener(&mut self, listener: impl Into<Listener>) -> Result<ListenerId, Refused<Listener>> {
        self.engine.add_listener(listener.into())
    }

    /// Stops accepting from a listener and hands it back, open and non-blocking: for another
    /// server, or for the process that comes after this one. `None` if it is closed or was removed.
    ///
    /// Clients that wait in its queue stay there; connections that were accepted stay here.
    pub fn remove_listener(&mut self, listener: ListenerId) -> Option<Listener> {
        self.engine.remove_listener(listener)
    }

    /// Serves a connected stream that the host has accepted itself, or has got from elsewhere.
    ///
    /// It becomes non-blocking, gets TCP_NODELAY, and loses SO_LINGER and TCP_CORK. If all slots are taken, another
    /// connection makes room as [`AtCapacity`](crate::AtCapacity) says. The next
    /// [`process`](Self::process) reads its first request; `now` begins its idle timeout.
    ///
    /// If it is registered with the host's poller, it is no longer, and an event of it that is
    /// still on its way is of no use to anybody. From another poller the host takes it itself.
    ///
    /// If the host keeps another handle of the socket, or a child process has inherited one, the server still ends the
    /// connection with a FIN. It cannot reset it, as [`CloseMode::Rst`](crate::CloseMode::Rst), time-outs of
    /// responses and [`abort`](Self::abort) do, until the other handle is closed.
    ///
    /// # Errors
    ///
    /// If all slots are taken (the error's kind is [`ResourceBusy`](io::ErrorKind::ResourceBusy)),
    /// if the server is draining, or if the socket refuses these options. The stream comes back
    /// with the error.
    pub fn adopt(&mut self, stream: impl Into<Stream>, now: Instant) -> Result<(), Refused<Stream>> {
        self.engine.call(Some(now)).adopt(stream.into())
    }

    /// The address of a listener, with its port; `None` once it is closed or removed, and for a
    /// Unix socket.
    pub fn local_addr(&self, listener: ListenerId) -> Option<SocketAddr> {
        self.engine.listener(listener)?.local_addr()
    }

    /// Takes note of an event; `false` if its token is not of this server's range.
    ///
    /// Costs a few stores: no I/O, no callback, nothing is closed.
    pub fn handle_event(&mut self, event: &Event) -> bool {
        self.engine.handle(event.token(), Readiness::from(event))
    }

    /// The same for readiness that is not mio's: of a test, or of another loop.
    pub fn handle_readiness(&mut self, token: Token, readiness: Readiness) -> bool {
        self.engine.handle(token, readiness)
    }

    /// Does all that can be done now, within [`Config::budget`]: accepts, reads, answers, writes,
    /// and ends what has waited too long.
    ///
    /// Once per turn of the host's loop, also when there were no events. `now` should not go back;
    /// where it does, it is taken to stand still.
    pub fn process<H: Handler + ?Sized>(&mut self, now: Instant, handler: &mut H) -> Progress {
        self.engine.call(Some(now)).process(handler)
    }

    /// How long the host may wait for events: zero while there is work left, `None` if nothing is
    /// timed. Ask after [`process`](Self::process), and wait no longer.
    ///
    /// To ask and not to use the answer is a warning, and an error where warnings are:
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

    /// The responder of a request that was [deferred](Responder::defer): the same as the handler had.
    ///
    /// The answer is sent by the next [`process`](Self::process), or by the next call of the host if half of the
    /// [out buffers](crate::Buffers::outs) are lent. A responder that is dropped
    /// answers 500, which [`Stats::handler_errors`] counts.
    ///
    /// Another thread sends what it has found out, with the id, through a channel of the host's, and
    /// wakes the loop with the host's [`mio::Waker`]. `now` dates the answer.
    ///
    /// # Errors
    ///
    /// If the request no longer waits: it was answered, or [`Handler::gone`] has heard of its end,
    /// or it is another server's.
    pub fn respond(&mut self, id: RequestId, now: Instant) -> Result<Responder<'_>, RespondError> {
        self.engine.call(Some(now)).respond(id)
    }

    /// Stops accepting, closes idle connections, and gives the others at most `grace` to end.
    ///
    /// Their responses say `Connection: close`. When all have ended, the server is
    /// [`Phase::Closed`]. With [`IdleInDrain::LastRequest`](crate::IdleInDrain::LastRequest), idle
    /// connections may ask once more.
    ///
    /// Clients whose handshakes are finished are accepted before the listeners are closed, as many as a
    /// queue of [`Config::backlog`] holds and as far as there are slots and descriptors, for closing resets
    /// whoever is left in the queue. A listener that another server is to go on with is
    /// [removed](Self::remove_listener) before.
    pub fn drain(&mut self, now: Instant, grace: Duration) {
        self.engine.call(Some(now)).drain(grace);
    }

    /// Closes everything at once; responses in flight are cut off by a reset.
    pub fn abort(&mut self) {
        self.engine.call(None).abort();
    }

    /// Whether the server is running, draining or closed.
    pub fn phase(&self) -> Phase {
        self.engine.phase()
    }

    /// A copy of all counters.
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }
}

/// A listener of which the host has kept a handle is no longer watched.
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

/// A listening socket with what mio's own `bind` does not set: the backlog, TCP_NODELAY for the
/// sockets that inherit it, and IPv6 alone.
fn bind(address: SocketAddr, config: &Config) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Unix this allows a bind while old connections are in TIME_WAIT; on Windows it would allow
    // two servers to share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Before it listens, or the first clients' sockets would not inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Why a [`Server`] cannot be made.
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
    /// The token range is shorter than this number of connections needs.
    TokenRangeTooSmall {
        /// The length that would be enough.
        need: usize,
        /// The length of the range.
        have: usize,
    },
    /// The memory that the settings ask for cannot be had.
    Memory {
        /// The size of the piece that was refused.
        bytes: usize,
    },
    /// A setting makes no sense; which, and what would.
    Config(&'static str),
    /// The poller could not be made, or its registry could not be cloned.
    Poller(io::Error),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::TokenRangeTooSmall { need, have } => {
                write!(f, "the token range has {have} tokens, this many connections need {need}")
            }
            SetupError::Memory { bytes } => {
                write!(
                    f,
                    "the system refuses {bytes} bytes of memory: lower max_connections, exchanges or limits"
                )
            }
            SetupError::Config(sentence) => f.write_str(sentence),
            SetupError::Poller(error) => write!(f, "the system gives no poller: {error}"),
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

/// The shorter of two timeouts, where `None` is for ever.
///
/// `Option`'s own `min` says otherwise: to it `None` is less than any time.
///
/// ```
/// use std::time::Duration;
/// use fourway::earliest;
///
/// let tick = Some(Duration::from_millis(10));
/// assert_eq!(earliest(tick, None), tick);
/// assert_eq!(earliest(tick, Some(Duration::ZERO)), Some(Duration::ZERO));
/// assert_eq!(tick.min(None), None, "a loop with this sleeps for ever");
/// ```
pub fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// One server per thread is how to use more than one.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Server>();
};
