//! The table of connections: a slab, and the queues that run through it.
//!
//! A connection is in at most two queues, and both are *intrusive*: the links are fields of the
//! slab entry, so that joining and leaving cost a few stores and no memory.
//!
//! - The **ready queue** holds the connections that have work to do now.
//! - The **deadline lists** hold all that wait, one list per kind of waiting. Each kind has one
//!   constant duration, so appending keeps a list sorted: its head is the next to expire, its
//!   length says how many connections are in that state, and no heap or wheel is needed.

use std::ops::{Index, IndexMut};

use mio::Token;
use slab::Slab;

use crate::connection::{Connection, State};
use crate::tokens::{LISTENERS, Tokens};

/// "No slot", "no exchange".
pub(crate) const NONE: u32 = u32::MAX;

/// One connection's place in one queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links {
    prev: u32,
    next: u32,
}

impl Links {
    pub(crate) const NONE: Links = Links { prev: NONE, next: NONE };
}

/// Which of a connection's links a queue runs through.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Link {
    Ready,
    Deadline,
}

/// A first-in-first-out queue through the slab. All operations are O(1).
#[derive(Debug)]
struct Queue {
    link: Link,
    head: u32,
    tail: u32,
    len: usize,
}

impl Queue {
    const fn new(link: Link) -> Self {
        Queue { link, head: NONE, tail: NONE, len: 0 }
    }

    fn push_back<S>(&mut self, slab: &mut Slab<Connection<S>>, slot: u32) {
        *slab[slot as usize].links(self.link) = Links { prev: self.tail, next: NONE };
        match self.tail {
            NONE => self.head = slot,
            tail => slab[tail as usize].links(self.link).next = slot,
        }
        self.tail = slot;
        self.len += 1;
    }

    fn remove<S>(&mut self, slab: &mut Slab<Connection<S>>, slot: u32) {
        let Links { prev, next } = *slab[slot as usize].links(self.link);
        match prev {
            NONE => self.head = next,
            prev => slab[prev as usize].links(self.link).next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => slab[next as usize].links(self.link).prev = prev,
        }
        self.len -= 1;
    }
}

/// Connections that wait for the same thing, for the same time.
#[derive(Debug)]
struct DeadlineList {
    queue: Queue,
    /// How long each of them may wait, in nanoseconds.
    duration: u64,
    /// The deadline of the first, or [`NEVER`]. It is known here, so that a turn in which nothing
    /// expires looks at no connection.
    first: u64,
}

/// No wait is longer than this, which is 292 years; so the sum of a time and a wait is no overflow, and
/// what a wait began at can be told from its end.
const FOR_EVER: u64 = u64::MAX / 2;

/// A deadline that does not come.
const NEVER: u64 = u64::MAX;

impl DeadlineList {
    fn new(duration: u64) -> Self {
        DeadlineList { queue: Queue::new(Link::Deadline), duration: duration.min(FOR_EVER), first: NEVER }
    }

    fn push_back<S>(&mut self, slab: &mut Slab<Connection<S>>, slot: u32, now: u64) {
        let deadline = now.saturating_add(self.duration);
        slab[slot as usize].deadline = deadline;
        self.queue.push_back(slab, slot);
        if self.queue.head == slot {
            self.first = deadline;
        }
    }

    fn remove<S>(&mut self, slab: &mut Slab<Connection<S>>, slot: u32) {
        let was_first = self.queue.head == slot;
        self.queue.remove(slab, slot);
        if was_first {
            self.first = slab.get(self.queue.head as usize).map_or(NEVER, |first| first.deadline);
        }
    }
}

/// The slab and everything that runs through it.
#[derive(Debug)]
pub(crate) struct Table<S> {
    slab: Slab<Connection<S>>,
    capacity: usize,
    ready: Queue,
    deadlines: [DeadlineList; State::ALL.len()],
    generation: u16,
    tokens: Tokens,
}

impl<S> Table<S> {
    pub(crate) fn new(capacity: usize, durations: [u64; State::ALL.len()], tokens: Tokens) -> Self {
        Table {
            slab: Slab::with_capacity(capacity),
            capacity,
            ready: Queue::new(Link::Ready),
            deadlines: durations.map(DeadlineList::new),
            generation: 0,
            tokens,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.slab.len() < self.capacity
    }

    pub(crate) fn tokens(&self) -> Tokens {
        self.tokens
    }

    /// Puts a stream into a slot, with a generation that no token in flight has.
    pub(crate) fn insert(&mut self, stream: S) -> u32 {
        assert!(self.has_room(), "the slab never grows");
        let generation = self.next_generation();
        self.slab.insert(Connection::new(stream, generation)) as u32
    }

    pub(crate) fn next_generation(&mut self) -> u16 {
        self.generation = self.generation.wrapping_add(1) & self.tokens.generation_mask();
        self.generation
    }

    /// Takes a connection out of its queues and its slot.
    pub(crate) fn remove(&mut self, slot: u32, listed: Option<State>) -> Connection<S> {
        self.unqueue(slot);
        if let Some(list) = listed {
            self.disarm(slot, list);
        }
        self.slab.remove(slot as usize)
    }

    pub(crate) fn token(&self, slot: u32) -> Token {
        self.tokens.encode(LISTENERS + slot as usize, self.slab[slot as usize].generation)
    }

    /// The slot of a connection that still is the one its token was made for.
    pub(crate) fn find(&self, slot: usize, generation: usize) -> Option<u32> {
        let found = self.slab.get(slot)?;
        (usize::from(found.generation) == generation).then_some(slot as u32)
    }

    // --- the ready queue ---

    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len
    }

    /// Queues a connection unless it is queued already.
    pub(crate) fn queue(&mut self, slot: u32) {
        if !std::mem::replace(&mut self.slab[slot as usize].queued, true) {
            self.ready.push_back(&mut self.slab, slot);
        }
    }

    pub(crate) fn next_ready(&mut self) -> Option<u32> {
        let slot = self.ready.head;
        (slot != NONE).then(|| {
            self.unqueue(slot);
            slot
        })
    }

    fn unqueue(&mut self, slot: u32) {
        if std::mem::replace(&mut self.slab[slot as usize].queued, false) {
            self.ready.remove(&mut self.slab, slot);
        }
    }

    // --- the deadline lists ---

    /// Starts the deadline of `list` anew for a connection, at the list's end.
    pub(crate) fn arm(&mut self, slot: u32, list: State, now: u64) {
        self.deadlines[list as usize].push_back(&mut self.slab, slot, now);
    }

    pub(crate) fn disarm(&mut self, slot: u32, list: State) {
        self.deadlines[list as usize].remove(&mut self.slab, slot);
    }

    pub(crate) fn waiting(&self, list: State) -> usize {
        self.deadlines[list as usize].queue.len
    }

    /// The one that has waited longest in a list.
    pub(crate) fn longest_waiting(&self, list: State) -> Option<u32> {
        let slot = self.deadlines[list as usize].queue.head;
        (slot != NONE).then_some(slot)
    }

    /// Whether a slot is taken by a connection that waits for this.
    pub(crate) fn is_waiting(&self, slot: u32, list: State) -> bool {
        self.slab.get(slot as usize).is_some_and(|connection| connection.state == list)
    }

    /// When the present wait of a connection in `list` began.
    pub(crate) fn waiting_since(&self, slot: u32, list: State) -> u64 {
        self.slab[slot as usize].deadline.saturating_sub(self.deadlines[list as usize].duration)
    }

    /// The one behind `slot` in its deadline list.
    pub(crate) fn waiting_behind(&self, slot: u32) -> Option<u32> {
        let next = self.slab[slot as usize].deadline_links.next;
        (next != NONE).then_some(next)
    }

    /// When the first of all deadlines is, in nanoseconds.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let first = self.deadlines.iter().fold(NEVER, |first, list| first.min(list.first));
        (first < FOR_EVER).then_some(first)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Connection<S>> {
        self.slab.get(slot as usize)
    }

    /// Every connection with its slot, for the simulation.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Connection<S>)> {
        self.slab.iter().map(|(slot, connection)| (slot as u32, connection))
    }
}

impl<S> Index<u32> for Table<S> {
    type Output = Connection<S>;

    fn index(&self, slot: u32) -> &Connection<S> {
        &self.slab[slot as usize]
    }
}

impl<S> IndexMut<u32> for Table<S> {
    fn index_mut(&mut self, slot: u32) -> &mut Connection<S> {
        &mut self.slab[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::TokenRange;

    fn table(capacity: usize) -> Table<()> {
        let tokens = Tokens::layout(TokenRange::nth(0), capacity).unwrap();
        Table::new(capacity, [10, 20, 30, 40, 45, 50], tokens)
    }

    #[test]
    fn the_ready_queue_is_first_in_first_out_and_takes_each_once() {
        let mut table = table(4);
        let slots: Vec<u32> = (0..4).map(|_| table.insert(())).collect();
        for &slot in &[slots[2], slots[0], slots[2], slots[3]] {
            table.queue(slot);
        }
        assert_eq!(table.ready_len(), 3);
        let order: Vec<u32> = std::iter::from_fn(|| table.next_ready()).collect();
        assert_eq!(order, [slots[2], slots[0], slots[3]]);
    }

    #[test]
    fn a_connection_leaves_from_anywhere_in_its_queues() {
        for gone in 0..3 {
            let mut table = table(3);
            let slots: Vec<u32> = (0..3).map(|_| table.insert(())).collect();
            for &slot in &slots {
                table.queue(slot);
                table.arm(slot, State::Idle, 0);
            }
            table.remove(slots[gone], Some(State::Idle));
            let order: Vec<u32> = std::iter::from_fn(|| table.next_ready()).collect();
            let rest: Vec<u32> = slots.iter().copied().filter(|&s| s != slots[gone]).collect();
            assert_eq!(order, rest);
            assert_eq!(table.longest_waiting(State::Idle), Some(rest[0]));
            assert_eq!(table.waiting_behind(rest[0]), Some(rest[1]));
            assert_eq!(table.waiting_behind(rest[1]), None);
        }
    }

    #[test]
    fn the_next_deadline_is_the_earliest_head() {
        let mut table = table(2);
        let (a, b) = (table.insert(()), table.insert(()));
        assert_eq!(table.next_deadline(), None);
        table.arm(a, State::Closing, 5);
        table.arm(b, State::Head, 7);
        assert_eq!(table.next_deadline(), Some(27));
        table.disarm(b, State::Head);
        assert_eq!(table.next_deadline(), Some(55));
    }

    #[test]
    fn a_slot_used_again_has_another_token() {
        let mut table = table(1);
        let first = table.insert(());
        let old = table.token(first);
        table.remove(first, None);
        let second = table.insert(());
        assert_eq!(first, second);
        let (slot, generation) = table.tokens().decode(old).unwrap();
        assert_eq!(table.find(slot - LISTENERS, generation), None);
        let (slot, generation) = table.tokens().decode(table.token(second)).unwrap();
        assert_eq!(table.find(slot - LISTENERS, generation), Some(second));
    }
}
