//! Everything about a request in flight: the bytes that arrived, how far its body has come, and the
//! response that is left to write.

mod bodies;
pub(crate) mod buffers;
pub(crate) mod pool;

use std::io::IoSlice;
use std::num::NonZeroU32;

use crate::body::{Body, PIECES};
use crate::config::{Limits, OUT_BATCH};
use crate::deferred::Awaited;
use crate::http::body::BodyReader;
use crate::http::refusal::Refusal;
use crate::http::scan::Scan;

use buffers::BufferId;

/// One read of a large body takes at most this much.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// The number of an exchange in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExchangeId(NonZeroU32);

impl ExchangeId {
    fn new(index: usize) -> Self {
        ExchangeId(NonZeroU32::MIN.saturating_add(index as u32))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A request in flight: its bytes, how far it has come, and the response that is left to write.
///
/// A view of the pool's memory and of what it remembers.
#[derive(Debug)]
pub(crate) struct Exchange<'p> {
    pub(crate) input: Input<'p>,
    pub(crate) in_flight: &'p mut InFlight,
    pub(crate) out: Out<'p>,
}

/// How far a request has come.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The request whose head has been accepted and whose body is not whole.
    pub(crate) body: Option<BodyReader>,
    /// A body buffer has been lent for it.
    pub(crate) is_apart: bool,
    /// Its client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// What follows when everything written has left.
    pub(crate) on_sent: OnSent,
    /// Bytes of a body's framing that the budget has not been charged for.
    pub(crate) framing: usize,
    /// Bytes of body or response moved since its deadline was last extended.
    pub(crate) progress: usize,
}

impl InFlight {
    /// The body is whole, or refused.
    #[inline]
    pub(crate) fn end_body(&mut self) {
        (self.body, self.is_apart) = (None, false);
    }

    #[inline]
    fn clear(&mut self) {
        self.end_body();
        (self.expects_continue, self.on_sent) = (false, OnSent::KeepAlive);
        (self.framing, self.progress) = (0, 0);
    }
}

impl Exchange<'_> {
    pub(crate) fn clear(&mut self) {
        self.input.clear();
        self.in_flight.clear();
        self.out.clear();
    }

    /// Whether a body buffer is needed to collect more of the body: the head buffer is full, or its client waits to be
    /// told that there is a place for it. (So a client that stalls before has taken no body buffer.)
    pub(crate) fn lacks_body_buffer(&self) -> bool {
        let collected = self.in_flight.body.as_ref().filter(|_| !self.in_flight.is_apart);
        collected.is_some_and(|body| {
            let space = self.input.head_size.saturating_sub(self.input.pending().len());
            let fits = body.left().is_none_or(|left| left <= space as u64);
            space == 0 || (self.in_flight.expects_continue && !fits)
        })
    }

    /// Where the next read goes, never empty: no more than the buffer is for.
    ///
    /// In a body buffer that is what the body lacks, or of chunks so much that what may follow them fits into a head
    /// buffer.
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let head_size = self.input.head_size;
        let most = match &self.in_flight.body {
            Some(body) if self.in_flight.is_apart => body.left().map_or(head_size, |left| {
                usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES))
            }),
            _ => head_size - self.input.pending().len(),
        };
        self.input.space(most)
    }
}

/// What is remembered of an exchange beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct Record {
    input: InputMarks,
    pub(crate) in_flight: InFlight,
    out: OutMarks,
    /// The buffers that it has borrowed. The input is in the body buffer if there is one.
    pub(crate) head: Option<BufferId>,
    pub(crate) out_buffer: Option<BufferId>,
    pub(crate) body: Option<BufferId>,
    /// Whether any of them is in a list.
    pub(crate) is_listed: bool,
}

/// Where the input of an exchange is.
#[derive(Debug, Clone, Copy)]
enum InputBuffer {
    Head(BufferId),
    Body(BufferId),
}

impl Record {
    /// Nothing is in flight, whatever was. A share in a response's body has been given up before.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.input.clear();
        self.in_flight.clear();
        (self.out.copied, self.out.sent, self.out.tail_left) = (0, 0, 0);
    }

    /// The exchange over its two pieces of memory.
    #[inline]
    pub(crate) fn over<'p>(
        &'p mut self,
        input: &'p mut [u8],
        head_size: usize,
        out: &'p mut [u8],
    ) -> Exchange<'p> {
        Exchange {
            input: Input { bytes: input, head_size, marks: &mut self.input },
            in_flight: &mut self.in_flight,
            out: Out { bytes: out, marks: &mut self.out },
        }
    }

    /// The input in a head buffer, without the rest.
    fn input<'p>(&'p mut self, head: &'p mut [u8]) -> Input<'p> {
        Input { head_size: head.len(), bytes: head, marks: &mut self.input }
    }

    /// What a response is written into, without the request.
    pub(crate) fn response<'p>(&'p mut self, out: &'p mut [u8]) -> (&'p mut InFlight, Out<'p>) {
        (&mut self.in_flight, Out { bytes: out, marks: &mut self.out })
    }

    /// The buffer that the input is in.
    #[inline]
    fn input_buffer(&self) -> Option<InputBuffer> {
        self.body.map(InputBuffer::Body).or(self.head.map(InputBuffer::Head))
    }

    /// Whether nothing is in flight.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.has_no_input()
            && self.in_flight.body.is_none()
            && self.has_no_copied()
            && self.out.tail_left == 0
            && matches!(self.in_flight.on_sent, OnSent::KeepAlive)
    }

    #[inline]
    pub(crate) fn has_no_input(&self) -> bool {
        self.input.is_empty()
    }

    /// Whether all copied bytes are sent.
    #[inline]
    pub(crate) fn has_no_copied(&self) -> bool {
        self.out.has_no_copied()
    }

    /// Gives up the share in a response's body.
    #[inline]
    pub(crate) fn release_tail(&mut self) {
        if self.out.tail_left > 0 {
            self.out.clear();
        }
    }

    /// Leaves a buffer that has no input: the next one may be shorter.
    #[inline]
    pub(crate) fn leave_input(&mut self) {
        self.input.clear();
    }

    /// Moves the input to another buffer.
    pub(crate) fn move_input(&mut self, from: &[u8], to: &mut [u8]) {
        let InputMarks { start, end, .. } = self.input;
        to[..end - start].copy_from_slice(&from[start..end]);
        (self.input.start, self.input.end) = (0, end - start);
    }
}

/// What the connection does when a response has been sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnSent {
    /// It reads the next request.
    #[default]
    KeepAlive,
    /// It closes. A client that asked for it may send nothing more.
    Close { client_asked: bool },
    /// It closes at once, without a byte.
    Drop,
    /// It waits for the next response, which the host gives later.
    AwaitReply(Awaited),
}

impl OnSent {
    pub(crate) fn awaited(&self) -> Option<Awaited> {
        match self {
            OnSent::AwaitReply(awaited) => Some(*awaited),
            _ => None,
        }
    }
}

/// Bytes that arrived and are not yet answered.
#[derive(Debug)]
pub(crate) struct Input<'p> {
    bytes: &'p mut [u8],
    /// Bytes of a head buffer. This one may be a body buffer.
    head_size: usize,
    marks: &'p mut InputMarks,
}

/// Where what is in [`Input`]: `start ≤ end ≤ bytes.len()`.
#[derive(Debug, Default)]
struct InputMarks {
    start: usize,
    end: usize,
    /// How far an unfinished head has been looked at.
    scan: Scan,
}

impl InputMarks {
    #[inline]
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    #[inline]
    fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.scan.restart();
    }
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

    /// Whether nothing of the head in front has been [scanned](Self::scan).
    pub(crate) fn nothing_seen(&self) -> bool {
        self.marks.scan.is_new()
    }

    /// Looks at what has arrived of the head in front; returns whether it is whole.
    pub(crate) fn scan(&mut self, limits: &Limits) -> Result<bool, Refusal> {
        self.marks.scan.advance(&mut self.bytes[self.marks.start..self.marks.end], limits)
    }

    /// Where the first read of a request goes.
    pub(crate) fn first_space(&mut self) -> &mut [u8] {
        self.space(self.head_size)
    }

    /// Space for a read of at most `most` bytes, never empty.
    fn space(&mut self, most: usize) -> &mut [u8] {
        if self.is_empty() {
            self.clear();
        } else if self.marks.start > 0 && self.bytes.len() - self.marks.end < most {
            // Moved as soon as it is short: a buffer that is filled to its end first is resident to its end.
            self.bytes.copy_within(self.marks.start..self.marks.end, 0);
            (self.marks.start, self.marks.end) = (0, self.marks.end - self.marks.start);
        }
        let end = self.bytes.len().min(self.marks.end + most);
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
        self.marks.scan.restart();
        assert!(self.marks.start <= self.marks.end);
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn keep(&mut self, len: usize) {
        self.marks.end = self.marks.start + len;
    }

    pub(crate) fn clear(&mut self) {
        self.marks.clear();
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
    /// Bytes copied, from the front of the memory, and how many of them are sent.
    copied: usize,
    sent: usize,
    /// What follows them, and how many bytes of it are not sent.
    tail: Body,
    tail_left: u64,
}

impl OutMarks {
    #[inline]
    fn has_no_copied(&self) -> bool {
        self.copied == self.sent
    }

    #[inline]
    fn clear(&mut self) {
        (self.copied, self.sent, self.tail_left) = (0, 0, 0);
        self.tail = Body::EMPTY;
    }
}

impl<'p> Out<'p> {
    pub(crate) fn is_empty(&self) -> bool {
        self.marks.copied == self.marks.sent && self.marks.tail_left == 0
    }

    /// Bytes still to be sent, copied or not.
    pub(crate) fn pending(&self) -> u64 {
        self.marks.tail_left.saturating_add((self.marks.copied - self.marks.sent) as u64)
    }

    /// Whether nothing of it has been sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.marks.sent == 0
    }

    /// Bytes that were copied into it, sent or not.
    pub(crate) fn copied(&self) -> usize {
        self.marks.copied
    }

    /// Whether some of the copied bytes are not sent.
    pub(crate) fn has_copied(&self) -> bool {
        self.marks.copied > self.marks.sent
    }

    pub(crate) fn has_tail(&self) -> bool {
        self.marks.tail_left > 0
    }

    pub(crate) fn clear(&mut self) {
        self.marks.clear();
    }

    // --- filling it ---

    /// Room for one more response, whatever a batch has taken in front of it.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        Out { bytes: self.bytes, marks: self.marks }.into_room()
    }

    /// The same, for as long as the pool's memory is lent.
    pub(crate) fn into_room(self) -> &'p mut [u8] {
        let most = self.bytes.len() - OUT_BATCH;
        &mut self.bytes[self.marks.copied..][..most]
    }

    /// Adds what was written into the [`room`](Self::room).
    pub(crate) fn commit(&mut self, len: usize) {
        self.marks.copied += len;
    }

    /// Adds a body behind it that is sent without being copied. Nothing can follow it.
    pub(crate) fn append(&mut self, tail: Body) {
        self.marks.tail_left = tail.len();
        self.marks.tail = tail;
    }

    // --- sending it ---

    /// The copied bytes that are not sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.bytes[self.marks.sent..self.marks.copied]
    }

    /// Names what is to be sent next: the copied bytes, and at most `limit` bytes of the tail.
    pub(crate) fn pieces<'o>(
        &'o self,
        limit: usize,
        pieces: &'o mut [IoSlice<'o>; MOST_PIECES],
    ) -> Pieces<'o> {
        let copied = self.unsent();
        pieces[0] = IoSlice::new(copied);
        let from = self.marks.tail.len() - self.marks.tail_left;
        let named = self.marks.tail.name(from, limit, &mut pieces[1..]);
        let of_tail = pieces[1..=named].iter().map(|piece| piece.len() as u64).sum::<u64>();
        let first = usize::from(copied.is_empty());
        Pieces { bytes: &pieces[first..1 + named], is_all: of_tail == self.marks.tail_left }
    }

    /// The kernel has taken `len` bytes.
    pub(crate) fn sent(&mut self, len: usize) {
        let of_copied = len.min(self.marks.copied - self.marks.sent);
        self.marks.sent += of_copied;
        self.marks.tail_left -= (len - of_copied) as u64;
    }
}

/// The most pieces of an [`Out`]: the copied bytes, and the parts of a tail.
pub(crate) const MOST_PIECES: usize = 1 + PIECES;

/// What one write can take of an [`Out`].
#[derive(Debug)]
pub(crate) struct Pieces<'o> {
    pub(crate) bytes: &'o [IoSlice<'o>],
    /// Whether nothing is left behind them.
    pub(crate) is_all: bool,
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::http::fields::Framing;

    #[test]
    fn input_moves_to_the_front_when_space_gets_short() {
        let (mut bytes, mut marks) = ([0; 100], InputMarks::default());
        let mut input = Input { bytes: &mut bytes, head_size: 100, marks: &mut marks };
        assert_eq!(input.space(100).len(), 100);
        input.space(90)[..90].copy_from_slice(&[7; 90]);
        input.filled(90);
        input.consume(85);
        assert_eq!(input.space(95).len(), 95);
        assert_eq!((input.pending(), input.marks.start), (&[7; 5][..], 0));
    }

    /// A body of this length behind a head, of which so much has arrived.
    fn collecting(record: &mut Record, framing: Framing, arrived: usize) {
        let mut limits = Limits::default();
        limits.body_bytes = 500;
        (record.input.start, record.input.end) = (0, arrived);
        record.in_flight.body = Some(BodyReader::new(10, framing, &limits).expect("it is short"));
    }

    #[test]
    fn a_body_lacks_a_buffer_of_its_own_when_that_of_its_head_is_full_or_its_client_waits_to_be_told() {
        let (mut head, mut body, mut out) = ([0; 100], [0; 600], [0; OUT_BATCH + 1]);
        for (framing, expects_continue, arrived, lacks) in [
            (Framing::Length(91), false, 10, false),
            (Framing::Length(91), false, 99, false),
            (Framing::Length(91), false, 100, true),
            (Framing::Length(90), true, 10, false),
            (Framing::Length(91), true, 10, true),
            (Framing::Chunked, true, 99, false),
            (Framing::Chunked, false, 100, true),
        ] {
            let mut record = Record::default();
            collecting(&mut record, framing, arrived);
            record.in_flight.expects_continue = expects_continue;
            assert_eq!(record.over(&mut head, 100, &mut out).lacks_body_buffer(), lacks, "{framing:?}");
            // So it is in the buffer of the body in front: that was lent for one body.
            assert_eq!(record.over(&mut body, 100, &mut out).lacks_body_buffer(), lacks, "{framing:?}");
            record.in_flight.is_apart = true;
            assert!(!record.over(&mut body, 100, &mut out).lacks_body_buffer());
        }
    }

    #[test]
    fn a_read_takes_no_more_than_the_buffer_is_for() {
        let (mut head, mut body, mut out) = ([0; 100], [0; 600], [0; OUT_BATCH + 1]);
        let mut record = Record::default();
        assert_eq!(record.over(&mut head, 100, &mut out).space().len(), 100);
        collecting(&mut record, Framing::Length(400), 10);
        assert_eq!(
            record.over(&mut body, 100, &mut out).space().len(),
            90,
            "no more than a head buffer holds"
        );
        record.in_flight.is_apart = true;
        assert_eq!(record.over(&mut body, 100, &mut out).space().len(), 400, "what the body lacks");
        collecting(&mut record, Framing::Chunked, 10);
        assert_eq!(record.over(&mut body, 100, &mut out).space().len(), 100, "so much can be left over");
    }

    #[test]
    fn there_is_room_for_a_response_behind_the_longest_batch() {
        let (mut bytes, mut marks) = ([0; OUT_BATCH + 100], OutMarks::default());
        let mut out = Out { bytes: &mut bytes, marks: &mut marks };
        assert_eq!(out.room().len(), 100);
        out.marks.copied = OUT_BATCH;
        assert_eq!(out.room().len(), 100);
    }
}
