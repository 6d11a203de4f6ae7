//! Buffers of one kind: one piece of memory, cut into parts that are lent to connections.
//!
//! If a connection keeps a buffer after it was driven, the buffer is in the list of the connection's state.
//! The buffers in a list have the same order as their connections in the deadline list. So when all buffers
//! are lent, the fullest list and its oldest holder are found at once.

use crate::lists::Lists;
use crate::memory::untouched;
use crate::slot::Slot;
use std::num::NonZeroU32;

use crate::state::State;

const KINDS: usize = State::COUNT;

/// The list of a buffer that is in none.
const UNLISTED: u8 = u8::MAX;

/// The number of a buffer among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BufferId(NonZeroU32);

impl BufferId {
    fn new(index: usize) -> Self {
        BufferId(NonZeroU32::MIN.saturating_add(index as u32))
    }

    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// Returns its place in a list of buffers.
    pub(crate) fn place(self) -> u32 {
        self.0.get() - 1
    }

    pub(crate) fn at_place(place: u32) -> Self {
        BufferId::new(place as usize)
    }
}

/// All buffers of one kind. Their memory is not touched before it is used.
#[derive(Debug)]
pub(crate) struct Buffers {
    memory: Box<[u8]>,
    /// The bytes of one buffer, and the distance from one to the next. The distance is a whole number of pages, so a
    /// buffer that is hardly used does not reach into a second page.
    size: usize,
    stride: usize,
    count: usize,
    /// The buffers that were used before and are spare. The last one given back is lent first, because it may be in the
    /// cache.
    free: Vec<BufferId>,
    /// One entry for each buffer that was ever used.
    lent: Vec<Lent>,
    lists: Lists<KINDS>,
}

/// To which slot a buffer is lent, and in which list it is.
#[derive(Debug, Clone, Copy)]
struct Lent {
    slot: Slot,
    list: u8,
}

impl Buffers {
    /// Returns the bytes that `count` buffers of this size reserve.
    pub(crate) fn reserved(count: usize, size: usize) -> usize {
        const OVERHEAD: usize = size_of::<u32>() + size_of::<Lent>() + Lists::<KINDS>::PER_SLOT;
        count.saturating_mul(OVERHEAD.saturating_add(Self::stride(size)))
    }

    /// Returns the distance from one buffer of this size to the next.
    fn stride(size: usize) -> usize {
        const PAGE: usize = 4096;
        size.checked_next_multiple_of(PAGE).unwrap_or(size)
    }

    pub(crate) fn new(count: usize, size: usize) -> Self {
        let stride = Self::stride(size);
        Buffers {
            memory: untouched(count.saturating_mul(stride)),
            size,
            stride,
            count,
            free: Vec::with_capacity(count),
            lent: Vec::with_capacity(count),
            lists: Lists::new(count),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Returns how many buffers there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn spares(&self) -> usize {
        self.free.len() + (self.count - self.lent.len())
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.spares() > 0
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn lent(&self) -> usize {
        self.count - self.spares()
    }

    /// Lends a buffer. It is in no list yet.
    pub(crate) fn lend(&mut self) -> BufferId {
        self.free.pop().unwrap_or_else(|| {
            assert!(self.lent.len() < self.count, "a run begins with a spare buffer of each kind");
            let buffer = BufferId::new(self.lent.len());
            self.lists.add_entry(buffer.place());
            self.lent.push(Lent { slot: Slot::new(0), list: UNLISTED });
            buffer
        })
    }

    pub(crate) fn give_back(&mut self, buffer: BufferId) {
        self.unlist(buffer);
        self.free.push(buffer);
        assert!(self.free.len() <= self.lent.len());
    }

    #[inline]
    pub(crate) fn bytes(&mut self, buffer: BufferId) -> &mut [u8] {
        let start = buffer.index() * self.stride;
        &mut self.memory[start..start + self.size]
    }

    /// Returns the bytes of a buffer, without changing them.
    pub(crate) fn look_at(&self, buffer: BufferId) -> &[u8] {
        let start = buffer.index() * self.stride;
        &self.memory[start..start + self.size]
    }

    /// Returns the slot of the connection that keeps a buffer.
    pub(crate) fn slot(&self, buffer: BufferId) -> Slot {
        self.lent[buffer.index()].slot
    }

    // --- the lists ---

    /// Puts a buffer into the list of its connection's state. A buffer that is in that list already keeps its place,
    /// unless the wait begins `anew`.
    pub(crate) fn list(&mut self, buffer: BufferId, slot: Slot, state: State, anew: bool) {
        if anew || self.lent[buffer.index()].list != state as u8 {
            self.unlist(buffer);
            self.lists.push_back(state as usize, buffer.place());
            self.lent[buffer.index()] = Lent { slot, list: state as u8 };
        }
    }

    /// Takes a buffer out of its list, if it is in one.
    pub(crate) fn unlist(&mut self, buffer: BufferId) {
        let list = std::mem::replace(&mut self.lent[buffer.index()].list, UNLISTED);
        if list != UNLISTED {
            self.lists.remove(list.into(), buffer.place());
        }
    }

    /// Returns how many connections in this state keep a buffer.
    pub(crate) fn listed(&self, state: State) -> usize {
        self.lists.len(state as usize)
    }

    /// Returns the slots of the connections in this state that keep a buffer, the oldest first.
    pub(crate) fn oldest(&self, state: State) -> impl Iterator<Item = Slot> {
        let first = self.lists.first(state as usize);
        let places = std::iter::successors(first, |&place| self.lists.behind(place));
        places.map(|place| self.lent[place as usize].slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(buffers: &Buffers, state: State) -> Vec<usize> {
        buffers.oldest(state).map(Slot::index).collect()
    }

    #[test]
    fn the_last_returned_buffer_is_lent_first() {
        let mut buffers = Buffers::new(3, 10);
        let (first, second) = (buffers.lend(), buffers.lend());
        assert_eq!((buffers.spares(), first == second), (1, false));
        buffers.give_back(first);
        assert_eq!((buffers.spares(), buffers.lend()), (2, first));
    }

    #[test]
    fn no_two_buffers_share_a_byte() {
        let mut buffers = Buffers::new(2, 10);
        let (first, second) = (buffers.lend(), buffers.lend());
        buffers.bytes(first).fill(1);
        buffers.bytes(second).fill(2);
        assert_eq!(buffers.bytes(first), [1; 10]);
    }

    #[test]
    fn a_buffer_keeps_its_place_until_its_wait_changes_or_restarts() {
        let mut buffers = Buffers::new(3, 1);
        let lent = [10, 11, 12].map(|slot| {
            let buffer = buffers.lend();
            buffers.list(buffer, Slot::new(slot), State::Head, false);
            buffer
        });
        buffers.list(lent[0], Slot::new(10), State::Head, false);
        assert_eq!(slots(&buffers, State::Head), [10, 11, 12]);
        buffers.list(lent[0], Slot::new(10), State::Head, true);
        assert_eq!(slots(&buffers, State::Head), [11, 12, 10]);
        buffers.list(lent[1], Slot::new(11), State::Sending, false);
        buffers.give_back(lent[2]);
        assert_eq!((slots(&buffers, State::Head), slots(&buffers, State::Sending)), (vec![10], vec![11]));
        assert_eq!((buffers.listed(State::Head), buffers.listed(State::Body)), (1, 0));
    }
}
