//! Everything about a request in flight, and the fixed pool of memory for it.
//!
//! An idle connection owns no buffer. For the length of a visit it works in the memory that the
//! pool has to *spare*; only if something is still incomplete at the end (half a head, a response
//! that the kernel did not take) does it keep that memory, and the next visit gets another spare.
//! So a request that arrives whole, with a response that leaves whole, passes through without a
//! copy and leaves nothing behind, and the spare is always the one that is warm in the cache.

use std::io::{self, IoSlice};

use crate::config::{Config, OUT_BATCH};
use crate::http::body::BodyReader;
use crate::net::Stream;

/// One read takes at most this much.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// A request in flight: its bytes, its body's framing, and the response that is left to write.
///
/// A view of the pool's memory and of what it remembers.
#[derive(Debug)]
pub(crate) struct Exchange<'p> {
    pub(crate) input: Input<'p>,
    /// The request whose head has been accepted and whose body is not whole.
    pub(crate) body: &'p mut Option<BodyReader>,
    pub(crate) out: Out<'p>,
    /// What follows when `out` has left.
    pub(crate) after: &'p mut After,
    /// Bytes of body or response moved since its deadline was last extended.
    pub(crate) progress: &'p mut usize,
}

impl Exchange<'_> {
    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.body.is_none() && self.out.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.input.clear();
        *self.body = None;
        self.out.clear();
        *self.after = After::Keep;
        *self.progress = 0;
    }
}

/// What follows a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request.
    #[default]
    Keep,
    /// The close; a client that asked for it may send nothing more.
    Close { client_asked: bool },
    /// The close, at once and without a byte.
    Drop,
}

/// Bytes that arrived and are not yet answered.
#[derive(Debug)]
pub(crate) struct Input<'p> {
    bytes: &'p mut [u8],
    marks: &'p mut InputMarks,
}

/// Where what is in [`Input`]: `start ≤ seen ≤ end ≤ bytes.len()`.
#[derive(Debug, Default)]
struct InputMarks {
    start: usize,
    /// Up to here an incomplete head has been looked at.
    seen: usize,
    end: usize,
}

impl Input<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.start == self.marks.end
    }

    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.marks.start..self.marks.end]
    }

    pub(crate) fn pending_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.marks.start..self.marks.end]
    }

    /// What has not been looked at.
    pub(crate) fn unseen(&self) -> &[u8] {
        &self.bytes[self.marks.seen..self.marks.end]
    }

    pub(crate) fn nothing_seen(&self) -> bool {
        self.marks.seen == self.marks.start
    }

    pub(crate) fn see_all(&mut self) {
        self.marks.seen = self.marks.end;
    }

    /// Room for the next read, never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.is_empty() {
            self.clear();
        } else if self.marks.start > 0 && self.bytes.len() - self.marks.end < READ_BYTES {
            self.bytes.copy_within(self.marks.start..self.marks.end, 0);
            (self.marks.seen, self.marks.end) =
                (self.marks.seen - self.marks.start, self.marks.end - self.marks.start);
            self.marks.start = 0;
        }
        let end = self.bytes.len().min(self.marks.end + READ_BYTES);
        assert!(self.marks.end < end, "limits leave room for one byte more than the longest request");
        &mut self.bytes[self.marks.end..end]
    }

    pub(crate) fn filled(&mut self, len: usize) {
        self.marks.end += len;
        assert!(self.marks.end <= self.bytes.len());
    }

    /// Drops `len` bytes from the front.
    pub(crate) fn consume(&mut self, len: usize) {
        self.marks.start += len;
        self.marks.seen = self.marks.start;
        assert!(self.marks.start <= self.marks.end);
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn keep(&mut self, len: usize) {
        self.marks.end = self.marks.start + len;
        self.marks.seen = self.marks.end;
    }

    pub(crate) fn clear(&mut self) {
        *self.marks = InputMarks::default();
    }
}

/// What is left to write: copied bytes, and behind them a body that is not copied.
#[derive(Debug)]
pub(crate) struct Out<'p> {
    bytes: &'p mut [u8],
    marks: &'p mut OutMarks,
}

#[derive(Debug, Default)]
struct OutMarks {
    /// Bytes copied, from the front of the memory.
    copied: usize,
    tail: Tail,
    /// Bytes sent, of the copied ones and then of the tail.
    sent: usize,
    /// Where the response being written has to end.
    end: usize,
    /// Whether it would have got longer.
    overflow: bool,
}

#[derive(Debug, Clone, Copy, Default)]
enum Tail {
    #[default]
    None,
    Static(&'static [u8]),
}

impl Out<'_> {
    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        Out { bytes: self.bytes, marks: self.marks }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending() == 0
    }

    /// Bytes still to be sent, copied or not.
    pub(crate) fn pending(&self) -> usize {
        self.marks.copied + self.tail().len() - self.marks.sent
    }

    /// Whether nothing of it has been sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.marks.sent == 0
    }

    /// Bytes that were copied into it, sent or not.
    pub(crate) fn copied(&self) -> usize {
        self.marks.copied
    }

    pub(crate) fn has_tail(&self) -> bool {
        !matches!(self.marks.tail, Tail::None)
    }

    fn tail(&self) -> &'static [u8] {
        match self.marks.tail {
            Tail::None => &[],
            Tail::Static(bytes) => bytes,
        }
    }

    pub(crate) fn clear(&mut self) {
        *self.marks = OutMarks::default();
    }

    // --- writing a response into it ---

    /// Begins a response, which may take all but what a batch took before it; the position to
    /// [`rewind`](Self::rewind) to.
    pub(crate) fn begin(&mut self) -> usize {
        self.marks.end = self.marks.copied + self.bytes.len() - OUT_BATCH;
        self.marks.overflow = false;
        self.marks.copied
    }

    /// Appends, unless the response would get longer than it may.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.marks.copied + bytes.len();
        if end > self.marks.end {
            self.marks.overflow = true;
        } else {
            self.bytes[self.marks.copied..end].copy_from_slice(bytes);
            self.marks.copied = end;
        }
    }

    /// Bytes of the response that began at a position.
    pub(crate) fn pending_since(&self, position: usize) -> usize {
        self.marks.copied - position + self.tail().len()
    }

    pub(crate) fn overflowed(&self) -> bool {
        self.marks.overflow
    }

    pub(crate) fn position(&self) -> usize {
        self.marks.copied
    }

    pub(crate) fn written_mut(&mut self, from: usize, to: usize) -> &mut [u8] {
        &mut self.bytes[from..to]
    }

    /// Takes back everything behind a position.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.marks.copied = position;
        self.marks.tail = Tail::None;
        self.marks.overflow = false;
    }

    /// Sends `body` behind all that was pushed, without a copy.
    pub(crate) fn set_tail(&mut self, body: &'static [u8]) {
        if !body.is_empty() {
            self.marks.tail = Tail::Static(body);
        }
    }

    // --- sending it ---

    /// One write of as much as there is, at most `limit` bytes of a tail.
    pub(crate) fn write_to<S: Stream>(&mut self, stream: &mut S, limit: usize) -> io::Result<usize> {
        let OutMarks { copied, sent, .. } = *self.marks;
        let tail = &self.tail()[sent.saturating_sub(copied)..];
        let copied = &self.bytes[sent.min(copied)..copied];
        let tail = &tail[..tail.len().min(limit)];
        let written = match (copied.is_empty(), tail.is_empty()) {
            (_, true) => stream.write(copied)?,
            (true, false) => stream.write(tail)?,
            (false, false) => stream.write_vectored(&[IoSlice::new(copied), IoSlice::new(tail)])?,
        };
        self.marks.sent += written;
        Ok(written)
    }
}

/// The memory for a fixed number of exchanges, of which at least one is free whenever a visit
/// begins.
#[derive(Debug)]
pub(crate) struct Pool {
    /// In groups, because each piece that is asked of the system costs a page for its header.
    groups: Vec<Box<[u8]>>,
    input_bytes: usize,
    output_bytes: usize,
    /// Of all that were ever used; the others' memory is untouched.
    states: Vec<InFlight>,
    size: usize,
    /// The last one given back is the next one lent.
    free: Vec<u32>,
}

/// What is remembered of an exchange beside its bytes.
#[derive(Debug, Default)]
struct InFlight {
    input: InputMarks,
    body: Option<BodyReader>,
    out: OutMarks,
    after: After,
    progress: usize,
}

/// How many exchanges share one piece of memory.
const GROUP: usize = 64;

impl Pool {
    pub(crate) fn new(config: &Config) -> Self {
        let (size, limits) = (config.pool_size(), &config.limits);
        let each = limits.input_bytes() + limits.output_bytes();
        // Zeroed memory of this size comes from the system untouched: it provides each page when
        // the page is first written.
        let group = |first| vec![0; each * GROUP.min(size - first)].into_boxed_slice();
        Pool {
            groups: (0..size).step_by(GROUP).map(group).collect(),
            input_bytes: limits.input_bytes(),
            output_bytes: limits.output_bytes(),
            states: Vec::with_capacity(size),
            size,
            free: Vec::with_capacity(size),
        }
    }

    pub(crate) fn has_spare(&self) -> bool {
        !self.free.is_empty() || self.states.len() < self.size
    }

    /// How many are kept by connections.
    #[cfg(test)]
    pub(crate) fn lent(&self) -> usize {
        self.states.len() - self.free.len()
    }

    /// The exchange to work in next, empty. It stays free until it is [`lend`](Self::lend)ed.
    pub(crate) fn spare(&mut self) -> u32 {
        if self.free.is_empty() {
            assert!(self.states.len() < self.size, "a visit begins with a spare exchange");
            self.free.push(self.states.len() as u32);
            self.states.push(InFlight::default());
        }
        let handle = self.free[self.free.len() - 1];
        self.states[handle as usize] = InFlight::default();
        handle
    }

    pub(crate) fn open(&mut self, handle: u32) -> Exchange<'_> {
        let (group, place) = (handle as usize / GROUP, handle as usize % GROUP);
        let each = self.input_bytes + self.output_bytes;
        let memory = &mut self.groups[group][place * each..(place + 1) * each];
        let (input, out) = memory.split_at_mut(self.input_bytes);
        let state = &mut self.states[handle as usize];
        Exchange {
            input: Input { bytes: input, marks: &mut state.input },
            body: &mut state.body,
            out: Out { bytes: out, marks: &mut state.out },
            after: &mut state.after,
            progress: &mut state.progress,
        }
    }

    /// Takes the spare out of the pool.
    pub(crate) fn lend(&mut self, handle: u32) {
        let lent = self.free.pop();
        assert!(lent == Some(handle), "only the spare is ever lent");
    }

    pub(crate) fn give_back(&mut self, handle: u32) {
        assert!(self.free.len() < self.states.len());
        self.free.push(handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OUT_SLACK;

    fn pool() -> Pool {
        let mut config = Config::default();
        config.exchanges = 2;
        config.limits.head_bytes = 100;
        config.limits.body_bytes = 0;
        config.limits.out_bytes = 512;
        Pool::new(&config)
    }

    #[test]
    fn the_exchange_given_back_last_is_lent_first() {
        let mut pool = pool();
        let first = pool.spare();
        pool.lend(first);
        let second = pool.spare();
        pool.lend(second);
        assert_eq!(pool.lent(), 2);
        assert_ne!(first, second);
        pool.give_back(first);
        assert_eq!(pool.spare(), first);
    }

    #[test]
    fn the_spare_is_empty_whatever_the_visit_before_left_in_it() {
        let mut pool = pool();
        let handle = pool.spare();
        pool.open(handle).input.filled(7);
        *pool.open(handle).after = After::Drop;
        let handle = pool.spare();
        assert!(pool.open(handle).is_empty());
        assert_eq!(*pool.open(handle).after, After::Keep);
    }

    #[test]
    fn input_moves_to_the_front_when_room_gets_short() {
        let (mut bytes, mut marks) = ([0; 100], InputMarks::default());
        let mut input = Input { bytes: &mut bytes, marks: &mut marks };
        assert_eq!(input.space().len(), 100);
        input.space()[..90].copy_from_slice(&[7; 90]);
        input.filled(90);
        input.consume(85);
        assert_eq!(input.space().len(), 95);
        assert_eq!(input.pending(), [7; 5]);
    }

    #[test]
    fn a_response_that_is_too_long_overflows_and_is_taken_back() {
        let mut pool = pool();
        let spare = pool.spare();
        let mut out = pool.open(spare).out;
        let start = out.begin();
        out.push(&[b'x'; 512 + OUT_SLACK]);
        assert!(!out.overflowed());
        out.push(b"y");
        assert!(out.overflowed());
        out.rewind(start);
        assert!(out.is_empty() && !out.overflowed());
    }
}
