//! Counters: what the server did, and which side ended each connection.

use std::time::Duration;

use crate::status::ErrorStatus;

/// What a server has counted since it was made.
///
/// [`Server::stats`](crate::Server::stats) returns a copy, and a handler sees it by
/// [`Responder::stats`](crate::Responder::stats).
///
/// All counters are totals. [`open`](Self::open) is a gauge: the number of connections now. So are the nine fields
/// after it, one for each state that a connection can wait in. Their sum is `open`.
///
/// ```
/// let stats = fourway::Stats::default();
/// assert_eq!(stats.closes(fourway::Reason::PeerClosed), 0);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that the server accepted, or adopted from the host.
    pub accepted: u64,
    /// Connections that ended.
    pub closed: u64,
    /// Of those, the connections whose client sent its FIN or a reset, seen before the server closed.
    pub closed_by_client_first: u64,
    /// Connections open now.
    pub open: usize,
    /// Of the open connections, those that are between requests, or before the first.
    pub idle: usize,
    /// Of the open connections, those whose next request has begun, and whose head is not whole. It includes
    /// those whose whole request waits for its turn.
    pub reading_head: usize,
    /// Of the open connections, those that wait for a [body buffer](crate::Buffers::bodies).
    pub awaiting_buffer: usize,
    /// Of the open connections, those whose request's body is not whole.
    pub reading_body: usize,
    /// Of the open connections, those whose body waits until the host takes the rest of a piece.
    pub holding: usize,
    /// Of the open connections, those whose client has not taken all of a response.
    pub sending: usize,
    /// Of the open connections, those that wait for the host's response to a deferred request.
    pub deferred: usize,
    /// Of the open connections, those that wait for the host's next piece of a streamed response.
    pub streaming: usize,
    /// Of the open connections, those that wait for the client's FIN after the last response.
    pub closing: usize,
    /// Requests that were complete and valid. Each was given to the handler, or dropped.
    pub requests: u64,
    /// Bytes read from clients, including those that were discarded.
    pub bytes_in: u64,
    /// Bytes that the kernel has taken to send to clients.
    pub bytes_out: u64,
    /// Errors that the server answered by itself, in the order of [`Stats::ERRORS`].
    pub errors: [u64; Stats::ERRORS.len()],
    /// Responses of a handler that could not be sent, so the server sent a 500 instead.
    ///
    /// They were too large or not valid HTTP, or the responder of a deferred request was dropped. A streamed
    /// response that did not keep its length, or a piece that did not fit, counts as well. If a part of the response
    /// has been sent, the server resets the connection instead.
    pub handler_errors: u64,
    /// Panics of a handler. Each ended its own connection.
    pub handler_panics: u64,
    /// Errors of `accept` that concern only one connection, such as ECONNABORTED.
    pub accept_errors: u64,
    /// How often accepting had to pause, because descriptors or memory had run out, or because `accept`
    /// failed again and again.
    pub accept_pauses: u64,
    /// Connections that the poller refused to watch. The server closed each of them.
    pub register_errors: u64,
    /// How often all slots were taken and no connection could make way, so that the next client had to wait.
    pub full: u64,
    /// Events of connections that no longer exist, which the server ignored.
    ///
    /// A few are usual. Many mean that another source of the host, or another server, has the same
    /// [`TokenRange`](crate::TokenRange).
    pub stale_events: u64,
    /// The longest delay of a call of `process`.
    ///
    /// A call is due at the next deadline, or right after the call before if that has left work. If a host
    /// waits longer than `next_timeout` returns, the delay shows here.
    pub max_lateness: Duration,
    closes: [u64; Reason::ALL.len()],
    /// Of these, the connections whose client closed first.
    closes_by_client: [u64; Reason::ALL.len()],
    /// By the first digit of the status. Raw responses have none, and count as 0.
    responses: [u64; 6],
}

impl Stats {
    /// The status codes of the errors that the server answers by itself.
    pub const ERRORS: [u16; ErrorStatus::CODES.len()] = ErrorStatus::CODES;

    /// Returns how many connections ended for this reason.
    pub fn closes(&self, reason: Reason) -> u64 {
        self.closes[reason as usize]
    }

    /// Returns how many connections ended for this reason after their client had closed first. The server closed
    /// the others first.
    ///
    /// ```
    /// use fourway::{Reason, Stats};
    ///
    /// let stats = Stats::default();
    /// let by_client: u64 = Reason::ALL.iter().map(|&reason| stats.closes_by_client(reason)).sum();
    /// assert_eq!(by_client, stats.closed_by_client_first);
    /// ```
    pub fn closes_by_client(&self, reason: Reason) -> u64 {
        self.closes_by_client[reason as usize]
    }

    /// Returns how many responses the server has begun with a status of this class, which is 1 to 5. Class 0
    /// counts the [raw](crate::Responder::raw) responses, whose status only the host knows.
    ///
    /// They are responses of the handler and errors that the server answered by itself. Interim responses do not
    /// count, so class 1 is the 101 of a connection that the host took over.
    ///
    /// ```
    /// let stats = fourway::Stats::default();
    /// let all: u64 = (0..=5).map(|class| stats.responses(class)).sum();
    /// assert_eq!(all, 0);
    /// assert_eq!(stats.responses(6), 0, "there is no such class");
    /// ```
    pub fn responses(&self, class: u16) -> u64 {
        self.responses.get(usize::from(class)).copied().unwrap_or_default()
    }

    /// Returns how many errors with this status the server answered by itself.
    pub fn errors(&self, status: u16) -> u64 {
        Self::ERRORS.iter().position(|&s| s == status).map_or(0, |at| self.errors[at])
    }

    pub(crate) fn count_close(&mut self, reason: Reason, client_first: bool) {
        self.closed += 1;
        self.closed_by_client_first += u64::from(client_first);
        self.closes[reason as usize] += 1;
        self.closes_by_client[reason as usize] += u64::from(client_first);
    }

    /// Counts a response that has begun. A raw one has the status 0.
    #[inline]
    pub(crate) fn count_response(&mut self, status: u16) {
        if status == 200 {
            self.responses[2] += 1;
        } else {
            self.count_rare_response(status);
        }
    }

    #[cold]
    fn count_rare_response(&mut self, status: u16) {
        if let Some(count) = self.responses.get_mut(usize::from(status / 100)) {
            *count += 1;
        }
    }

    /// Takes back the count of a response of which nothing has been sent.
    pub(crate) fn take_response_back(&mut self, status: u16) {
        if let Some(count) = self.responses.get_mut(usize::from(status / 100)) {
            *count -= 1;
        }
    }

    pub(crate) fn count_error(&mut self, status: ErrorStatus) {
        self.errors[status as usize] += 1;
    }
}

/// The phases of a server's life.
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
    /// The server accepts and serves connections.
    Running,
    /// The server has stopped accepting, and finishes the requests in progress.
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
    /// The client closed during a request.
    PeerClosedEarly,
    /// The client reset the connection, or the network did.
    PeerReset,
    /// The last response was sent, and the connection closed as [`CloseMode`](crate::CloseMode) says.
    Answered,
    /// The host has [taken it over](crate::ResponseHead::take_over). It is still open, but no longer the server's.
    TakenOver,
    /// The close mode is `drop`, or the host called [`Responder::close`](crate::Responder::close) or
    /// [`Server::cancel`](crate::Server::cancel).
    Dropped,
    /// No request arrived within the idle timeout.
    IdleTimeout,
    /// The client read too little of a response within the write timeout.
    WriteTimeout,
    /// The host cut a streamed response off, or did not keep its length.
    StreamAborted,
    /// The host gave no piece of a streamed response within the stream timeout.
    StreamTimeout,
    /// The last response was sent, and the client's FIN did not arrive within the linger timeout.
    LingerTimeout,
    /// The last response was sent, and the client went on sending for
    /// [`Timeouts::linger_total`](crate::Timeouts::linger_total).
    LingerLimit,
    /// Another connection needed its slot, or another request needed what it had borrowed: its exchange or a
    /// buffer.
    Evicted,
    /// The host called [`Server::close`](crate::Server::close). If the client's FIN did not arrive in time after
    /// that, the reason is [`LingerTimeout`](Self::LingerTimeout).
    ClosedByHost,
    /// The server drained, or the host aborted it.
    Shutdown,
    /// The handler panicked.
    HandlerPanic,
    /// The poller could not watch the connection.
    Unpollable,
}

impl Reason {
    /// Every reason, in the order of a connection's life.
    pub const ALL: [Reason; 17] = [
        Reason::PeerClosed,
        Reason::PeerClosedEarly,
        Reason::PeerReset,
        Reason::Answered,
        Reason::TakenOver,
        Reason::Dropped,
        Reason::IdleTimeout,
        Reason::WriteTimeout,
        Reason::StreamAborted,
        Reason::StreamTimeout,
        Reason::LingerTimeout,
        Reason::LingerLimit,
        Reason::Evicted,
        Reason::ClosedByHost,
        Reason::Shutdown,
        Reason::HandlerPanic,
        Reason::Unpollable,
    ];

    /// Returns the reason in a few words, for logs and summaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::PeerClosed => "closed by the client",
            Reason::PeerClosedEarly => "closed by the client during a request",
            Reason::PeerReset => "reset by the client",
            Reason::Answered => "answered, then closed",
            Reason::TakenOver => "taken over by the host",
            Reason::Dropped => "dropped without a response",
            Reason::IdleTimeout => "idle timeout",
            Reason::WriteTimeout => "write timeout",
            Reason::StreamAborted => "stream cut off by the host",
            Reason::StreamTimeout => "stream timeout",
            Reason::LingerTimeout => "linger timeout",
            Reason::LingerLimit => "linger limit",
            Reason::Evicted => "evicted",
            Reason::ClosedByHost => "closed by the host",
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
    fn all_has_every_reason() {
        let (_, source) = include_str!("stats.rs").split_once("pub enum Reason {\n").expect("the enum");
        let (variants, _) = source.split_once("\n}").expect("its end");
        let is_variant = |line: &&str| line.trim_start().starts_with(char::is_alphabetic);
        assert_eq!(variants.lines().filter(is_variant).count(), Reason::ALL.len());
    }

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let mut stats = Stats::default();
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            stats.count_close(reason, false);
            stats.count_close(reason, true);
            assert_eq!((stats.closes(reason), stats.closes_by_client(reason)), (2, 1));
        }
        assert_eq!(stats.closed, 2 * Reason::ALL.len() as u64);
        assert_eq!(stats.closed_by_client_first, Reason::ALL.len() as u64);
    }
    #[test]
    fn every_class_of_status_has_a_counter_of_its_own() {
        let mut stats = Stats::default();
        for status in [0, 101, 200, 204, 304, 404, 500, 599] {
            stats.count_response(status);
        }
        assert_eq!([0, 1, 2, 3, 4, 5].map(|class| stats.responses(class)), [1, 1, 2, 1, 1, 2]);
    }
}
