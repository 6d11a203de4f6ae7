//! What is wrong with a head, at the first byte that proves it.
//!
//! A bad head gets the same response however it arrives: in one piece, byte by byte, or with a pause or a FIN after the
//! first half. So each error has one byte that proves it, and the first such byte decides. The server refuses the
//! request as soon as that byte has arrived.
//!
//! Parsing an unfinished head again for each byte that arrives would take time that grows with the square of its
//! length. Instead, a [`Scan`] remembers how far it has come. So it examines each byte twice at most: once as a byte,
//! and once as a part of its line.
//!
//! A sound head that arrives in one piece is never scanned, because httparse reads it at once. If httparse or
//! [`Head::parse`](super::head::Head::parse) finds no such head, the scan finds out why.

use super::bytes::{ByteSet, TOKEN};
use super::fields::Fields;
use super::refusal::Refusal;
use super::target::{LINE_TOO_LONG, check_target, longest_line};
use super::work::looked_at;
use crate::config::Limits;
use crate::status::ErrorStatus;

/// How far a head has been scanned.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Bytes of the head that are known to be sound.
    at: usize,
    /// Where the current line begins or, in the request line, its target.
    from: usize,
    part: Part,
    minor: u8,
    /// Header lines that have begun.
    lines: usize,
    fields: Fields,
}

/// The part that the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// The first line, or an empty line before it.
    #[default]
    Method,
    EmptyLf,
    Target,
    /// The version, of which this number of bytes has been scanned.
    Version(u8),
    LineLf,
    /// A header line, or the empty line that ends the head.
    Name,
    Value,
    FieldLf,
    EndLf,
    Whole,
}

const NO_CRLF: Refusal = Refusal::bad("a line does not end with CRLF");
const NO_REQUEST_LINE: Refusal = Refusal::bad("this is not an HTTP request line");

static TARGET_BYTES: ByteSet = ByteSet::visible().without(b"#");
static VALUE_BYTES: ByteSet = ByteSet::field_value();

impl Scan {
    /// Returns whether no byte has been scanned.
    pub(crate) fn is_new(&self) -> bool {
        self.at == 0
    }

    /// Forgets the head, because another one begins. (The other fields are reset if that one is ever scanned.)
    #[inline]
    pub(crate) fn restart(&mut self) {
        self.at = 0;
    }

    /// Scans what has arrived of a head since the last call. Returns whether the head is whole and sound.
    ///
    /// It rewrites a version from HTTP/1.2 on to HTTP/1.1, because the server serves it like that (RFC 9110 §2.5 and
    /// §6.2), and httparse knows no such version.
    #[cold]
    pub(crate) fn advance(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<bool, Refusal> {
        if self.is_new() {
            *self = Scan::default();
        }
        // Bytes beyond the limit are never examined, so they cannot change the verdict.
        let end = bytes.len().min(limits.head_bytes);
        let bytes = &mut bytes[..end];
        while self.part != Part::Whole && self.at < bytes.len() {
            self.step(bytes, limits)?;
        }
        let is_whole = self.part == Part::Whole;
        if !is_whole && bytes.len() == limits.head_bytes {
            return Err(Refusal { status: ErrorStatus::HeadTooLarge, why: "the headers are too long" });
        }
        Ok(is_whole)
    }

    /// Takes a run of bytes of one part, and the byte that ends the part.
    fn step(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<(), Refusal> {
        let new = &bytes[self.at..];
        let run = match self.part {
            Part::Method | Part::Name => TOKEN.run(new),
            Part::Target => TARGET_BYTES.run(new),
            Part::Value => VALUE_BYTES.run(new),
            _ => 0,
        };
        if run > 0 && self.part == Part::Name && self.at == self.from {
            self.lines += 1;
            if self.lines > limits.headers {
                return Err(Refusal { status: ErrorStatus::HeadTooLarge, why: "there are too many headers" });
            }
        }
        self.at += run;
        self.check_length(limits)?;
        looked_at(run);
        let Some(&byte) = new.get(run) else { return Ok(()) };
        looked_at(1);
        let part = self.follow(byte)?;
        self.at += 1;
        match part {
            Part::Target => self.from = self.at,
            Part::Name if self.part == Part::LineLf => self.end_request_line(bytes, limits)?,
            Part::Name => self.end_field(bytes)?,
            Part::Whole => _ = self.fields.framing(self.minor)?,
            _ => {}
        }
        self.part = part;
        self.check_length(limits)
    }

    /// Returns the part after a byte that ends one.
    fn follow(&self, byte: u8) -> Result<Part, Refusal> {
        let is_empty = self.at == self.from;
        match (self.part, byte) {
            (Part::Method, b'\r') if is_empty => Ok(Part::EmptyLf),
            (Part::Method, b' ') if !is_empty => Ok(Part::Target),
            (Part::Target, b' ') if !is_empty => Ok(Part::Version(0)),
            (Part::Version(at), byte) => follow_version(at, byte),
            (Part::LineLf | Part::FieldLf, b'\n') => Ok(Part::Name),
            (Part::Name, b':') if !is_empty => Ok(Part::Value),
            (Part::Name, b'\r') if is_empty => Ok(Part::EndLf),
            (Part::Value, b'\r') => Ok(Part::FieldLf),
            (Part::EndLf, b'\n') => Ok(Part::Whole),
            (Part::EmptyLf | Part::LineLf | Part::FieldLf | Part::EndLf, _) => Err(NO_CRLF),
            (Part::Value, b'\n') => Err(NO_CRLF),
            (Part::Method | Part::Name, b'\n') if is_empty => Err(NO_CRLF),
            (Part::Target, b'#' | 0x80..) => {
                Err(Refusal::bad("the target holds a fragment, or bytes outside ASCII"))
            }
            (Part::Name, b' ' | b'\t') if is_empty => Err(Refusal::bad("a header is folded")),
            (Part::Name, _) => Err(Refusal::bad("a header's name is malformed")),
            (Part::Value, _) => Err(Refusal::bad("a header's value holds a control byte")),
            _ => Err(NO_REQUEST_LINE),
        }
    }

    fn check_length(&self, limits: &Limits) -> Result<(), Refusal> {
        let is_too_long = match self.part {
            Part::Target => self.at - self.from > limits.target_bytes || self.at > longest_line(limits),
            Part::Method | Part::Version(_) | Part::LineLf => self.at > longest_line(limits),
            _ => false,
        };
        if is_too_long { Err(LINE_TOO_LONG) } else { Ok(()) }
    }

    /// Checks the request line. The version comes first, because the rest may mean something else in another version.
    fn end_request_line(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<(), Refusal> {
        let (line, _) = bytes.split_at_mut(self.at - b"\r\n".len());
        looked_at(line.len());
        self.from = self.at;
        self.minor = match line {
            [.., b'1', b'.', b'0'] => 0,
            [.., b'1', b'.', minor] => {
                *minor = b'1';
                1
            }
            _ => {
                return Err(Refusal {
                    status: ErrorStatus::VersionNotSupported,
                    why: "the version is not HTTP/1",
                });
            }
        };
        let mut words = line.split(|&byte| byte == b' ');
        let mut word = || words.next().and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
        let (method, target) = (word(), word());
        check_target(method, target, limits)
    }

    fn end_field(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let line = &bytes[self.from..self.at - b"\r\n".len()];
        looked_at(line.len());
        self.from = self.at;
        let mut parts = line.splitn(2, |&byte| byte == b':').map(<[u8]>::trim_ascii);
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        self.fields.read(std::str::from_utf8(name).unwrap_or_default(), value, self.minor)
    }
}

/// Takes one more byte of `HTTP/digit.digit`, or the CR after it.
fn follow_version(at: u8, byte: u8) -> Result<Part, Refusal> {
    let is_sound = match at {
        5 | 7 => byte.is_ascii_digit(),
        8 => byte == b'\r',
        _ => byte == b"HTTP/ . "[usize::from(at)],
    };
    match is_sound {
        true if at == 8 => Ok(Part::LineLf),
        true => Ok(Part::Version(at + 1)),
        false => Err(NO_REQUEST_LINE),
    }
}

#[cfg(test)]
mod tests;
