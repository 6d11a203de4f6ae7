//! The settings of a host: sizes, times, limits and budgets.
//!
//! The server allocates everything that it will ever need from these numbers, when it is made. If a table, a
//! pool or a budget is full afterwards, the server waits or evicts. It never grows.

mod limits;
mod modes;

use std::time::{Duration, SystemTime};

pub use limits::{Budget, Buffers, Limits, Timeouts};
pub(crate) use limits::{INPUT_SLACK, MAX_DESCRIPTORS, MAX_HEADERS, OUT_BATCH, PASSES_DESCRIPTORS};
pub use modes::{AtCapacity, CloseMode, IdleInDrain};

/// The settings of one [`Server`](crate::Server).
///
/// Start from the default, and set what differs:
///
/// ```
/// use fourway::{CloseMode, Config};
///
/// let mut config = Config::default();
/// config.max_connections = 100_000;
/// config.close = CloseMode::Peer;
/// assert_eq!(config.limits.head_bytes, 16 * 1024);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How many connections may be open at once (default 1,024; 1 to 2³¹). The token range limits it too
    /// ([`TokenRange`](crate::TokenRange)).
    ///
    /// A slot takes 48 bytes, with its places in the queues. If all slots are taken,
    /// [`at_capacity`](Self::at_capacity) says what happens.
    ///
    /// Each connection also takes a file descriptor. If the process may have fewer descriptors
    /// (RLIMIT_NOFILE), accepting pauses before all slots are taken, and no connection is evicted. The host
    /// has to raise that limit itself, or set a lower number here. It should keep some descriptors for its
    /// own listeners and files.
    pub max_connections: usize,
    /// How many requests or responses may be incomplete at once (default: one for each connection; at least
    /// 1).
    ///
    /// Each of these *exchanges* takes about 350 bytes, beside the [`buffers`](Self::buffers) that it
    /// borrows. A deferred request often borrows none. Neither does a large response that the client reads
    /// slowly. If all exchanges are lent, one connection is evicted, by the same rule as for [`Buffers`].
    pub exchanges: usize,
    /// How many buffers of each kind may be lent at once.
    pub buffers: Buffers,
    /// How a connection ends after its last response (default [`CloseMode::Fin`]).
    pub close: CloseMode,
    /// Whether a connection may carry more than one request (default `true`).
    pub keep_alive: bool,
    /// Whether a client that has sent its FIN still gets a response that waits for the host (default `true`).
    ///
    /// This is about requests that were [deferred](crate::Responder::defer), and about
    /// [streamed](crate::ResponseHead::stream) responses. All others are finished in both cases.
    ///
    /// A FIN says only that its sender sends no more (RFC 9293 §3.6). A client that has closed its half waits
    /// for the response. A client that has closed altogether looks the same over TCP. If `true`, the server
    /// notices that such a client is gone only when it sends something.
    ///
    /// If `false`, the connection ends at the FIN, and [`Handler::gone`](crate::Handler::gone) reports the
    /// request with [`Reason::PeerClosedEarly`](crate::Reason::PeerClosedEarly). Choose this if a response
    /// costs much, for example if a proxy asks another server for it. A stream that has begun ends with a
    /// reset. Requests that the client has sent after this one get no response.
    ///
    /// The server does not read while it waits for the host, so it learns of the FIN from the poller's events
    /// ([`Readiness::read_closed`](crate::Readiness::read_closed)). While a piece of a stream is being sent, it looks
    /// for the FIN only after that piece.
    pub half_close: bool,
    /// Whether connections have names (default `false`).
    ///
    /// With names, [`Request::connection`](crate::Request::connection) and
    /// [`Request::listener`](crate::Request::listener) return where a request comes from,
    /// [`Server::close`](crate::Server::close) ends a connection, and
    /// [`Handler::closed`](crate::Handler::closed) reports the end of each. They take 48 bytes more for each
    /// slot.
    pub names: bool,
    /// The treatment of a new connection if all slots are taken (default [`AtCapacity::Evict`]).
    pub at_capacity: AtCapacity,
    /// The treatment of idle connections in a [drain](crate::Server::drain) (default [`IdleInDrain::Close`]).
    pub idle_in_drain: IdleInDrain,
    /// How many finished handshakes the kernel queues for [`Server::listen`](crate::Server::listen) (default
    /// 4,096). Linux limits it to `net.core.somaxconn`.
    pub backlog: u32,
    /// Whether [`Server::listen`](crate::Server::listen) sets SO_REUSEPORT, so that several processes can
    /// share a port (default `false`). It has an effect on Unix only.
    pub reuse_port: bool,
    /// How long each state may last.
    pub timeouts: Timeouts,
    /// How large a request or a copied response may be.
    pub limits: Limits,
    /// How much one call of [`Server::process`](crate::Server::process) may do.
    pub budget: Budget,
    /// The wall clock for the `Date` header (default [`SystemTime::now`]). The server reads it at most once a
    /// second.
    pub wall_clock: fn() -> SystemTime,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_connections: 1024,
            exchanges: usize::MAX,
            buffers: Buffers::default(),
            close: CloseMode::Fin,
            keep_alive: true,
            half_close: true,
            names: false,
            at_capacity: AtCapacity::Evict,
            idle_in_drain: IdleInDrain::Close,
            backlog: 4096,
            reuse_port: false,
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            budget: Budget::default(),
            wall_clock: SystemTime::now,
        }
    }
}

impl Config {
    /// Checks that every setting is in its range. The error is a sentence about the first one that is not.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let (limits, buffers) = (&self.limits, &self.buffers);
        let (budget, times) = (&self.budget, &self.timeouts);
        let all_times = [
            times.head,
            times.queue,
            times.body,
            times.piece,
            times.idle,
            times.write,
            times.deferred,
            times.stream,
            times.linger,
            times.linger_total,
        ];
        let rules = [
            (self.max_connections >= 1, "max_connections must be at least 1"),
            (self.max_connections <= 1 << 31, "max_connections must be at most 2^31"),
            (self.exchanges >= 1, "exchanges must be at least 1"),
            (buffers.heads >= 1, "buffers.heads must be at least 1"),
            (buffers.outs >= 1, "buffers.outs must be at least 1"),
            (buffers.bodies >= 1, "buffers.bodies must be at least 1"),
            (!all_times.contains(&Duration::ZERO), "every timeout must be longer than zero"),
            (limits.head_bytes >= 64, "limits.head_bytes must be at least 64"),
            (limits.head_bytes <= 1 << 24, "limits.head_bytes must be at most 16 MiB"),
            (limits.target_bytes >= 1, "limits.target_bytes must be at least 1"),
            (limits.headers >= 1, "limits.headers must be at least 1"),
            (limits.headers <= MAX_HEADERS, "limits.headers must be at most 256"),
            (limits.body_bytes <= 1 << 30, "limits.body_bytes must be at most 1 GiB"),
            (limits.out_bytes >= 512, "limits.out_bytes must be at least 512"),
            (limits.out_bytes <= 1 << 30, "limits.out_bytes must be at most 1 GiB"),
            (limits.descriptors <= MAX_DESCRIPTORS, "limits.descriptors must be at most 253"),
            (
                limits.descriptors == 0 || PASSES_DESCRIPTORS,
                "limits.descriptors needs the feature `uds`, and a Unix system",
            ),
            (budget.accepts >= 1, "budget.accepts must be at least 1"),
            (budget.requests >= 1, "budget.requests must be at least 1"),
            (budget.requests_per_connection >= 1, "budget.requests_per_connection must be at least 1"),
            (budget.bytes_per_connection >= 1, "budget.bytes_per_connection must be at least 1"),
            (budget.wave_size >= 1, "budget.wave_size must be at least 1"),
            (budget.wave_size <= 1024, "budget.wave_size must be at most 1,024"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, sentence)) => Err(sentence),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_accepted() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let mut config = Config::default();
        config.timeouts.idle = Duration::ZERO;
        assert_eq!(config.check(), Err("every timeout must be longer than zero"));
        let mut config = Config::default();
        config.limits.headers = 257;
        assert_eq!(config.check(), Err("limits.headers must be at most 256"));
    }
}
