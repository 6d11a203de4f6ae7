//! A connection's quota in a turn: whoever has much to do does a part of it, and is back in the queue.

use crate::config::Budget;

/// What a connection may still do before the others have their turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quota {
    pub(crate) requests: u32,
    /// Bytes to read or write.
    pub(crate) bytes: usize,
}

/// A write costs at least so many bytes of the budget.
const LEAST_CHARGED: usize = 4096;

/// So many bytes cost the turn's budget as much as a request.
const BYTES_PER_REQUEST: usize = 8 * 1024;

impl Quota {
    /// What the settings allow, and no more requests than a turn's budget has left.
    pub(crate) fn granted(settings: &Budget, budget: u32) -> Self {
        Quota { requests: settings.requests_per_connection.min(budget), bytes: settings.bytes_per_connection }
    }

    /// What a run has cost that has left `left` of this, as a number of requests: at least one, and one
    /// for each [`BYTES_PER_REQUEST`].
    pub(crate) fn cost(self, left: Quota) -> u32 {
        let for_bytes = (self.bytes - left.bytes) / BYTES_PER_REQUEST;
        (self.requests - left.requests).max(u32::try_from(for_bytes).unwrap_or(u32::MAX)).max(1)
    }

    /// A byte of framing is looked at, and not only moved.
    pub(crate) fn has_framed(&mut self, len: usize) {
        const DEARER: usize = 4;
        self.has_read(len.saturating_mul(DEARER));
    }

    pub(crate) fn has_read(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_sub(len);
    }

    /// Many small writes, of a small page, cost as much as they take.
    pub(crate) fn has_written(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_sub(len.max(LEAST_CHARGED));
    }
}
