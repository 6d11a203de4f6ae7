//! The memory for requests in flight, lent in parts.
//!
//! The *record* of a request in flight is small, and there may be one for each connection. So 100,000 responses can be
//! late or slow. The buffers that a record borrows are large, and there are fewer of them:
//!
//! - a **head** buffer while a head is incomplete, while a body that fits into the rest of that buffer is
//!   collected, while more requests wait after the current one, or while the host keeps a deferred one;
//! - an **out** buffer while copied bytes of a response are not sent;
//! - a **body** buffer instead of the head buffer, while a body that does not fit into the rest of the head
//!   buffer is collected, or kept by the host.
//!
//! The driver works in a record with a head and an out. Afterwards the record gives back the buffers that it does not
//! need. So a request that arrives whole keeps nothing if its response leaves whole. A record that comes back with a
//! head and an out stays *equipped*, and is lent again first. So the next request finds its buffers at once.

mod sizes;
mod waiting;
mod kept;
#[cfg(any(test, fuzzing))]
mod checks;
mod traced;

use super::InputBuffer;
use super::InputMarks;
use super::bodies::BodyBuffers;
use super::buffers::{BufferId, Buffers};
use super::{Exchange, ExchangeId, InFlight, Input, Out, Record};
use crate::config::Config;
use crate::slot::Slot;
use crate::state::State;

pub(crate) use sizes::PoolSizes;

/// Everything that requests in flight borrow. Invariant: before each run of the driver, at least one record, one head
/// and one out are spare.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The records that were ever used. The memory of the others is untouched.
    records: Vec<Record>,
    size: usize,
    /// Spare records that have a head and an out. The last one given back is the next one lent.
    equipped: Vec<ExchangeId>,
    /// Spare records without buffers.
    bare: Vec<ExchangeId>,
    pub(crate) heads: Buffers,
    pub(crate) outs: Buffers,
    pub(crate) bodies: BodyBuffers,
}

impl Pool {
    /// Creates the pool. The memory for these settings must be [available](crate::memory::can_reserve).
    pub(crate) fn new(config: &Config) -> Self {
        let (sizes, limits) = (PoolSizes::of(config), &config.limits);
        Pool {
            records: Vec::with_capacity(sizes.records),
            size: sizes.records,
            equipped: Vec::with_capacity(sizes.heads.min(sizes.outs)),
            bare: Vec::with_capacity(sizes.records),
            heads: Buffers::new(sizes.heads, limits.head_buffer_bytes()),
            outs: Buffers::new(sizes.outs, limits.out_buffer_bytes()),
            bodies: BodyBuffers::new(sizes.bodies, limits.body_buffer_bytes()),
        }
    }

    /// Returns the bytes of a pool.
    pub(crate) fn bytes(config: &Config) -> usize {
        const RECORD: usize = size_of::<Record>() + size_of::<ExchangeId>();
        let (sizes, limits) = (PoolSizes::of(config), &config.limits);
        [
            sizes.records.saturating_mul(RECORD),
            sizes.heads.min(sizes.outs).saturating_mul(size_of::<ExchangeId>()),
            Buffers::reserved(sizes.heads, limits.head_buffer_bytes()),
            Buffers::reserved(sizes.outs, limits.out_buffer_bytes()),
            BodyBuffers::reserved(sizes.bodies, limits.body_buffer_bytes()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Returns whether the last record, head or out has been lent.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.equipped.is_empty() && self.spares() == 0
    }

    /// Returns how many connections can be driven at the same time.
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

    /// Returns whether at least half of the outs are lent.
    pub(crate) fn has_few_outs(&self) -> bool {
        self.spare_outs() <= self.outs.count() / 2
    }

    // --- records ---

    /// Returns the record to work in next, empty and equipped. It stays in the pool until
    /// [`lend`](Self::lend).
    #[inline]
    pub(crate) fn spare(&mut self) -> ExchangeId {
        let id = match self.equipped.last() {
            Some(&id) => id,
            None => self.equip(),
        };
        self.records[id.index()].clear();
        id
    }

    /// Gives a spare record a head and an out.
    #[cold]
    fn equip(&mut self) -> ExchangeId {
        let id = self.bare.pop().unwrap_or_else(|| {
            assert!(self.records.len() < self.size, "a run begins with a spare record");
            self.records.push(Record::default());
            ExchangeId::new(self.records.len() - 1)
        });
        let record = &mut self.records[id.index()];
        (record.head, record.out_buffer) = (Some(self.heads.lend()), Some(self.outs.lend()));
        self.equipped.push(id);
        id
    }

    /// Takes the spare record out of the pool.
    pub(crate) fn lend(&mut self, id: ExchangeId) {
        let lent = self.equipped.pop();
        assert!(lent == Some(id), "only the spare record is lent");
    }

    /// Takes a record back, with everything that it has borrowed.
    #[inline]
    pub(crate) fn give_back(&mut self, id: ExchangeId) {
        let record = &mut self.records[id.index()];
        // The rest is cleared when the record is lent again. That may be much later, and others may share this body.
        record.release_tail();
        let is_equipped = record.head.is_some() && record.out_buffer.is_some();
        if is_equipped && record.body.is_none() && !record.is_listed {
            self.equipped.push(id);
        } else {
            self.give_back_parts(id);
        }
    }

    /// Takes a record back, and returns its input. The bytes stay as they are until the buffer is used again.
    pub(crate) fn give_back_unused(&mut self, id: ExchangeId) -> &[u8] {
        let record = &self.records[id.index()];
        let (buffer, InputMarks { start, end, .. }) = (record.input_buffer(), &record.input);
        let (start, end) = (*start, *end);
        self.give_back(id);
        match buffer {
            Some(InputBuffer::Head(head)) => &self.heads.bytes(head)[start..end],
            Some(InputBuffer::Body(body)) => &self.bodies.buffers.bytes(body)[start..end],
            None => b"",
        }
    }

    fn give_back_parts(&mut self, id: ExchangeId) {
        if let Some(body) = self.records[id.index()].body.take() {
            self.bodies.give_back(body);
        }
        let record = &mut self.records[id.index()];
        record.is_listed = false;
        let (Some(head), Some(out)) = (record.head, record.out_buffer) else { return self.strip(id) };
        self.heads.unlist(head);
        self.outs.unlist(out);
        self.equipped.push(id);
    }

    /// Takes the head and the out from a spare record.
    #[cold]
    fn strip(&mut self, id: ExchangeId) {
        let record = &mut self.records[id.index()];
        record.is_listed = false;
        if let Some(head) = record.head.take() {
            self.heads.give_back(head);
        }
        if let Some(out) = record.out_buffer.take() {
            self.outs.give_back(out);
        }
        self.bare.push(id);
    }

    // --- what a record borrows ---

    /// Opens a record to work in, with a head or a body buffer and an out.
    // Inlined, so that the view of nine words is built in its caller's frame and need not be moved there.
    #[inline(always)]
    pub(crate) fn open(&mut self, id: ExchangeId) -> Exchange<'_> {
        let record = &self.records[id.index()];
        let (input, out) = match (record.input_buffer(), record.out_buffer) {
            (Some(input), Some(out)) => (input, out),
            _ => self.complete(id),
        };
        let head_size = self.heads.size();
        let input = match input {
            InputBuffer::Head(head) => self.heads.bytes(head),
            InputBuffer::Body(body) => self.bodies.buffers.bytes(body),
        };
        self.records[id.index()].over(input, head_size, self.outs.bytes(out))
    }

    /// Opens the spare record for its input alone.
    pub(crate) fn open_input(&mut self, id: ExchangeId) -> Input<'_> {
        let record = &mut self.records[id.index()];
        let head = record.head.expect("the spare record has a head");
        record.input(self.heads.bytes(head))
    }

    /// Opens a record for its response alone.
    pub(crate) fn open_response(&mut self, id: ExchangeId) -> (&mut InFlight, Out<'_>) {
        let out = self.out_buffer(id);
        self.records[id.index()].response(self.outs.bytes(out))
    }

    /// Lends a record what it lacks to be driven.
    #[cold]
    fn complete(&mut self, id: ExchangeId) -> (InputBuffer, BufferId) {
        let input = self.records[id.index()].input_buffer().unwrap_or_else(|| {
            let head = self.lend_head();
            self.records[id.index()].head = Some(head);
            InputBuffer::Head(head)
        });
        (input, self.out_buffer(id))
    }

    /// Returns the out of a record. Lends one if it has none.
    fn out_buffer(&mut self, id: ExchangeId) -> BufferId {
        self.records[id.index()].out_buffer.unwrap_or_else(|| {
            let out = self.lend_out();
            self.records[id.index()].out_buffer = Some(out);
            out
        })
    }

    fn lend_head(&mut self) -> BufferId {
        if !self.heads.has_spare() {
            self.strip_one();
        }
        self.heads.lend()
    }

    fn lend_out(&mut self) -> BufferId {
        if !self.outs.has_spare() {
            self.strip_one();
        }
        self.outs.lend()
    }

    fn strip_one(&mut self) {
        let id = self.equipped.pop().expect("a run begins with a spare buffer of each kind");
        self.strip(id);
    }

    /// Ends the work in a record. It keeps what it needs while its connection waits in `state`, whose deadline may have
    /// begun `anew`. Returns whether anything is in flight.
    #[inline]
    pub(crate) fn settle(&mut self, id: ExchangeId, slot: Slot, state: State, anew: bool) -> bool {
        let in_flight = !self.records[id.index()].is_empty();
        if in_flight {
            self.settle_buffers(id, slot, state, anew);
        }
        in_flight
    }

    fn settle_buffers(&mut self, id: ExchangeId, slot: Slot, state: State, anew: bool) {
        self.leave_body(id);
        let record = &mut self.records[id.index()];
        if let Some(head) = record.head.take_if(|_| record.input.is_empty()) {
            record.leave_input();
            self.heads.give_back(head);
        }
        if let Some(out) = record.out_buffer.take_if(|_| record.out.has_no_copied()) {
            self.outs.give_back(out);
        }
        record.is_listed = true;
        for (buffers, kept) in [
            (&mut self.heads, record.head),
            (&mut self.outs, record.out_buffer),
            (&mut self.bodies.buffers, record.body),
        ] {
            if let Some(kept) = kept {
                buffers.list(kept, slot, state, anew);
            }
        }
    }

    /// Gives a body buffer back when its body has been answered. The bytes after the body move to a head buffer, even
    /// if another large body begins there, because others may wait for the buffer.
    fn leave_body(&mut self, id: ExchangeId) {
        let record = &mut self.records[id.index()];
        let is_answered = !record.in_flight.is_apart;
        if record.in_flight.keeps() {
            self.bodies.end_tenure(record.body);
        }
        let Some(body) = record.body.take_if(|_| is_answered) else { return };
        if record.has_no_input() {
            record.leave_input();
        } else {
            let head = self.lend_head();
            let record = &mut self.records[id.index()];
            record.head = Some(head);
            record.move_input(self.bodies.buffers.bytes(body), self.heads.bytes(head));
        }
        self.bodies.give_back(body);
    }

    /// Lends a body buffer for a body that does not fit into the rest of the head buffer. The head moves
    /// there.
    pub(crate) fn lend_body(&mut self, id: ExchangeId, now: u64) {
        let record = &mut self.records[id.index()];
        let body = self.bodies.lend(now);
        (record.body, record.in_flight.is_apart) = (Some(body), true);
        if let Some(head) = record.head.take() {
            record.move_input(self.heads.bytes(head), self.bodies.buffers.bytes(body));
            self.heads.give_back(head);
        }
    }

    /// Returns the progress of a record, for a change that needs none of its bytes.
    pub(crate) fn in_flight(&mut self, id: ExchangeId) -> &mut InFlight {
        &mut self.records[id.index()].in_flight
    }

    /// Returns whether a record has a request whose body is not whole.
    pub(crate) fn has_body(&self, id: ExchangeId) -> bool {
        self.records[id.index()].in_flight.body.is_some()
    }
}

#[cfg(test)]
mod tests;
