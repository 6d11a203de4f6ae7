//! What a handler must see of its server: the host's time, and the counters with the gauges of the call's start.

use std::time::{Duration, Instant};

use crate::handler::Responder;
use crate::stats::{Reason, Stats};

/// The figures of a call of the host, as they were when it began.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) now: Instant,
    /// How long a deferred request may wait.
    pub(crate) deferred: Duration,
    pub(crate) stats: Stats,
    /// Whether the call begins with something that an earlier one has left open, which changes the gauges.
    pub(crate) is_unfinished: bool,
}

impl Figures {
    /// Checks that a responder shows these figures.
    pub(crate) fn check(&self, responder: &Responder<'_>) {
        let (now, seen) = (responder.now(), responder.stats());
        assert_eq!(now, self.now, "the host's time");
        assert!(seen.requests >= self.stats.requests && seen.accepted >= self.stats.accepted);
        assert!(self.is_unfinished || gauges(seen) == gauges(&self.stats), "{seen:?} and not {self:?}");
    }
}

/// Returns the gauges of all states, in the order of a connection's life.
pub(crate) fn gauges(stats: &Stats) -> [usize; 9] {
    [
        stats.idle,
        stats.reading_head,
        stats.awaiting_buffer,
        stats.reading_body,
        stats.holding,
        stats.sending,
        stats.deferred,
        stats.streaming,
        stats.closing,
    ]
}

/// Checks that counters that count the same agree.
pub(super) fn check_sums(stats: &Stats) {
    let sum = |count: fn(&Stats, Reason) -> u64| -> u64 {
        Reason::ALL.into_iter().map(|reason| count(stats, reason)).sum()
    };
    assert_eq!(sum(Stats::closes), stats.closed, "each connection ends for one reason");
    assert_eq!(sum(Stats::closes_by_client), stats.closed_by_client_first, "{stats:?}");
    let given: u64 = (0..=5).map(|class| stats.responses(class)).sum();
    assert!(given <= stats.requests + stats.errors.iter().sum::<u64>(), "a response too many: {stats:?}");
}

/// Checks that each response that clients have received was counted. Interim responses are not. Raw bytes may look like
/// any response.
pub(crate) fn check_received(stats: &Stats, received: impl Iterator<Item = Vec<u8>>) {
    let mut seen = [0; 6];
    for bytes in received {
        for line in bytes.windows(10).filter(|bytes| bytes.starts_with(b"HTTP/1.1 ")) {
            seen[usize::from(line[9] - b'0')] += 1;
        }
    }
    for class in 2..=5 {
        let counted = stats.responses(class) + stats.responses(0);
        assert!(seen[usize::from(class)] <= counted, "{seen:?} responses were received: {stats:?}");
    }
}
