//! Times, sizes and budgets.

use std::time::Duration;

use crate::state::State;

/// How many buffers of each kind may be lent at once.
///
/// A request that arrives whole and a response that leaves whole in one write need no buffer of their own. When all
/// buffers of a kind are lent and another is needed, the fullest state among their holders gives up its oldest: its
/// request is refused with 503, or its response is cut off by a reset. A deferred request holds a head buffer only if
/// its client has sent more behind it; then it is one of these holders. Body buffers have a rule of their own.
///
/// ```
/// let mut config = fourway::Config::default();
/// config.buffers.bodies = 4; // four large uploads at a time, the others wait
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Buffers {
    /// For requests whose heads or small bodies are incomplete, or behind which others wait (default 1,024; at least 1). Each takes [`Limits::head_bytes`] and 4 KiB.
    pub heads: usize,
    /// For responses, or parts of them, that are copied and not sent (default 1,024; at least 1). Each takes
    /// [`Limits::out_bytes`] and 17 KiB.
    pub outs: usize,
    /// For bodies that do not fit behind their heads (default 64; at least 1). Each takes [`Limits::head_bytes`],
    /// [`Limits::body_bytes`] and 4 KiB.
    ///
    /// A body gets one when the buffer of its head is full, or before its client is told to continue. When all are lent,
    /// further bodies wait unread, in their order ([`Timeouts::queue`]). While any waits, a body is refused with 503, and
    /// its buffer goes to the next, if less than 4 KiB of it have come in 3 s (in 1 s if more bodies wait than there are
    /// buffers), or if it has had its buffer for 20 s.
    pub bodies: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Buffers { heads: 1024, outs: 1024, bodies: 64 }
    }
}

/// How long each state may last. Every one must be longer than zero; [`Duration::MAX`] is for ever.
///
/// ```
/// use std::time::Duration;
///
/// let mut config = fourway::Config::default();
/// config.timeouts.idle = Duration::from_secs(5);
/// config.timeouts.deferred = Duration::MAX; // the host answers when it answers
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// From a request's first byte to the end of its head (default 10 s). Never extended.
    pub head: Duration,
    /// For a body buffer, when all are lent (default 30 s). Beyond: 503. The client's own time does not run meanwhile.
    pub queue: Duration,
    /// For each 4 KiB of a request's body (default 30 s).
    pub body: Duration,
    /// Between requests, and before the first (default 75 s).
    pub idle: Duration,
    /// For each 4 KiB of a response that the client is slow to take (default 30 s).
    ///
    /// A client that has taken more at once has credit for up to 64 KiB, because a slow reader opens its window in
    /// large steps. So a client that takes 64 KiB and then stops is cut off after 16 times this.
    pub write: Duration,
    /// For the host's answer to a request that it has deferred, from when the answers in front of it
    /// have left (default 30 s). Beyond: 503.
    pub deferred: Duration,
    /// For the client's FIN, after the last response and after the last byte that the client has sent since
    /// (default 5 s).
    pub linger: Duration,
    /// For a client that goes on sending after the last response (default 30 s in all). Beyond, it is reset, and may
    /// lose that response.
    pub linger_total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            head: Duration::from_secs(10),
            queue: Duration::from_secs(30),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            deferred: Duration::from_secs(30),
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
    /// Bytes of a request line with all its headers (default 16 KiB; at least 64). Beyond: 431.
    /// The trailers after a chunked body may be as long once more.
    pub head_bytes: usize,
    /// Bytes of a request's target (default 8 KiB; at least 1). Beyond: 414.
    pub target_bytes: usize,
    /// Headers of a request (default 100; 1 to 256). Beyond: 431.
    pub headers: usize,
    /// Bytes of a request's body (default 1 MiB). Beyond: 413.
    pub body_bytes: usize,
    /// Bytes of a response that is copied: headers and body (default 64 KiB; at least 512).
    /// The server's own headers have room beside it. Beyond: the client gets a 500.
    /// A [`Body`](crate::Body) has no limit.
    pub out_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 16 * 1024,
            target_bytes: 8 * 1024,
            headers: 100,
            body_bytes: 1024 * 1024,
            out_bytes: 64 * 1024,
        }
    }
}

/// How much one call of [`Server::process`](crate::Server::process) may do before it returns to
/// the host. Every number must be at least 1. What is left comes first in the next call.
///
/// ```
/// let mut config = fourway::Config::default();
/// // A frame of the host's game must not wait longer for the server than for this.
/// config.budget.requests = 64;
/// config.budget.accepts = 16;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Budget {
    /// Connections accepted (default 256).
    pub accepts: u32,
    /// Requests answered (default 1,024). A connection that moved without completing one counts as
    /// one, and so does each 8 KiB that it reads or writes: a turn of the default moves about 8 MiB. It
    /// can be four times as much: less than 8 KiB of a connection is not counted, and the last wave is not
    /// cut short.
    /// Expired deadlines have a budget of the same size.
    pub requests: u32,
    /// Requests answered on one connection before the next gets its turn (default 32).
    pub requests_per_connection: u32,
    /// Bytes read or written on one connection before the next gets its turn (default 1 MiB;
    /// passed by at most one buffer).
    pub bytes_per_connection: usize,
    /// Connections that are served together at most: all are read, then all are answered, then all are
    /// written to (default 16, at most 1,024). That is faster than one after the other, but the first
    /// answer waits until the handler has made the last. A handler that takes long for an answer has 1
    /// here.
    ///
    /// Fewer are served together where that would pass [`requests`](Self::requests) or take the last of
    /// [`Config::exchanges`]; and only those that begin a request are read and answered in advance.
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

/// The most headers that [`Limits::headers`] may allow; their slices live on the stack.
pub(crate) const MAX_HEADERS: usize = 256;

/// What a buffer has beside the longest head and body: space for the next read, and for the line that ends a chunked
/// body.
pub(crate) const INPUT_SLACK: usize = 4096;

/// A batch of pipelined responses is flushed when it has grown past this.
pub(crate) const OUT_BATCH: usize = 16 * 1024;

/// Room for the headers that the server adds to each response, and for its own error pages.
pub(crate) const OUT_SLACK: usize = 1024;

impl Timeouts {
    /// How long a connection may wait in a state.
    pub(crate) fn of(&self, state: State) -> Duration {
        match state {
            State::Idle | State::Received => self.idle,
            State::Head => self.head,
            State::Queued => self.queue,
            State::Body => self.body,
            State::Sending => self.write,
            State::Deferred => self.deferred,
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
