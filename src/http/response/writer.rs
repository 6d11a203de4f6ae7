//! Writing a response: the parts of its head, in their order.

use super::draft::{Announced, Draft, Rest};
use super::reason::reason;
use super::stream::StreamFraming;
use crate::http::bytes::ByteSet;
use crate::http::date::DateLine;

/// The place where one response is written.
#[derive(Debug)]
pub(crate) struct Writer<'r> {
    pub(super) room: &'r mut [u8],
    pub(super) len: usize,
    /// Whether the room was too small.
    pub(super) overflow: bool,
}

pub(super) static VALUE_BYTES: ByteSet = ByteSet::field_value();

/// A gap in a head for the length of a body that is not written yet.
///
/// It is as wide as the last length, because a host often writes pages of similar sizes. If the new length has another
/// number of digits, the body moves by the difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LengthGap {
    start: usize,
    width: usize,
}

/// Why a 101 cannot be sent as a usual response.
pub(super) const NOT_TAKEN: &str = "a 101 needs take_over()";

/// The widest gap that is needed: `limits.out_bytes` is at most 1 GiB.
pub(super) const MAX_LENGTH_DIGITS: usize = 10;

impl<'r> Writer<'r> {
    pub(crate) fn new(room: &'r mut [u8]) -> Self {
        Writer { room, len: 0, overflow: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn room_left(&self) -> usize {
        self.room.len() - self.len
    }

    pub(crate) fn overflowed(&self) -> bool {
        self.overflow
    }

    /// Appends all bytes or, if there is no room for them, none.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        match self.room.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.overflow = true,
        }
    }

    /// Notes that something does not fit.
    pub(crate) fn overflow(&mut self) {
        self.overflow = true;
    }

    fn push_decimal(&mut self, number: u64) {
        let mut digits = [0; 20];
        self.push(decimal(&mut digits, number));
    }

    // --- the parts of a response, in their order; each part begins with the end of the line before it ---

    /// Writes the status line and the date.
    #[inline]
    pub(crate) fn begin(&mut self, draft: &mut Draft, date: &DateLine, status: u16) {
        if status == 200 {
            draft.status = 200;
            self.push(date.behind_ok());
        } else {
            draft.set_status(status);
            self.push_status(draft, status);
            self.push(date.header());
        }
    }

    fn push_status(&mut self, draft: &mut Draft, status: u16) {
        if status == 101 {
            // A fault of an interim response before it stays, because this one may be forgiven.
            draft.fault = draft.fault.or(Some(NOT_TAKEN));
        } else if !(200..=599).contains(&status) {
            draft.fault = Some("the status is not between 200 and 599");
        }
        self.push_status_line(status);
    }

    pub(super) fn push_status_line(&mut self, status: u16) {
        self.push(b"HTTP/1.1 ");
        self.push_decimal(u64::from(status));
        self.push(b" ");
        self.push(reason(status).as_bytes());
    }

    #[inline]
    pub(crate) fn content_type(&mut self, draft: &mut Draft, value: &str) {
        self.push(b"\r\nContent-Type: ");
        self.value(draft, value.as_bytes());
    }

    /// Writes a header's value. A line break in it would make two headers of it, or two responses.
    #[inline]
    pub(super) fn value(&mut self, draft: &mut Draft, value: &[u8]) {
        if !VALUE_BYTES.contains_all(value) {
            draft.fault = Some("a header's value holds a control byte");
        }
        self.push(value);
    }

    /// Writes the headers that end a head, for a body of `length` bytes.
    // Inlined, because a call costs as much as the work.
    #[inline(always)]
    pub(crate) fn end_head(&mut self, draft: &Draft, length: u64) {
        if draft.announces() {
            self.push(b"\r\nContent-Length: ");
            self.push_decimal(draft.announced(length));
        }
        self.end_fields(draft);
    }

    /// Writes the headers that end a head, for a body whose length is not known yet. Returns the gap for the length, if
    /// the response has one.
    pub(crate) fn end_head_unsized(&mut self, draft: &Draft) -> Option<LengthGap> {
        let mut gap = None;
        if draft.announces() {
            self.push(b"\r\nContent-Length: ");
            gap = Some(LengthGap { start: self.len, width: draft.digits });
            self.push(&[b'0'; MAX_LENGTH_DIGITS][..draft.digits]);
        }
        self.end_fields(draft);
        gap
    }

    /// Fills in the length of a body that has been written.
    pub(crate) fn fill_length(&mut self, draft: &mut Draft, gap: LengthGap, length: u64) {
        let mut digits = [0; 20];
        let digits = decimal(&mut digits, draft.announced(length));
        let (old_end, new_end) = (gap.start + gap.width, gap.start + digits.len());
        let new_len = (self.len + digits.len()).saturating_sub(gap.width);
        // The check does not depend on the width of the gap, which comes from the response before.
        self.overflow |= new_len + MAX_LENGTH_DIGITS - digits.len() > self.room.len();
        if self.overflow {
            return;
        }
        if new_end != old_end {
            self.room.copy_within(old_end..self.len, new_end);
            (self.len, draft.digits) = (new_len, digits.len());
        }
        self.room[gap.start..new_end].copy_from_slice(digits);
    }

    /// Writes the headers that end a head, for a body that comes piece by piece. A client of HTTP/1.0 knows no chunks,
    /// so the close ends its body if the length is not known.
    pub(crate) fn end_head_streamed(&mut self, draft: &mut Draft, length: Option<u64>) {
        let announced = draft.special().announced;
        let framing = match length {
            // The host has said what to announce, true or not.
            _ if announced != Announced::True => StreamFraming::UntilClose,
            Some(length) => StreamFraming::Length(length),
            None if draft.terms.http10 => StreamFraming::UntilClose,
            None => StreamFraming::FIRST_CHUNK,
        };
        draft.make_special().rest = Rest::Pieces(framing);
        match framing {
            // It announces an empty body, whatever the framing would be.
            _ if draft.status == 205 => return self.end_head(draft, 0),
            StreamFraming::Length(length) => return self.end_head(draft, length),
            StreamFraming::UntilClose if announced != Announced::True => return self.end_head(draft, 0),
            StreamFraming::UntilClose => draft.terms.close |= draft.has_body(),
            StreamFraming::Chunked { .. } if draft.is_bodiless() => {}
            StreamFraming::Chunked { .. } => self.push(b"\r\nTransfer-Encoding: chunked"),
        }
        self.end_fields(draft);
    }

    /// Takes back the bytes after a position.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    #[inline]
    fn end_fields(&mut self, draft: &Draft) {
        match (draft.terms.close, draft.terms.http10) {
            (true, _) => self.push(b"\r\nConnection: close"),
            // HTTP/1.0 closes unless both sides agree to keep the connection.
            (false, true) => self.push(b"\r\nConnection: keep-alive"),
            (false, false) => {}
        }
        self.push(b"\r\n\r\n");
    }

    /// Ends a response: notes its length, and whether it is whole.
    #[inline]
    pub(crate) fn finish(&self, draft: &mut Draft) {
        draft.len = self.len;
        if self.overflow {
            draft.fault = Some("it is longer than limits.out_bytes");
        }
    }
}

pub(super) fn decimal(digits: &mut [u8; 20], mut number: u64) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}
