//! A request's body: where it ends (RFC 9112 §6).
//!
//! The server gathers the body in the buffer that holds its head, so a handler gets both as slices.

mod chunked;

use super::fields::Framing;
use super::refusal::Refusal;
use crate::config::Limits;

use chunked::Chunks;

/// A request whose head has been accepted and whose body is arriving.
#[derive(Debug)]
pub(crate) struct BodyReader {
    /// Bytes of the head, before the body.
    head_len: usize,
    /// Decoded bytes of the body that are kept after the head.
    decoded: usize,
    /// Decoded bytes of the body, kept or not, and how many there may be.
    received: u64,
    most: u64,
    rest: Rest,
}

/// What is still to come.
#[derive(Debug)]
enum Rest {
    /// This number of bytes.
    Length(u64),
    Chunks(Chunks),
}

/// The progress of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collected {
    /// All bytes that have arrived are used. `kept` bytes remain: the head, and the decoded part of the body.
    Part { kept: usize, framing: usize },
    /// The body ends at `body_end`. The next request begins at `consumed`.
    Whole { body_end: usize, consumed: usize, framing: usize },
}

impl Collected {
    /// Returns how many bytes of framing were read. No other limit counts them, because they leave nothing behind.
    pub(crate) fn framing(self) -> usize {
        let (Collected::Part { framing, .. } | Collected::Whole { framing, .. }) = self;
        framing
    }
}

impl BodyReader {
    /// Creates a reader for a body of at most `most` bytes after a head. Returns an error if the body is known to be
    /// too large.
    pub(crate) fn new(head_len: usize, framing: Framing, most: u64) -> Result<Self, Refusal> {
        let rest = match framing {
            Framing::Length(length) if length > most => return Err(Refusal::BODY_TOO_LARGE),
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunks(Chunks::new()),
        };
        Ok(BodyReader { head_len, decoded: 0, received: 0, most, rest })
    }

    /// Limits the body to `most` bytes, before any of it was taken. If it is known to be longer, the next
    /// [`advance`](Self::advance) is an error.
    pub(crate) fn limit(&mut self, most: u64) {
        self.most = most;
    }

    pub(crate) fn head_len(&self) -> usize {
        self.head_len
    }

    /// Returns how many bytes are still to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.rest {
            Rest::Length(left) => Some(left),
            Rest::Chunks(_) => None,
        }
    }

    /// Returns how many of the next bytes surely are data of the body. Of a chunked body, only the current chunk is
    /// known.
    pub(crate) fn surely_left(&self) -> u64 {
        match &self.rest {
            Rest::Length(left) => *left,
            Rest::Chunks(chunks) => chunks.data_left(),
        }
    }

    /// Notes that the next `len` bytes were thrown away. They were [surely](Self::surely_left) data of the body.
    pub(crate) fn skip(&mut self, len: usize) {
        match &mut self.rest {
            Rest::Length(left) => *left -= len as u64,
            Rest::Chunks(chunks) => chunks.skip(len),
        }
        self.received += len as u64;
    }

    /// Returns the length of the body so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Notes that the first `len` bytes of the kept body are gone.
    pub(crate) fn taken(&mut self, len: usize) {
        self.decoded -= len;
    }

    /// Takes what has arrived. `bytes` has the head, then the decoded body of earlier calls, then the new bytes.
    pub(crate) fn advance(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Collected, Refusal> {
        let start = self.head_len + self.decoded;
        let (taken, data, is_done) = match &mut self.rest {
            Rest::Length(left) if *left > self.most => return Err(Refusal::BODY_TOO_LARGE),
            Rest::Length(left) => {
                let taken = (*left).min((bytes.len() - start) as u64);
                *left -= taken;
                (taken as usize, taken as usize, *left == 0)
            }
            Rest::Chunks(chunks) => {
                let most = usize::try_from(self.most - self.received).unwrap_or(usize::MAX);
                let (taken, data) = chunks.decode(&mut bytes[start..], most, limits.head_bytes)?;
                (taken, data, chunks.is_done())
            }
        };
        self.decoded += data;
        self.received += data as u64;
        let (body_end, framing) = (start + data, taken - data);
        if is_done {
            return Ok(Collected::Whole { body_end, consumed: start + taken, framing });
        }
        Ok(Collected::Part { kept: body_end, framing })
    }
}

#[cfg(test)]
mod any_body;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod tests;
