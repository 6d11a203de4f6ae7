//! The bytes that are left to write.

use std::io::IoSlice;

use crate::body::{Body, PIECES};
use crate::config::OUT_BATCH;

/// What is left to write: copied bytes, then a body that is not copied.
#[derive(Debug)]
pub(crate) struct Out<'p> {
    pub(super) bytes: &'p mut [u8],
    pub(super) marks: &'p mut OutMarks,
}

#[derive(Debug, Default)]
pub(super) struct OutMarks {
    /// Bytes copied, from the front of the memory, and how many of them are sent.
    pub(super) copied: usize,
    pub(super) sent: usize,
    /// The body that follows them, and how many bytes of it are not sent.
    pub(super) tail: Body,
    pub(super) tail_left: u64,
}

impl OutMarks {
    #[inline]
    pub(super) fn has_no_copied(&self) -> bool {
        self.copied == self.sent
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        (self.copied, self.sent, self.tail_left) = (0, 0, 0);
        if !matches!(self.tail, Body::Static(_)) {
            self.drop_tail();
        }
    }

    #[cold]
    fn drop_tail(&mut self) {
        self.tail = Body::EMPTY;
    }
}

impl<'p> Out<'p> {
    /// Returns the same, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        Out { bytes: self.bytes, marks: self.marks }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.marks.copied == self.marks.sent && self.marks.tail_left == 0
    }

    /// Returns how many bytes are still to be sent, copied or not.
    pub(crate) fn pending(&self) -> u64 {
        self.marks.tail_left.saturating_add((self.marks.copied - self.marks.sent) as u64)
    }

    /// Returns whether no copied byte has been sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.marks.sent == 0
    }

    /// Returns how many bytes were copied into it, sent or not.
    pub(crate) fn copied(&self) -> usize {
        self.marks.copied
    }

    /// Returns whether some of the copied bytes are not sent.
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

    /// Returns the space for one more response. It has the same size after any batch.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.reborrow().into_room()
    }

    /// Returns the same as [`room`](Self::room), for as long as the pool's memory is lent.
    pub(crate) fn into_room(self) -> &'p mut [u8] {
        let most = self.bytes.len() - OUT_BATCH;
        &mut self.bytes[self.marks.copied..][..most]
    }

    /// Returns how many bytes of the memory are free.
    pub(super) fn spare(&self) -> usize {
        self.bytes.len() - self.marks.copied
    }

    /// Returns free memory for bytes that are not to be sent. The next response overwrites them.
    pub(super) fn scratch(&mut self, len: usize) -> &mut [u8] {
        &mut self.bytes[self.marks.copied..][..len]
    }

    /// Adds the bytes that were written into the [`room`](Self::room).
    pub(crate) fn commit(&mut self, len: usize) {
        self.marks.copied += len;
    }

    /// Takes the last `len` bytes back. Returns `false` if some of them are sent.
    pub(crate) fn take_back(&mut self, len: usize) -> bool {
        let can = len <= self.marks.copied - self.marks.sent;
        self.marks.copied -= if can { len } else { 0 };
        can
    }

    /// Copies bytes behind those that were written into the [`room`](Self::room), where a few always fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.marks.copied..][..bytes.len()].copy_from_slice(bytes);
        self.marks.copied += bytes.len();
    }

    /// Adds a body that is sent without being copied. Nothing can follow it.
    pub(crate) fn append(&mut self, tail: Body) {
        self.marks.tail_left = tail.len();
        self.marks.tail = tail;
    }

    // --- sending it ---

    /// Returns the copied bytes that are not sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.bytes[self.marks.sent..self.marks.copied]
    }

    /// Returns the pieces to send next: the copied bytes, and at most `limit` bytes of the tail.
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

    /// Notes that the kernel has taken `len` bytes.
    pub(crate) fn sent(&mut self, len: usize) {
        let of_copied = len.min(self.marks.copied - self.marks.sent);
        self.marks.sent += of_copied;
        self.marks.tail_left -= (len - of_copied) as u64;
    }
}

/// The most pieces of an [`Out`]: the copied bytes, and the parts of a tail.
pub(crate) const MOST_PIECES: usize = 1 + PIECES;

/// The pieces of an [`Out`] that one write can take.
#[derive(Debug)]
pub(crate) struct Pieces<'o> {
    pub(crate) bytes: &'o [IoSlice<'o>],
    /// Whether nothing is left after them.
    pub(crate) is_all: bool,
}
