//! The bytes that have arrived, in a buffer that the exchange has borrowed.

use crate::config::Limits;
use crate::http::refusal::Refusal;
use crate::http::scan::Scan;

/// Bytes that arrived and are not yet answered.
#[derive(Debug)]
pub(crate) struct Input<'p> {
    pub(super) bytes: &'p mut [u8],
    /// Bytes of a head buffer. This one may be a body buffer.
    pub(super) head_size: usize,
    pub(super) marks: &'p mut InputMarks,
}

/// Where what is in [`Input`]: `start ≤ end ≤ bytes.len()`.
#[derive(Debug, Default)]
pub(super) struct InputMarks {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How far an unfinished head has been looked at.
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
    pub(super) fn space(&mut self, most: usize) -> &mut [u8] {
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
