//! The body buffers, and since when each of them is lent.

use super::buffers::{BufferId, Buffers};
use crate::lists::Lists;
use crate::slot::Slot;

/// The buffers for bodies that do not fit into the rest of a head buffer.
#[derive(Debug)]
pub(crate) struct BodyBuffers {
    pub(crate) buffers: Buffers,
    /// The lent buffers in the order in which they were lent, except those that the host keeps.
    order: Lists<1>,
    /// Since when each buffer is lent, for all that were ever used.
    since: Vec<u64>,
}

impl BodyBuffers {
    /// Returns the bytes that `count` buffers of this size reserve.
    pub(crate) fn reserved(count: usize, size: usize) -> usize {
        const OVERHEAD: usize = Lists::<1>::PER_SLOT + size_of::<u64>();
        Buffers::reserved(count, size).saturating_add(count.saturating_mul(OVERHEAD))
    }

    pub(crate) fn new(count: usize, size: usize) -> Self {
        BodyBuffers {
            buffers: Buffers::new(count, size),
            order: Lists::new(count),
            since: Vec::with_capacity(count),
        }
    }

    pub(crate) fn lend(&mut self, now: u64) -> BufferId {
        let body = self.buffers.lend();
        self.order.add_entry(body.place());
        self.order.push_back(0, body.place());
        if body.index() == self.since.len() {
            self.since.push(now);
        }
        self.since[body.index()] = now;
        body
    }

    pub(crate) fn give_back(&mut self, body: BufferId) {
        self.end_tenure(Some(body));
        self.buffers.give_back(body);
    }

    /// Takes a buffer out of the order, because the host keeps the body in it. Its client owes nothing any more.
    pub(crate) fn end_tenure(&mut self, body: Option<BufferId>) {
        if let Some(body) = body.filter(|body| self.order.contains(body.place())) {
            self.order.remove(0, body.place());
        }
    }

    /// Returns the slot whose buffer was lent first, and since when it is lent. No buffer that the host keeps is among
    /// them.
    pub(crate) fn first_lent(&self) -> Option<(Slot, u64)> {
        let body = BufferId::at_place(self.order.first(0)?);
        Some((self.buffers.slot(body), self.since[body.index()]))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacity(&self) -> usize {
        self.since.capacity()
    }
}
