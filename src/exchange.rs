//! Everything about a request in flight: the bytes that arrived, how far its body has come, and the
//! response that is left to write.

use std::io::{self, IoSlice};

use crate::body::{Body, PIECES};
use crate::config::OUT_BATCH;
use crate::deferred::Awaited;
use crate::http::body::BodyReader;
use crate::net::{Stream, Then};

/// One read takes at most this much.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// A request in flight: its bytes, how far it has come, and the response that is left to write.
///
/// A view of the pool's memory and of what it remembers.
#[derive(Debug)]
pub(crate) struct Exchange<'p> {
    pub(crate) input: Input<'p>,
    pub(crate) course: &'p mut Course,
    pub(crate) out: Out<'p>,
}

/// How far a request has come.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// The request whose head has been accepted and whose body is not whole.
    pub(crate) body: Option<BodyReader>,
    /// What follows when everything written has left.
    pub(crate) after: After,
    /// Bytes of body or response moved since its deadline was last extended.
    pub(crate) progress: usize,
}

impl Course {
    #[inline]
    fn clear(&mut self) {
        (self.body, self.after, self.progress) = (None, After::Keep, 0);
    }
}

impl Exchange<'_> {
    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty()
            && self.course.body.is_none()
            && self.out.is_empty()
            && self.course.after.awaited().is_none()
    }

    pub(crate) fn clear(&mut self) {
        *self.input.marks = InputMarks::default();
        self.course.clear();
        self.out.clear();
    }
}

/// What is remembered of an exchange beside its bytes.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    input: InputMarks,
    pub(crate) course: Course,
    out: OutMarks,
}

impl InFlight {
    /// Nothing is in flight, whatever was.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.input = InputMarks::default();
        self.course.clear();
        self.out.clear();
    }

    /// The exchange over its two pieces of memory.
    pub(crate) fn over<'p>(&'p mut self, input: &'p mut [u8], out: &'p mut [u8]) -> Exchange<'p> {
        Exchange {
            input: Input { bytes: input, marks: &mut self.input },
            course: &mut self.course,
            out: Out { bytes: out, marks: &mut self.out },
        }
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
    /// The next answer, which the host gives later.
    Defer(Awaited),
}

impl After {
    pub(crate) fn awaited(&self) -> Option<Awaited> {
        match self {
            After::Defer(awaited) => Some(*awaited),
            _ => None,
        }
    }
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
            let end = self.bytes.len().min(READ_BYTES);
            return &mut self.bytes[..end];
        }
        if self.marks.start > 0 && self.bytes.len() - self.marks.end < READ_BYTES {
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
    /// Bytes copied, from the front of the memory, and how many of them are sent.
    copied: usize,
    sent: usize,
    /// What follows them, and how many bytes of it are not sent.
    tail: Body,
    tail_left: u64,
}

impl OutMarks {
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

    /// One write of as much as there is, at most `limit` bytes of a tail; `then` follows what is last.
    pub(crate) fn write_to<S: Stream>(
        &mut self,
        stream: &mut S,
        limit: usize,
        then: Then,
    ) -> io::Result<usize> {
        let copied = &self.bytes[self.marks.sent..self.marks.copied];
        if self.marks.tail_left == 0 {
            let written = stream.write(copied, then)?;
            self.marks.sent += written;
            return Ok(written);
        }
        let mut pieces = [IoSlice::new(b""); 1 + PIECES];
        pieces[0] = IoSlice::new(copied);
        let from = self.marks.tail.len() - self.marks.tail_left;
        let named = self.marks.tail.name(from, limit, &mut pieces[1..]);
        let is_last =
            pieces[1..=named].iter().map(|piece| piece.len() as u64).sum::<u64>() == self.marks.tail_left;
        let then = if is_last { then } else { Then::Wait };
        let written = match (copied.is_empty(), named) {
            (true, 1) => stream.write(&pieces[1], then)?,
            (is_sent, _) => stream.write_vectored(&pieces[usize::from(is_sent)..1 + named], then)?,
        };
        let of_copied = written.min(copied.len());
        self.marks.sent += of_copied;
        self.marks.tail_left -= (written - of_copied) as u64;
        Ok(written)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;

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
    fn there_is_room_for_a_response_behind_the_longest_batch() {
        let (mut bytes, mut marks) = ([0; OUT_BATCH + 100], OutMarks::default());
        let mut out = Out { bytes: &mut bytes, marks: &mut marks };
        assert_eq!(out.room().len(), 100);
        out.marks.copied = OUT_BATCH;
        assert_eq!(out.room().len(), 100);
    }
}
