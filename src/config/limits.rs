//! Times, sizes and budgets.

use std::time::Duration;

use crate::state::State;

/// How many buffers of each kind may be lent at once.
///
/// A request that arrives whole needs no buffer of its own. Neither does a response that leaves whole in one
/// write.
///
/// If all buffers of a kind are lent and another is needed, the server ends a holder: the oldest in the state
/// that has the most holders. The server refuses that connection's request with 503, or cuts its response off
/// with a reset. A deferred request, or a stream that waits for the host, is one of these holders if its client
/// has sent more after it, because only then it holds a head buffer. Others always hold one: a request that the host
/// [keeps](crate::Responder::defer_keeping), a body that waits for [`take_in`](crate::Server::take_in), and a body of
/// which the host has taken only a part. Body buffers have a rule of their own ([`bodies`](Self::bodies)).
///
/// ```
/// let mut config = fourway::Config::default();
/// config.buffers.bodies = 4; // four large uploads at a time, the others wait
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Buffers {
    /// Buffers for incomplete heads, for incomplete bodies that fit into the rest of the head buffer, and for
    /// requests that wait for the one before them, for the host to [take them in](crate::Server::take_in), or that
    /// the host [keeps](crate::Responder::defer_keeping) (default 1,024; at least 1).
    ///
    /// Each takes [`Limits::head_bytes`] and 4 KiB.
    pub heads: usize,
    /// Buffers for responses, or parts of them, that are copied and not yet sent (default 1,024; at least 1).
    ///
    /// Each takes [`Limits::out_bytes`] and 17 KiB.
    pub outs: usize,
    /// Buffers for bodies that do not fit into the rest of a head buffer (default 64; at least 1).
    ///
    /// Each takes [`Limits::head_bytes`], [`Limits::body_bytes`] and 4 KiB.
    ///
    /// A body gets a buffer when the buffer of its head is full, or before the server sends `100 Continue`.
    /// If all are lent, further bodies wait unread, in their order ([`Timeouts::queue`]).
    ///
    /// While a body waits, a slow body loses its buffer to it and is refused with 503. A body is slow if less
    /// than 4 KiB of it has arrived in 3 s, or in 1 s if more bodies wait than there are buffers. It is also
    /// slow if it has had its buffer for 20 s.
    ///
    /// A body that the host [keeps](crate::Responder::defer_keeping) has its buffer until the host has responded.
    pub bodies: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers { heads: 1024, outs: 1024, bodies: 64 }
    }
}

/// How long each state may last.
///
/// Every timeout must be longer than zero. [`Duration::MAX`] means forever.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = fourway::Config::default();
/// config.timeouts.idle = Duration::from_secs(5);
/// config.timeouts.deferred = Duration::MAX; // a deferred request waits for as long as it takes
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// The time from a request's first byte to the end of its head (default 10 s). It is never extended.
    pub head: Duration,
    /// How long a body may wait for a buffer if all are lent (default 30 s). After that, the server refuses
    /// it with 503. The body's own timeout does not run meanwhile.
    pub queue: Duration,
    /// The time for each 4 KiB of a request's body (default 30 s).
    pub body: Duration,
    /// The time for the host to take the rest of a [piece](crate::Handler::piece) of a body (default 30 s). After
    /// that, the server refuses the request with 503. The body's own timeout does not run meanwhile.
    pub piece: Duration,
    /// The time between requests, and before the first (default 75 s).
    pub idle: Duration,
    /// The time for each 4 KiB of a response that the client is slow to read (default 30 s).
    ///
    /// A slow reader opens its window in large steps. So a client that takes more than 4 KiB at once has
    /// credit, for up to 64 KiB. If a client takes 64 KiB and then stops, the server cuts its response off
    /// after 16 times this timeout.
    pub write: Duration,
    /// The time for the host's response to a deferred request, or until it takes the body in (default 30 s). It starts when the responses
    /// before this one have been sent. After that time, [`Handler::overdue`](crate::Handler::overdue)
    /// responds: by default, the server refuses the request with 503.
    pub deferred: Duration,
    /// The time for the host's next piece of a [streamed](crate::ResponseHead::stream) response (default 5
    /// min). It starts when the piece before has been sent. After that time, the server cuts the response
    /// off. Only a piece that the client does not take counts against [`write`](Self::write).
    pub stream: Duration,
    /// The time for the client's FIN (default 5 s). It starts after the last response, and again with each
    /// byte that the client still sends.
    pub linger: Duration,
    /// The time in all for a client that goes on sending after the last response (default 30 s). After that,
    /// the server resets the connection, and the client may lose that response.
    pub linger_total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            head: Duration::from_secs(10),
            queue: Duration::from_secs(30),
            body: Duration::from_secs(30),
            piece: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            deferred: Duration::from_secs(30),
            stream: Duration::from_secs(300),
            linger: Duration::from_secs(5),
            linger_total: Duration::from_secs(30),
        }
    }
}

/// How large a request or a copied response may be.
///
/// ```
/// let mut config = fourway::Config::default();
/// config.limits.body_bytes = 64 * 1024; // a body buffer holds a whole body
/// config.limits.out_bytes = 256 * 1024;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request line with all its headers (default 16 KiB; 64 to 16 MiB). A longer head gets 431.
    ///
    /// The trailers of a chunked body may have the same number of bytes again.
    pub head_bytes: usize,
    /// Bytes of a request's target (default 8 KiB; at least 1). A longer target gets 414.
    pub target_bytes: usize,
    /// Headers of a request (default 100; 1 to 256). A request with more gets 431.
    pub headers: usize,
    /// Bytes of a request's body (default 1 MiB; at most 1 GiB). A longer body gets 413.
    pub body_bytes: usize,
    /// Bytes of a response that are copied: headers and body (default 64 KiB; 512 to 1 GiB).
    ///
    /// The server's own headers do not count. If the handler writes more, the client gets a 500. A
    /// [`Body`](crate::Body) has no limit.
    pub out_bytes: usize,
    /// Whether the handler gets CONNECT requests, whose [`target`](crate::Request::target) is a host and a port
    /// (default `false`: they get 501). It can answer with a 2xx that [hands the
    /// connection over](crate::ResponseHead::take_over).
    pub connect: bool,
    /// Descriptors that a client may pass with one request over a Unix socket, which
    /// [`Request::descriptors`](crate::Request::descriptors) lends to the handler (default 0; at most 253, as many as one
    /// message can carry, unix(7)). It needs the feature `uds`.
    ///
    /// If it is 0, the kernel closes what a client passes. Otherwise a request with more gets 400. A request gets 503 if
    /// the process can have no more descriptors (RLIMIT_NOFILE). In both cases they are all closed.
    ///
    /// Descriptors belong to the first request of which a byte arrives in the same read. So a client should wait for
    /// the responses to its other requests before it passes descriptors. It can pass those of one request with several
    /// messages. The server holds them while more of the request has to arrive.
    ///
    /// Each takes 4 bytes more for each slot, and each slot takes 2 bytes more.
    pub descriptors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 16 * 1024,
            target_bytes: 8 * 1024,
            headers: 100,
            body_bytes: 1024 * 1024,
            out_bytes: 64 * 1024,
            connect: false,
            descriptors: 0,
        }
    }
}

/// How much one call of [`Server::process`](crate::Server::process) may do before it returns to the host.
///
/// Every number must be at least 1. The next call begins with the work that is left.
///
/// ```
/// let mut config = fourway::Config::default();
/// // The host is a game, and each turn of the server delays its next frame.
/// config.budget.requests = 64;
/// config.budget.accepts = 16;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Budget {
    /// Connections to accept (default 256).
    pub accepts: u32,
    /// Requests to answer (default 1,024).
    ///
    /// A connection costs as much as the requests that it completes, or one request for each 8 KiB that it
    /// reads or writes, whichever is more. It costs at least one request. A byte of the framing of a chunked
    /// body counts as five bytes read, because the server looks at each. So a turn of the default moves about
    /// 8 MiB. It can move four times as much, because it does not count a rest of less than 8 KiB per
    /// connection, and does not cut the last wave short.
    ///
    /// Expired deadlines have a budget of the same size.
    pub requests: u32,
    /// Requests to answer on one connection before the next gets its turn (default 32).
    pub requests_per_connection: u32,
    /// Bytes to read or write on one connection before the next gets its turn (default 1 MiB). A connection
    /// may exceed this by at most one buffer.
    pub bytes_per_connection: usize,
    /// The most connections in a wave (default 16; 1 to 1,024).
    ///
    /// The server reads from all connections of a wave, then answers all, then writes to all. That is faster
    /// than one after the other, but the first response waits until the handler has made the last. Set this
    /// to 1 if the handler is slow.
    ///
    /// A wave is smaller if it could exceed [`requests`](Self::requests), or take the last of
    /// [`Config::exchanges`](super::Config::exchanges) or [`Config::buffers`](super::Config::buffers). Only
    /// connections that begin a request take the first two steps together. The last step serves the others
    /// whole.
    pub wave_size: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            accepts: 256,
            requests: 1024,
            requests_per_connection: 32,
            bytes_per_connection: 1024 * 1024,
            wave_size: 16,
        }
    }
}

/// The largest value of [`Limits::headers`]. The headers' slices live on the stack.
pub(crate) const MAX_HEADERS: usize = 256;

/// The largest value of [`Limits::descriptors`]: Linux passes no more in one message (SCM_MAX_FD).
pub(crate) const MAX_DESCRIPTORS: usize = 253;

/// Whether descriptors can be received: over Unix sockets, and in the simulation.
pub(crate) const PASSES_DESCRIPTORS: bool = cfg!(all(unix, any(test, fuzzing, feature = "uds")));

/// Bytes of a buffer beyond the longest head and body. They are for the next read, and for the line that ends
/// a chunked body.
pub(crate) const INPUT_SLACK: usize = 4096;

/// The size after which a batch of pipelined responses is sent.
pub(crate) const OUT_BATCH: usize = 16 * 1024;

/// Bytes for the headers that the server adds to each response, and for its own error pages.
pub(crate) const OUT_SLACK: usize = 1024;

impl Timeouts {
    /// Returns how long a connection may wait in a state.
    pub(crate) fn of(&self, state: State) -> Duration {
        match state {
            State::Idle | State::Received => self.idle,
            State::Head => self.head,
            State::AwaitingBuffer => self.queue,
            State::Body => self.body,
            State::Holding => self.piece,
            State::Sending => self.write,
            State::Deferred => self.deferred,
            State::Streaming => self.stream,
            State::Closing => self.linger,
        }
    }
}

impl Limits {
    pub(crate) fn head_buffer_bytes(&self) -> usize {
        self.head_bytes.saturating_add(INPUT_SLACK)
    }

    pub(crate) fn body_buffer_bytes(&self) -> usize {
        self.head_buffer_bytes().saturating_add(self.body_bytes)
    }

    pub(crate) fn out_buffer_bytes(&self) -> usize {
        self.out_bytes.saturating_add(OUT_BATCH + OUT_SLACK)
    }
}
