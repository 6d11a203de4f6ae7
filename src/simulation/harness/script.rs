//! Streamed responses of the simulated handler. The path of a request says what its stream does.
//!
//! `/stream/chunked/100a,0l,5e` is a body of unknown length: 100 bytes and `Again`, nothing and `Later`, 5 bytes and
//! `End`. `/stream/300/…` announces 300 bytes. The other letters are `x` for `Abort`, `p` for a panic, `o` for a piece
//! that is longer than its room, `c`, `C`, `r` and `d` for `Cut` in the four close modes, `t` for `End` with a trailer, and `f` for `Again` with a chunk that ends in the middle.

use std::collections::VecDeque;
use std::panic::resume_unwind;

use super::pages::LARGE;
use super::panic::HandlerPanic;
use crate::config::CloseMode;
use crate::handler::{BodyWriter, More};

/// What a stream is going to do.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// The length that it announces.
    pub(crate) len: Option<u64>,
    steps: VecDeque<(usize, char)>,
    /// The number of bytes written.
    at: usize,
    /// Bytes that go before the first piece.
    head: &'static [u8],
}

/// Returns this number of bytes of a stream's body.
pub(crate) fn body(len: usize) -> Vec<u8> {
    let mut body = LARGE.repeat(len / LARGE.len() + 1);
    body.truncate(len);
    body
}

/// Returns whether these are the first bytes of a stream's body.
pub(crate) fn is_begun(bytes: &[u8]) -> bool {
    bytes.chunks(LARGE.len()).all(|chunk| LARGE.starts_with(chunk))
}

impl Script {
    /// Reads the path of a request. Returns `None` if it is not for a stream.
    pub(crate) fn of(path: &str) -> Option<Script> {
        let (len, steps) = path.strip_prefix("/stream/")?.split_once('/')?;
        let step = |step: &str| {
            let (size, verb) = step.split_at(step.len() - 1);
            (size.parse().expect("a step has a size"), verb.chars().next().expect("a step has a verb"))
        };
        let steps = steps.split(',').map(step).collect();
        Some(Script { len: len.parse().ok(), steps, at: 0, head: b"" })
    }

    /// Returns the same with bytes before it.
    pub(super) fn with_head(self, head: &'static [u8]) -> Script {
        Script { head, ..self }
    }

    /// Returns the length of the whole body if the stream ends as it should, and whether it does.
    pub(crate) fn whole(&self) -> (usize, bool) {
        let sum = self.steps.iter().map(|step| step.0).sum();
        let is_sound = self.steps.iter().all(|step| "aleft".contains(step.1));
        (sum, is_sound && self.len.is_none_or(|len| len == sum as u64))
    }

    /// Writes the next piece.
    pub(crate) fn more(&mut self, piece: &mut BodyWriter<'_>) -> More {
        let (size, verb) = self.steps.front().copied().expect("it has not ended");
        piece.write_all(std::mem::take(&mut self.head)).expect("it fits");
        let len = size.min(piece.room_left());
        if verb == 'o' {
            let _ = piece.write_all(&vec![b'o'; piece.room_left() + 1]);
        } else if verb == 'f' {
            self.write(len / 2, piece);
            piece.end_chunk();
            let rest = piece.room_left().min(len - len / 2);
            self.write(rest, piece);
            return self.wrote(len / 2 + rest, size, More::Again);
        } else {
            self.write(len, piece);
        }
        match verb {
            'l' => self.wrote(len, size, More::Later),
            't' if len == size => {
                piece.trailer("X-Sum", "5").expect("it fits");
                self.wrote(len, size, More::End)
            }
            'e' => self.wrote(len, size, More::End),
            'c' => self.wrote(len, size, More::Cut(CloseMode::Fin)),
            'C' => self.wrote(len, size, More::Cut(CloseMode::Peer)),
            'r' => self.wrote(len, size, More::Cut(CloseMode::Rst)),
            'd' => self.wrote(len, size, More::Cut(CloseMode::Drop)),
            'x' => More::Abort,
            'p' => resume_unwind(Box::new(HandlerPanic)),
            _ => self.wrote(len, size, More::Again),
        }
    }

    fn write(&mut self, mut len: usize, piece: &mut BodyWriter<'_>) {
        while len > 0 {
            let part = &LARGE[self.at % LARGE.len()..];
            let part = &part[..part.len().min(len)];
            piece.write_all(part).expect("it fits");
            (self.at, len) = (self.at + part.len(), len - part.len());
        }
    }

    /// Goes on to the next step if this one is whole.
    fn wrote(&mut self, len: usize, size: usize, then: More) -> More {
        self.steps[0].0 -= len;
        if len < size {
            return More::Again;
        }
        self.steps.pop_front();
        then
    }
}
