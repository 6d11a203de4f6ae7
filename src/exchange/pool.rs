//! The memory for requests in flight, lent in parts.
//!
//! The *record* of a request in flight is small, and there may be one for each connection: 100,000 answers can be late
//! or slow. What it borrows is large, and there is less of it:
//!
//! - a **head** buffer while a head is incomplete, while a body is collected that fits behind it, or while requests
//!   wait behind the present one;
//! - an **out** buffer while copied bytes of a response are not sent;
//! - a **body** buffer, in place of the head buffer, while a body is collected that does not fit behind its head.
//!
//! A visit works in a record with a head and an out. What is not needed afterwards is given back, so a request that
//! arrives whole and a response that leaves whole keep nothing. A record that is given back with a head and an out stays
//! *equipped*, and is lent again first: from one request to the next nothing has to be found.

use crate::config::{Config, INPUT_SLACK};
use crate::deferred::Awaited;
use crate::exchange::buffers::Buffers;
use crate::exchange::{Course, Exchange, InFlight, Out};
use crate::lists::Lists;
use crate::state::State;
use crate::table::NONE;

/// How much of each kind a pool has: one for each that may be lent, and one that is always free to work in. (A body is
/// never collected in passing.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSizes {
    pub(crate) records: usize,
    pub(crate) heads: usize,
    pub(crate) outs: usize,
    pub(crate) bodies: usize,
}

impl PoolSizes {
    pub(crate) fn of(config: &Config) -> Self {
        let exchanges = config.exchanges.min(config.max_connections);
        let is_small = config.limits.body_bytes < INPUT_SLACK;
        PoolSizes {
            records: exchanges.saturating_add(1),
            heads: config.buffers.heads.min(exchanges).saturating_add(1),
            outs: config.buffers.outs.min(exchanges).saturating_add(1),
            // The smallest bodies fit behind any head.
            bodies: if is_small { 0 } else { config.buffers.bodies.min(exchanges) },
        }
    }
}

/// All that requests in flight are lent. Invariant: at least one record, head and out is free before each visit.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Of all that were ever used; the others' memory is untouched.
    records: Vec<InFlight>,
    size: usize,
    /// Those that are free, with a head and an out and without. The last one given back is the next one lent.
    equipped: Vec<u32>,
    bare: Vec<u32>,
    pub(crate) heads: Buffers,
    pub(crate) outs: Buffers,
    pub(crate) bodies: Buffers,
    /// The body buffers that are lent, in the order in which they were, and since when each is.
    body_order: Lists<1>,
    body_since: Vec<u64>,
}

impl Pool {
    /// The pool for settings whose memory [can be had](can_reserve).
    pub(crate) fn new(config: &Config) -> Self {
        let (sizes, limits) = (PoolSizes::of(config), &config.limits);
        Pool {
            records: Vec::with_capacity(sizes.records),
            size: sizes.records,
            equipped: Vec::with_capacity(sizes.heads.min(sizes.outs)),
            bare: Vec::with_capacity(sizes.records),
            heads: Buffers::new(sizes.heads, limits.head_buffer_bytes()),
            outs: Buffers::new(sizes.outs, limits.out_buffer_bytes()),
            bodies: Buffers::new(sizes.bodies, limits.body_buffer_bytes()),
            body_order: Lists::new(sizes.bodies),
            body_since: Vec::with_capacity(sizes.bodies),
        }
    }

    /// The bytes of a pool.
    pub(crate) fn bytes(config: &Config) -> usize {
        const RECORD: usize = size_of::<InFlight>() + size_of::<u32>();
        const BODY: usize = Lists::<1>::PER_SLOT + size_of::<u64>();
        let (sizes, limits) = (PoolSizes::of(config), &config.limits);
        [
            sizes.records.saturating_mul(RECORD),
            sizes.heads.min(sizes.outs).saturating_mul(size_of::<u32>()),
            Buffers::reserved(sizes.heads, limits.head_buffer_bytes()),
            Buffers::reserved(sizes.outs, limits.out_buffer_bytes()),
            Buffers::reserved(sizes.bodies, limits.body_buffer_bytes()),
            sizes.bodies.saturating_mul(BODY),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Whether something that a visit works in is lent for the last time.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.equipped.is_empty() && self.spares() == 0
    }

    /// How many visits can be under way at a time.
    pub(crate) fn spares(&self) -> usize {
        self.spare_records().min(self.spare_heads()).min(self.spare_outs())
    }

    pub(crate) fn spare_records(&self) -> usize {
        self.equipped.len() + self.bare.len() + (self.size - self.records.len())
    }

    pub(crate) fn spare_heads(&self) -> usize {
        self.equipped.len() + self.heads.spares()
    }

    pub(crate) fn spare_outs(&self) -> usize {
        self.equipped.len() + self.outs.spares()
    }

    /// The capacities of all that could grow.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacities(&self) -> Vec<usize> {
        vec![
            self.records.capacity(),
            self.equipped.capacity(),
            self.bare.capacity(),
            self.body_since.capacity(),
        ]
    }

    /// Whether most outs are lent.
    pub(crate) fn has_few_outs(&self) -> bool {
        self.spare_outs() <= self.outs.count() / 2
    }

    /// How many records are lent.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn lent(&self) -> usize {
        self.size - self.spare_records()
    }

    /// How many heads, outs and bodies are lent.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn buffers_lent(&self) -> [usize; 3] {
        let [heads, outs, bodies] = [&self.heads, &self.outs, &self.bodies].map(Buffers::lent);
        [heads - self.equipped.len(), outs - self.equipped.len(), bodies]
    }

    /// Whether a record has borrowed exactly what it needs.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_frugal(&self, handle: u32) -> bool {
        let record = &self.records[handle as usize];
        let has_input_buffer = record.head != NONE || record.body != NONE;
        has_input_buffer != record.has_no_input() && (record.out_buffer != NONE) != record.has_no_copied()
    }

    /// Whether a record has borrowed a head, an out and a body.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn borrowed(&self, handle: u32) -> [bool; 3] {
        let record = &self.records[handle as usize];
        [record.head, record.out_buffer, record.body].map(|buffer| buffer != NONE)
    }

    // --- records ---

    /// The record to work in next, empty and equipped. It stays free until it is [lent](Self::lend).
    #[inline]
    pub(crate) fn spare(&mut self) -> u32 {
        let handle = match self.equipped.last() {
            Some(&handle) => handle,
            None => self.equip(),
        };
        if !cfg!(mutant = "spare_not_cleared") {
            self.records[handle as usize].clear();
        }
        handle
    }

    /// Gives a free record a head and an out.
    #[cold]
    fn equip(&mut self) -> u32 {
        let handle = self.bare.pop().unwrap_or_else(|| {
            assert!(self.records.len() < self.size, "a visit begins with a spare record");
            self.records.push(InFlight::default());
            self.records.len() as u32 - 1
        });
        let record = &mut self.records[handle as usize];
        (record.head, record.out_buffer) = (self.heads.lend(), self.outs.lend());
        self.equipped.push(handle);
        handle
    }

    /// Takes the spare record out of the pool.
    pub(crate) fn lend(&mut self, handle: u32) {
        let lent = self.equipped.pop();
        assert!(lent == Some(handle), "only the spare is ever lent");
    }

    /// Takes a record back, with all that it has borrowed.
    #[inline]
    pub(crate) fn give_back(&mut self, handle: u32) {
        let record = &mut self.records[handle as usize];
        // It is cleared when it is lent again. That may be long, and others may have a share in its response's body.
        record.release_tail();
        let is_equipped = record.head != NONE && record.out_buffer != NONE;
        if is_equipped && record.body == NONE && !record.is_listed {
            self.equipped.push(handle);
        } else {
            self.give_back_parts(handle);
        }
    }

    fn give_back_parts(&mut self, handle: u32) {
        let record = &mut self.records[handle as usize];
        let body = std::mem::replace(&mut record.body, NONE);
        if body != NONE {
            self.give_back_body(body);
        }
        let record = &mut self.records[handle as usize];
        if record.head == NONE || record.out_buffer == NONE {
            return self.strip(handle);
        }
        record.is_listed = false;
        self.heads.unlist(record.head);
        self.outs.unlist(record.out_buffer);
        self.equipped.push(handle);
    }

    /// A free record gives back its head and its out.
    #[cold]
    fn strip(&mut self, handle: u32) {
        let record = &mut self.records[handle as usize];
        record.is_listed = false;
        if record.head != NONE {
            self.heads.give_back(std::mem::replace(&mut record.head, NONE));
        }
        if record.out_buffer != NONE {
            self.outs.give_back(std::mem::replace(&mut record.out_buffer, NONE));
        }
        self.bare.push(handle);
    }

    // --- what a record borrows ---

    /// Opens a record to work in, with a head or a body buffer and an out.
    // In its callers' frames: a view of nine words would have to be moved there.
    #[inline(always)]
    pub(crate) fn open(&mut self, handle: u32) -> Exchange<'_> {
        let record = &self.records[handle as usize];
        let has_input_buffer = record.head != NONE || record.body != NONE;
        if !has_input_buffer || record.out_buffer == NONE {
            self.complete(handle);
        }
        let record = &mut self.records[handle as usize];
        let head_size = self.heads.size();
        let input = match record.body {
            NONE => self.heads.bytes(record.head),
            body => self.bodies.bytes(body),
        };
        record.over(input, head_size, self.outs.bytes(record.out_buffer))
    }

    /// Opens a record for its response alone.
    pub(crate) fn open_response(&mut self, handle: u32) -> (&mut Course, Out<'_>) {
        if self.records[handle as usize].out_buffer == NONE {
            self.records[handle as usize].out_buffer = self.lend_out();
        }
        let record = &mut self.records[handle as usize];
        let out = self.outs.bytes(record.out_buffer);
        record.response(out)
    }

    /// Lends a record what it lacks for a visit.
    #[cold]
    fn complete(&mut self, handle: u32) {
        let record = &self.records[handle as usize];
        let (lacks_head, lacks_out) = (record.head == NONE && record.body == NONE, record.out_buffer == NONE);
        if lacks_head {
            self.records[handle as usize].head = self.lend_head();
        }
        if lacks_out {
            self.records[handle as usize].out_buffer = self.lend_out();
        }
    }

    fn lend_head(&mut self) -> u32 {
        if !self.heads.has_spare() {
            self.strip_one();
        }
        self.heads.lend()
    }

    fn lend_out(&mut self) -> u32 {
        if !self.outs.has_spare() {
            self.strip_one();
        }
        self.outs.lend()
    }

    fn strip_one(&mut self) {
        let handle = self.equipped.pop().expect("a visit begins with a spare buffer of each kind");
        self.strip(handle);
    }

    /// Ends the work in a record: it keeps what it needs while its connection waits in `state`, whose deadline may
    /// have begun `anew`. Returns whether anything is in flight.
    #[inline]
    pub(crate) fn settle(&mut self, handle: u32, slot: u32, state: State, anew: bool) -> bool {
        let in_flight = !self.records[handle as usize].is_empty();
        if in_flight {
            self.settle_buffers(handle, slot, state, anew);
        }
        in_flight
    }

    fn settle_buffers(&mut self, handle: u32, slot: u32, state: State, anew: bool) {
        self.leave_body(handle);
        let record = &mut self.records[handle as usize];
        if record.head != NONE && record.has_no_input() && !cfg!(mutant = "head_kept") {
            record.leave_input();
            self.heads.give_back(std::mem::replace(&mut record.head, NONE));
        }
        if record.out_buffer != NONE && record.has_no_copied() && !cfg!(mutant = "out_kept") {
            self.outs.give_back(std::mem::replace(&mut record.out_buffer, NONE));
        }
        record.is_listed = true;
        for (buffers, kept) in [
            (&mut self.heads, record.head),
            (&mut self.outs, record.out_buffer),
            (&mut self.bodies, record.body),
        ] {
            if kept != NONE {
                buffers.list(kept, slot, state, anew);
            }
        }
    }

    /// Gives a body buffer back once its body has been answered. What stands behind the body moves to a head buffer, even
    /// if that is the beginning of another large body: others may wait for the buffer.
    fn leave_body(&mut self, handle: u32) {
        let record = &self.records[handle as usize];
        if record.body == NONE || record.course.is_apart {
            return;
        }
        let head = if record.has_no_input() { NONE } else { self.lend_head() };
        let record = &mut self.records[handle as usize];
        let body = std::mem::replace(&mut record.body, NONE);
        if head == NONE {
            record.leave_input();
        } else {
            record.head = head;
            record.move_input(self.bodies.bytes(body), self.heads.bytes(head));
        }
        self.give_back_body(body);
    }

    fn give_back_body(&mut self, body: u32) {
        if !cfg!(mutant = "body_buffer_kept") {
            self.body_order.remove(0, body);
            self.bodies.give_back(body);
        }
    }

    /// The slot whose body buffer has been lent for longest, and since when.
    pub(crate) fn longest_lent_body(&self) -> Option<(u32, u64)> {
        let body = self.body_order.first(0)?;
        Some((self.bodies.slot(body), self.body_since[body as usize]))
    }

    /// Lends a body buffer for a body that does not fit behind its head, which moves there.
    pub(crate) fn lend_body(&mut self, handle: u32, now: u64) {
        let record = &mut self.records[handle as usize];
        record.body = self.bodies.lend();
        self.body_order.make_place(record.body);
        self.body_order.push_back(0, record.body);
        if record.body as usize == self.body_since.len() {
            self.body_since.push(now);
        }
        self.body_since[record.body as usize] = now;
        record.course.is_apart = true;
        let head = std::mem::replace(&mut record.head, NONE);
        record.move_input(self.heads.bytes(head), self.bodies.bytes(record.body));
        self.heads.give_back(head);
    }

    /// The request of a record that waits for its answer.
    pub(crate) fn awaited(&self, handle: u32) -> Option<Awaited> {
        self.records[handle as usize].course.after.awaited()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::After;

    fn pool() -> Pool {
        let mut config = Config::default();
        config.max_connections = 2;
        config.limits.head_bytes = 100;
        config.limits.body_bytes = 10_000;
        config.limits.out_bytes = 512;
        config.buffers.bodies = 1;
        Pool::new(&config)
    }

    #[test]
    fn a_visit_that_leaves_nothing_in_flight_keeps_nothing() {
        let mut pool = pool();
        let handle = pool.spare();
        pool.open(handle);
        assert!(!pool.settle(handle, 0, State::Idle, true));
        assert_eq!((pool.spares(), pool.lent(), pool.buffers_lent()), (3, 0, [0; 3]));
    }

    #[test]
    fn a_record_that_is_given_back_is_lent_first_with_its_buffers() {
        let mut pool = pool();
        let [first, second] = [(); 2].map(|()| {
            let handle = pool.spare();
            pool.lend(handle);
            handle
        });
        assert_ne!(first, second);
        pool.give_back(first);
        assert_eq!((pool.spare(), pool.spares(), pool.buffers_lent()), (first, 2, [1, 1, 0]));
    }

    #[test]
    fn a_record_in_flight_takes_the_head_of_one_that_is_free() {
        let mut pool = pool();
        let deferred = pool.spare();
        pool.lend(deferred);
        pool.open(deferred).out.append(crate::body::Body::Static(b"tail"));
        assert!(pool.settle(deferred, 0, State::Sending, true));
        assert_eq!(pool.borrowed(deferred), [false; 3]);
        // Three records would be equipped, were there none in flight.
        let others = [(); 2].map(|()| {
            let handle = pool.spare();
            pool.lend(handle);
            handle
        });
        others.into_iter().for_each(|handle| pool.give_back(handle));
        pool.heads.lend();
        pool.outs.lend();
        pool.open(deferred);
        assert_eq!((pool.borrowed(deferred), pool.equipped.len()), ([true, true, false], 1));
    }

    #[test]
    fn a_record_keeps_what_it_needs_and_no_more() {
        let mut pool = pool();
        let handle = pool.spare();
        pool.lend(handle);
        let mut exchange = pool.open(handle);
        exchange.space()[..3].copy_from_slice(b"GET");
        exchange.input.filled(3);
        exchange.out.commit(5);
        assert!(pool.settle(handle, 0, State::Sending, true));
        assert_eq!(pool.borrowed(handle), [true, true, false]);
        pool.open(handle).out.clear();
        assert!(pool.settle(handle, 0, State::Head, true));
        assert_eq!(pool.borrowed(handle), [true, false, false]);
        assert_eq!(pool.heads.oldest(State::Head).collect::<Vec<_>>(), [0]);
        pool.give_back(handle);
        assert_eq!((pool.spares(), pool.buffers_lent()), (3, [0; 3]));
    }

    #[test]
    fn the_spare_is_empty_whatever_the_visit_before_left_in_it() {
        let mut pool = pool();
        let handle = pool.spare();
        pool.open(handle).input.filled(7);
        pool.open(handle).course.after = After::Drop;
        let handle = pool.spare();
        assert_eq!(pool.open(handle).course.after, After::Keep);
        assert!(!pool.settle(handle, 0, State::Idle, true), "nothing is in flight");
    }
}
