//! A connection's quota in a turn. A connection with much to do does a part of it, and goes back to the ready queue.

use crate::config::Budget;

/// What a connection may still do before the others have their turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quota {
    pub(crate) requests: u32,
    /// Bytes to read or write.
    pub(crate) bytes: usize,
}

/// The least number of bytes that a write costs.
const LEAST_CHARGED: usize = 4096;

/// The number of bytes that cost the turn's budget as much as a request.
const BYTES_PER_REQUEST: usize = 8 * 1024;

impl Quota {
    /// Returns the quota that the settings allow, with no more requests than the turn's budget has left.
    pub(crate) fn granted(settings: &Budget, budget: u32) -> Self {
        Quota { requests: settings.requests_per_connection.min(budget), bytes: settings.bytes_per_connection }
    }

    /// Returns what a run has cost, as a number of requests, if it has left `left` of this quota. A run costs at least
    /// one, and one for each [`BYTES_PER_REQUEST`].
    pub(crate) fn cost(self, left: Quota) -> u32 {
        let for_bytes = (self.bytes - left.bytes) / BYTES_PER_REQUEST;
        (self.requests - left.requests).max(u32::try_from(for_bytes).unwrap_or(u32::MAX)).max(1)
    }

    /// Charges for framing, in addition to the read: a byte of it counts as five in all. It is dearer than
    /// other input, because each byte is looked at and not only moved.
    pub(crate) fn has_framed(&mut self, len: usize) {
        const DEARER: usize = 4;
        self.has_read(len.saturating_mul(DEARER));
    }

    /// Charges for a read.
    pub(crate) fn has_read(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_sub(len);
    }

    /// Charges for a write. A small one costs [`LEAST_CHARGED`], so many small writes cost what they really take.
    pub(crate) fn has_written(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_sub(len.max(LEAST_CHARGED));
    }
}
