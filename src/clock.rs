//! The server's own time: what the host passes in, as a number that never goes back.

use std::time::{Duration, Instant};

/// No wait is longer than this, which is 292 years; so the sum of a time and a wait is no overflow, and
/// what a wait began at can be told from its end.
pub(crate) const FOR_EVER: u64 = u64::MAX / 2;

/// A time that does not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// Nanoseconds since the first `now` that was seen; never going back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The first `now`, and the latest.
    origin: Option<Instant>,
    latest: Option<Instant>,
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
        self.latest = Some(now);
        self.now
    }

    /// Another instant in the same measure.
    pub(crate) fn at(&self, now: Instant) -> u64 {
        // Most hosts look at the clock once a turn.
        if self.latest == Some(now) {
            return self.now;
        }
        let elapsed = self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin));
        nanoseconds(elapsed).max(self.now)
    }
}

/// A time in a quarter of the space: units of 2²⁰ nanoseconds, about a millisecond, which come round after 52 days.
pub(crate) fn ticks(nanoseconds: u64) -> u32 {
    (nanoseconds >> TICK_BITS) as u32
}

/// The nanoseconds from a time in [`ticks`] until `now`.
pub(crate) fn since(ticks_then: u32, now: u64) -> u64 {
    u64::from(ticks(now).wrapping_sub(ticks_then)) << TICK_BITS
}

const TICK_BITS: u32 = 20;

/// A duration in the clock's measure; 584 years are for ever.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    // Without the detour over 128 bits that `as_nanos` makes.
    let seconds = duration.as_secs().checked_mul(1_000_000_000);
    seconds.map_or(u64::MAX, |nanos| nanos.saturating_add(duration.subsec_nanos().into()))
}
