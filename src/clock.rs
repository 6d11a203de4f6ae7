//! The server's own time: the time that the host passes in, as a number that never goes back.

use std::time::{Duration, Instant};

/// The longest wait, and the latest time: 292 years. So the sum of a time and a wait does not overflow, and the start of
/// a wait can be computed from its end.
pub(crate) const FOR_EVER: u64 = u64::MAX / 2;

/// A time that does not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// Counts nanoseconds since the first `now` that the host passed. It never goes back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The first `now`, and the last.
    origin: Option<Instant>,
    latest: Option<Instant>,
    now: u64,
}

impl Clock {
    /// Returns the latest time, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Returns the time that the host has passed last.
    pub(crate) fn instant(&self) -> Instant {
        self.latest.expect("the host passes the time before anything is answered")
    }

    /// Takes note of the host's time. Returns it in nanoseconds.
    pub(crate) fn observe(&mut self, now: Instant) -> u64 {
        self.origin.get_or_insert(now);
        self.now = self.at(now);
        self.latest = Some(now);
        self.now
    }

    /// Converts an instant to nanoseconds of this clock.
    pub(crate) fn at(&self, now: Instant) -> u64 {
        // Most hosts read the clock once per turn.
        if self.latest == Some(now) {
            return self.now;
        }
        let elapsed = self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin));
        nanoseconds(elapsed).min(FOR_EVER).max(self.now)
    }
}

/// Converts a time to a smaller type, in units of 2²⁰ nanoseconds (about a millisecond). It wraps around after 52 days.
pub(crate) fn ticks(nanoseconds: u64) -> u32 {
    (nanoseconds >> TICK_BITS) as u32
}

/// Returns the nanoseconds from a time in [`ticks`] until `now`.
pub(crate) fn since(ticks_then: u32, now: u64) -> u64 {
    u64::from(ticks(now).wrapping_sub(ticks_then)) << TICK_BITS
}

const TICK_BITS: u32 = 20;

/// Converts a duration to nanoseconds. From 584 years on, it is [`NEVER`].
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    // `as_nanos` would make a detour over 128 bits.
    let seconds = duration.as_secs().checked_mul(1_000_000_000);
    seconds.map_or(u64::MAX, |nanos| nanos.saturating_add(duration.subsec_nanos().into()))
}
