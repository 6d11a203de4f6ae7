//! The bytes that have arrived, in a buffer that the exchange has borrowed.

use crate::config::Limits;
use crate::http::refusal::Refusal;
use crate::http::scan::Scan;

/// Bytes that have arrived and are not answered yet.
#[derive(Debug)]
pub(crate) struct Input<'p> {
    pub(super) bytes: &'p mut [u8],
    /// The size of a head buffer. This buffer may be a body buffer.
    pub(super) head_size: usize,
    pub(super) marks: &'p mut InputMarks,
}

/// Where the bytes of an [`Input`] are: `start ≤ end ≤ bytes.len()`.
#[derive(Debug, Default)]
pub(super) struct InputMarks {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How far an unfinished head has been scanned.
    pub(super) scan: Scan,
}

impl InputMarks {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.scan.restart();
    }

    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        self.start += len;
        self.scan.restart();
        assert!(self.start <= self.end);
    }
}

impl<'p> Input<'p> {
    /// Returns the same as [`pending`](Self::pending), for as long as the pool's memory is lent.
    pub(super) fn into_pending(self) -> &'p [u8] {
        &self.bytes[self.marks.start..self.marks.end]
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

    /// Returns whether no byte of the first head has been [scanned](Self::scan).
    pub(crate) fn nothing_seen(&self) -> bool {
        self.marks.scan.is_new()
    }

    /// Scans what has arrived of the first head. Returns whether the head is whole.
    pub(crate) fn scan(&mut self, limits: &Limits) -> Result<bool, Refusal> {
        self.marks.scan.advance(&mut self.bytes[self.marks.start..self.marks.end], limits)
    }

    /// Returns the space for the first read of a request.
    pub(crate) fn first_space(&mut self) -> &mut [u8] {
        self.space(self.head_size)
    }

    /// Returns space for a read of at most `most` bytes, never empty.
    pub(super) fn space(&mut self, most: usize) -> &mut [u8] {
        if self.is_empty() {
            self.clear();
        } else if self.marks.start > 0 && self.bytes.len() - self.marks.end < most {
            // The bytes move as soon as space is short. A buffer that is first filled to its end becomes resident to
            // its end.
            self.bytes.copy_within(self.marks.start..self.marks.end, 0);
            (self.marks.start, self.marks.end) = (0, self.marks.end - self.marks.start);
        }
        let end = self.bytes.len().min(self.marks.end + most);
        assert!(self.marks.end < end, "limits leave room for one byte more than the longest request");
        &mut self.bytes[self.marks.end..end]
    }

    /// Notes that a read has put `len` bytes into the space.
    pub(crate) fn filled(&mut self, len: usize) {
        self.marks.end += len;
        assert!(self.marks.end <= self.bytes.len());
    }

    /// Drops `len` bytes from the front.
    pub(crate) fn consume(&mut self, len: usize) {
        self.marks.consume(len);
    }

    /// Drops the bytes between two positions. The bytes after them move down.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        let (start, end) = (self.marks.start, self.marks.end);
        self.bytes.copy_within(start + to..end, start + from);
        self.marks.end = end - (to - from);
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn keep(&mut self, len: usize) {
        self.marks.end = self.marks.start + len;
    }

    pub(crate) fn clear(&mut self) {
        self.marks.clear();
    }
}
