//! The table of connections: a slab, and the lists of its slots.
//!
//! A connection is in at most two lists:
//!
//! - The **ready queue** holds the connections that have work to do now.
//! - The **deadline lists** hold all connections that wait, one list per state. Each state has one constant timeout, so
//!   appending keeps a list sorted. The first of a list is the next to time out, and no heap or wheel is needed. A
//!   list's length is the number of connections in its state.

use std::cmp::Reverse;
use std::ops::{Index, IndexMut};

#[cfg(any(test, fuzzing, feature = "internals"))]
use mio::Token;
use slab::Slab;

use crate::clock::{FOR_EVER, NEVER};
use crate::connection::Connection;
use crate::lists::Lists;
use crate::slot::Slot;
use crate::state::State;
use crate::tokens::Tokens;

/// The number of deadline lists.
const KINDS: usize = State::COUNT;

/// The bytes of a slot's entries in the ready queue and in the deadline lists.
pub(crate) const LIST_BYTES: usize = Lists::<1>::PER_SLOT + Lists::<KINDS, u64>::PER_SLOT;

/// How many connections a search looks at before it gives up. It looks for one that is not in the ready
/// queue.
pub(crate) const MOST_IN_PASSING: usize = 64;

/// The slab and the lists of its slots.
#[derive(Debug)]
pub(crate) struct Table<S> {
    slab: Slab<Connection<S>>,
    capacity: usize,
    ready: Lists<1>,
    /// The value of each entry is its deadline, in nanoseconds of the server's clock.
    waiting: Lists<KINDS, u64>,
    deadlines: [Deadlines; KINDS],
    /// The last generation given, and the number of generations given.
    generation: u16,
    given: u64,
    tokens: Tokens,
}

/// What the table knows of one deadline list, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    /// How long its connections may wait.
    duration: u64,
    /// The deadline of the first of them, or [`NEVER`] if there is none. With it, a turn in which nothing expires looks
    /// at no connection.
    first: u64,
}

impl<S> Table<S> {
    /// Creates an empty table. A connection may wait in each state for the number of nanoseconds that `duration`
    /// returns.
    pub(crate) fn new(capacity: usize, duration: impl Fn(State) -> u64, tokens: Tokens) -> Self {
        let mut deadlines = [Deadlines { duration: FOR_EVER, first: NEVER }; KINDS];
        for state in State::WAITING {
            deadlines[state as usize].duration = duration(state).min(FOR_EVER);
        }
        Table {
            slab: Slab::with_capacity(capacity),
            capacity,
            ready: Lists::new(capacity),
            waiting: Lists::new(capacity),
            deadlines,
            generation: 0,
            given: 0,
            tokens,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn has_free_slot(&self) -> bool {
        self.slab.len() < self.capacity
    }

    pub(crate) fn tokens(&self) -> Tokens {
        self.tokens
    }

    /// Puts a stream into a slot, with a generation that no token in flight has.
    pub(crate) fn insert(&mut self, stream: S) -> Slot {
        assert!(self.has_free_slot(), "the slab never grows");
        let generation = self.next_generation();
        let slot = Slot::new(self.slab.insert(Connection::new(stream, generation)));
        self.ready.add_entry(slot.place());
        self.waiting.add_entry(slot.place());
        slot
    }

    /// Starts the generations at a number that differs from server to server. If two servers have the same tokens by
    /// mistake, each treats the other's as stale.
    pub(crate) fn begin_generations(&mut self, server: u32) {
        const SPREAD: u32 = 0x9E37_79B9;
        self.generation = (server.wrapping_mul(SPREAD) >> 16) as u16 & self.tokens.generation_mask();
    }

    pub(crate) fn next_generation(&mut self) -> u16 {
        self.generation = self.generation.wrapping_add(1) & self.tokens.generation_mask();
        self.given += 1;
        self.generation
    }

    /// Returns whether this table may have given a generation.
    pub(crate) fn was_given(&self, generation: usize) -> bool {
        let mask = usize::from(self.tokens.generation_mask());
        let age = usize::from(self.generation).wrapping_sub(generation) & mask;
        generation <= mask && (age as u64) < self.given
    }

    /// Takes a connection out of its lists and its slot.
    pub(crate) fn remove(&mut self, slot: Slot, listed: State) -> Connection<S> {
        self.take_ready(slot);
        self.disarm(slot, listed);
        self.slab.remove(slot.index())
    }

    #[cfg(any(test, fuzzing, feature = "internals"))]
    pub(crate) fn token(&self, slot: Slot) -> Token {
        self.tokens.of(slot, self.slab[slot.index()].generation)
    }

    /// Returns a connection's slot, if it still holds the connection that the token was made for.
    pub(crate) fn find(&self, slot: usize, generation: usize) -> Option<Slot> {
        let found = self.slab.get(slot)?;
        (usize::from(found.generation) == generation).then_some(Slot::new(slot))
    }

    // --- the ready queue ---

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len(0)
    }

    pub(crate) fn is_ready(&self, slot: Slot) -> bool {
        self.ready.contains(slot.place())
    }

    /// Queues a connection unless it is queued already.
    pub(crate) fn queue(&mut self, slot: Slot) {
        if !self.ready.contains(slot.place()) {
            self.ready.push_back(0, slot.place());
        }
    }

    pub(crate) fn first_ready(&self) -> Option<Slot> {
        self.ready.first(0).map(Slot::at_place)
    }

    /// Returns the one after `slot` in the ready queue.
    pub(crate) fn ready_behind(&self, slot: Slot) -> Option<Slot> {
        self.ready.behind(slot.place()).map(Slot::at_place)
    }

    /// Takes a slot out of the ready queue. Returns whether it was there.
    pub(crate) fn take_ready(&mut self, slot: Slot) -> bool {
        let was_ready = self.ready.contains(slot.place());
        if was_ready {
            self.ready.remove(0, slot.place());
        }
        was_ready
    }

    // --- the deadline lists ---

    /// Puts a connection at the end of `list`, and starts its deadline.
    #[inline]
    pub(crate) fn arm(&mut self, slot: Slot, list: State, now: u64) {
        let list = list as usize;
        let known = &mut self.deadlines[list];
        let deadline = now + known.duration;
        if known.first == NEVER {
            known.first = deadline;
        }
        self.waiting.push_back_with(list, slot.place(), deadline);
    }

    /// Takes a connection out of `from`, puts it at the end of `to`, and starts its deadline anew.
    #[inline]
    pub(crate) fn rearm(&mut self, slot: Slot, from: State, to: State, now: u64) {
        let (from, to) = (from as usize, to as usize);
        let deadline = now + self.deadlines[to].duration;
        let was_first = self.waiting.move_to_back(from, to, slot.place(), deadline);
        if was_first {
            self.deadlines[from].first = self.waiting.first_value(from).unwrap_or(NEVER);
        }
        let first = &mut self.deadlines[to].first;
        if *first == NEVER {
            *first = deadline;
        }
    }

    /// Takes a connection out of `list`.
    #[inline]
    pub(crate) fn disarm(&mut self, slot: Slot, list: State) {
        let list = list as usize;
        if self.waiting.remove(list, slot.place()) {
            self.deadlines[list].first = self.waiting.first_value(list).unwrap_or(NEVER);
        }
    }

    pub(crate) fn waiting_len(&self, list: State) -> usize {
        self.waiting.len(list as usize)
    }

    /// Returns the one that has waited longest in a list.
    pub(crate) fn longest_waiting(&self, list: State) -> Option<Slot> {
        self.waiting.first(list as usize).map(Slot::at_place)
    }

    /// Returns whether a slot holds a connection that waits in this list.
    pub(crate) fn is_waiting(&self, slot: Slot, list: State) -> bool {
        self.slab.get(slot.index()).is_some_and(|connection| connection.state.waits_as() == list)
    }

    /// Returns when the current wait of a connection ends.
    pub(crate) fn deadline(&self, slot: Slot) -> u64 {
        self.waiting.value(slot.place())
    }

    /// Returns when the current wait of a connection in `list` began.
    pub(crate) fn waiting_since(&self, slot: Slot, list: State) -> u64 {
        self.deadline(slot).saturating_sub(self.deadlines[list as usize].duration)
    }

    /// Returns the first in a list that is not in the ready queue, where it would be about to be served. It looks only
    /// at the first few: if many of them are ready, they are served first.
    pub(crate) fn longest_quiet(&self, list: State) -> Option<Slot> {
        let waiting = std::iter::successors(self.longest_waiting(list), |&slot| self.waiting_behind(slot));
        waiting.take(MOST_IN_PASSING).find(|&slot| !self.is_ready(slot))
    }

    /// Returns the fullest of these lists, or `None` if all are empty. If several are equally full, it returns the one
    /// whose first connection has waited longest.
    pub(crate) fn fullest(&self, lists: &[State]) -> Option<State> {
        let fullness = |&&list: &&State| {
            let first = self.longest_waiting(list)?;
            Some((self.waiting_len(list), Reverse(self.waiting_since(first, list))))
        };
        lists.iter().max_by_key(fullness).copied().filter(|&list| self.waiting_len(list) > 0)
    }

    /// Returns the one after `slot` in its deadline list.
    pub(crate) fn waiting_behind(&self, slot: Slot) -> Option<Slot> {
        self.waiting.behind(slot.place()).map(Slot::at_place)
    }

    /// Returns the first of all deadlines, in nanoseconds, or [`NEVER`].
    pub(crate) fn next_deadline(&self) -> u64 {
        self.deadlines.iter().fold(NEVER, |first, list| first.min(list.first))
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Connection<S>> {
        self.slab.get(slot.index())
    }

    /// Returns every connection with its slot, for the simulation.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Connection<S>)> {
        self.slab.iter().map(|(slot, connection)| (Slot::new(slot), connection))
    }
}

impl<S> Index<Slot> for Table<S> {
    type Output = Connection<S>;

    fn index(&self, slot: Slot) -> &Connection<S> {
        &self.slab[slot.index()]
    }
}

impl<S> IndexMut<Slot> for Table<S> {
    fn index_mut(&mut self, slot: Slot) -> &mut Connection<S> {
        &mut self.slab[slot.index()]
    }
}

#[cfg(test)]
mod tests;
