//! Counters: what the server did, and who ended each connection.

use std::time::Duration;

use crate::status::ErrorStatus;

/// Everything a server counted since it was made, read by [`Server::stats`](crate::Server::stats).
///
/// All counters are totals; [`Stats::open`], [`Stats::idle`] and [`Stats::deferred`] are gauges.
///
/// ```
/// let stats = fourway::Stats::default();
/// assert_eq!(stats.closes(fourway::Reason::PeerClosed), 0);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections accepted, by the server or by the host that let it adopt them.
    pub accepted: u64,
    /// Connections that ended.
    pub closed: u64,
    /// Of those, the ones whose client's FIN or reset was seen before the server closed.
    pub closed_by_client_first: u64,
    /// Connections open now.
    pub open: usize,
    /// Of those, the ones between requests.
    pub idle: usize,
    /// And those that wait for an answer of the host's that it has deferred.
    pub deferred: usize,
    /// Requests that were complete and in order, each given to the handler, or dropped.
    pub requests: u64,
    /// Bytes read from clients, discarded ones included.
    pub bytes_in: u64,
    /// Bytes that the kernel took for clients.
    pub bytes_out: u64,
    /// Errors that the server answered by itself, in the order of [`Stats::ERRORS`].
    pub errors: [u64; Stats::ERRORS.len()],
    /// Answers of a handler that could not be sent (too large, not HTTP, or a deferred one's responder
    /// that was dropped), replaced by a 500.
    pub handler_errors: u64,
    /// Handlers that panicked; each lost its own connection.
    pub handler_panics: u64,
    /// Errors of `accept` that are one connection's (ECONNABORTED and its kin).
    pub accept_errors: u64,
    /// Times that accepting had to pause: for want of descriptors or memory, or since it failed again and
    /// again.
    pub accept_pauses: u64,
    /// Connections that the poller refused to watch; each was closed.
    pub register_errors: u64,
    /// Times that all slots were taken and none could make room, so that the next client waits.
    pub full: u64,
    /// Readiness for connections that no longer exist, ignored. A few are usual. Many mean that another source of the
    /// host, or another server, has the same [`TokenRange`](crate::TokenRange).
    pub stale_events: u64,
    /// The longest that `process` was called after its time, which is a deadline or, where work was
    /// left, the call before: a host that waits longer than `next_timeout` says sees it here.
    pub max_lateness: Duration,
    closes: [u64; Reason::ALL.len()],
}

impl Stats {
    /// The status codes of the errors that the server answers by itself.
    pub const ERRORS: [u16; ErrorStatus::CODES.len()] = ErrorStatus::CODES;

    /// How many connections ended for this reason.
    pub fn closes(&self, reason: Reason) -> u64 {
        self.closes[reason as usize]
    }

    /// How many errors with this status the server answered by itself.
    pub fn errors(&self, status: u16) -> u64 {
        Self::ERRORS.iter().position(|&s| s == status).map_or(0, |at| self.errors[at])
    }

    pub(crate) fn count_close(&mut self, reason: Reason, client_first: bool) {
        self.closed += 1;
        self.closed_by_client_first += u64::from(client_first);
        self.closes[reason as usize] += 1;
    }

    pub(crate) fn count_error(&mut self, status: ErrorStatus) {
        self.errors[status as usize] += 1;
    }
}

/// Where a server is in its life.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, Instant};
/// use fourway::{Config, Phase, Server, TokenRange, mio};
///
/// let poll = mio::Poll::new()?;
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// assert_eq!(server.phase(), Phase::Running);
/// server.drain(Instant::now(), Duration::from_secs(10));
/// assert_eq!(server.phase(), Phase::Closed, "there was no connection to wait for");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It accepts and serves.
    Running,
    /// It accepts no more, and ends what it has.
    Draining,
    /// Nothing is left to do.
    Closed,
}

/// Why a connection ended.
///
/// ```
/// use fourway::{Reason, Stats};
///
/// fn report(stats: &Stats) {
///     for reason in Reason::ALL {
///         println!("{:>30} {}", reason.as_str(), stats.closes(reason));
///     }
/// }
/// # report(&Stats::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The client closed between requests.
    PeerClosed,
    /// The client closed inside a request.
    PeerClosedEarly,
    /// The client reset the connection, or the network did.
    PeerReset,
    /// The last response was sent, and the close went as [`CloseMode`](crate::CloseMode) says.
    Answered,
    /// The close mode `drop`, or [`Responder::close`](crate::Responder::close).
    Dropped,
    /// No request came for the idle timeout.
    IdleTimeout,
    /// The client took too little of a response for the write timeout.
    WriteTimeout,
    /// The last response was sent, and the client's FIN did not come for the linger timeout.
    LingerTimeout,
    /// The last response was sent, and the client went on sending for [`Timeouts::linger_total`](crate::Timeouts::linger_total).
    LingerLimit,
    /// It was the longest idle, or owed its FIN, when a new connection needed its slot, or the slowest when
    /// a new request needed its buffers.
    Evicted,
    /// The server was draining or aborted.
    Shutdown,
    /// The handler panicked.
    HandlerPanic,
    /// The poller could not watch it.
    Unpollable,
}

impl Reason {
    /// Every reason, in the order of a connection's life.
    pub const ALL: [Reason; 13] = [
        Reason::PeerClosed,
        Reason::PeerClosedEarly,
        Reason::PeerReset,
        Reason::Answered,
        Reason::Dropped,
        Reason::IdleTimeout,
        Reason::WriteTimeout,
        Reason::LingerTimeout,
        Reason::LingerLimit,
        Reason::Evicted,
        Reason::Shutdown,
        Reason::HandlerPanic,
        Reason::Unpollable,
    ];

    /// The reason in a few words, for logs and summaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::PeerClosed => "closed by the client",
            Reason::PeerClosedEarly => "closed by the client inside a request",
            Reason::PeerReset => "reset by the client",
            Reason::Answered => "answered, then closed",
            Reason::Dropped => "dropped without an answer",
            Reason::IdleTimeout => "idle timeout",
            Reason::WriteTimeout => "write timeout",
            Reason::LingerTimeout => "linger timeout",
            Reason::LingerLimit => "linger limit",
            Reason::Evicted => "evicted",
            Reason::Shutdown => "shutdown",
            Reason::HandlerPanic => "handler panicked",
            Reason::Unpollable => "poller refused it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let mut stats = Stats::default();
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            stats.count_close(reason, false);
            assert_eq!(stats.closes(reason), 1);
        }
        assert_eq!(stats.closed, Reason::ALL.len() as u64);
    }
}
