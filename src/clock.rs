//! The server's own time: what the host passes in, as a number that never goes back.

use std::time::{Duration, Instant};

/// Nanoseconds since the first `now` that was seen; never going back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    origin: Option<Instant>,
    now: u64,
}

impl Clock {
    /// The latest `now` that was seen.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn observe(&mut self, now: Instant) -> u64 {
        self.origin.get_or_insert(now);
        self.now = self.at(now);
        self.now
    }

    /// Another instant in the same measure.
    pub(crate) fn at(&self, now: Instant) -> u64 {
        let elapsed = self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin));
        nanoseconds(elapsed).max(self.now)
    }
}

/// A duration in the clock's measure; 584 years are for ever.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
