//! What a handler must see of its server: the host's time, and the counters with the gauges of the call's start.

use std::time::{Duration, Instant};

use crate::handler::Responder;
use crate::stats::Stats;

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
