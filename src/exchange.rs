//! Everything about a request in flight, and the fixed pool that lends it.
//!
//! An idle connection owns no buffer. For the length of a visit it works in a *spare* exchange;
//! only if something is still incomplete at the end (half a head, a response that the kernel did
//! not take) does it keep that exchange, and the next visit gets another spare. So a request that
//! arrives whole, with a response that leaves whole, passes through without a copy and leaves
//! nothing behind, and the spare is always the one that is warm in the cache.

use std::io::{self, IoSlice};

use crate::config::{Config, OUT_SLACK};
use crate::http::body::BodyReader;
use crate::net::Stream;

/// One read takes at most this much.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// A request in flight: its bytes, its body's framing, and the response that is left to write.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) input: Input,
    /// The request whose head has been accepted and whose body is not whole.
    pub(crate) body: Option<BodyReader>,
    pub(crate) out: Out,
    /// What follows when `out` has left.
    pub(crate) after: After,
    /// Bytes of body or response moved since its deadline was last extended.
    pub(crate) progress: usize,
}

/// What follows a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request.
    Keep,
    /// The close; a client that asked for it may send nothing more.
    Close { client_asked: bool },
    /// The close, at once and without a byte.
    Drop,
}

impl Exchange {
    fn new(config: &Config) -> Self {
        Exchange {
            input: Input::new(config.limits.input_bytes()),
            body: None,
            out: Out::new(config.limits.output_bytes(), config.limits.out_bytes),
            after: After::Keep,
            progress: 0,
        }
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.body.is_none() && self.out.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.input.clear();
        self.body = None;
        self.out.clear();
        self.after = After::Keep;
        self.progress = 0;
    }
}

/// Bytes that arrived and are not yet answered: `start ≤ seen ≤ end ≤ bytes.len()`.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Box<[u8]>,
    start: usize,
    /// Up to here an incomplete head has been looked at.
    seen: usize,
    end: usize,
}

impl Input {
    fn new(len: usize) -> Self {
        // From zeroed memory: the system provides each page when it is first written.
        Input { bytes: vec![0; len].into_boxed_slice(), start: 0, seen: 0, end: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn pending_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// What has not been looked at.
    pub(crate) fn unseen(&self) -> &[u8] {
        &self.bytes[self.seen..self.end]
    }

    pub(crate) fn nothing_seen(&self) -> bool {
        self.seen == self.start
    }

    pub(crate) fn see_all(&mut self) {
        self.seen = self.end;
    }

    /// Room for the next read, never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.is_empty() {
            self.clear();
        } else if self.start > 0 && self.bytes.len() - self.end < READ_BYTES {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.seen, self.end) = (self.seen - self.start, self.end - self.start);
            self.start = 0;
        }
        let end = self.bytes.len().min(self.end + READ_BYTES);
        assert!(self.end < end, "limits leave room for one byte more than the longest request");
        &mut self.bytes[self.end..end]
    }

    pub(crate) fn filled(&mut self, len: usize) {
        self.end += len;
        assert!(self.end <= self.bytes.len());
    }

    /// Drops `len` bytes from the front.
    pub(crate) fn consume(&mut self, len: usize) {
        self.start += len;
        self.seen = self.start;
        assert!(self.start <= self.end);
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn keep(&mut self, len: usize) {
        self.end = self.start + len;
        self.seen = self.end;
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.seen, self.end) = (0, 0, 0);
    }
}

/// What is left to write: copied bytes, and behind them a body that is not copied.
#[derive(Debug)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    tail: Tail,
    /// Bytes sent, of the copied ones and then of the tail.
    sent: usize,
    /// Bytes that one response may take.
    room: usize,
    /// Where the response being written has to end.
    end: usize,
    overflow: bool,
}

#[derive(Debug, Clone, Copy)]
enum Tail {
    None,
    Static(&'static [u8]),
}

impl Out {
    fn new(capacity: usize, room: usize) -> Self {
        // Zeroed like the input, so that its pages stay untouched until they are used.
        let mut bytes = vec![0; capacity];
        bytes.clear();
        Out { bytes, tail: Tail::None, sent: 0, room: room + OUT_SLACK, end: 0, overflow: false }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending() == 0
    }

    /// Bytes still to be sent, copied or not.
    pub(crate) fn pending(&self) -> usize {
        self.bytes.len() + self.tail().len() - self.sent
    }

    /// Whether nothing of it has been sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.sent == 0
    }

    /// Bytes that were copied into it, sent or not.
    pub(crate) fn copied(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn has_tail(&self) -> bool {
        !matches!(self.tail, Tail::None)
    }

    fn tail(&self) -> &'static [u8] {
        match self.tail {
            Tail::None => &[],
            Tail::Static(bytes) => bytes,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.tail = Tail::None;
        self.sent = 0;
        self.overflow = false;
    }

    // --- writing a response into it ---

    /// Begins a response; the position to [`rewind`](Self::rewind) to.
    pub(crate) fn begin(&mut self) -> usize {
        self.end = (self.bytes.len() + self.room).min(self.bytes.capacity());
        self.overflow = false;
        self.bytes.len()
    }

    /// Appends, unless the response would get longer than it may.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > self.end.saturating_sub(self.bytes.len()) {
            self.overflow = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Bytes of the response that began at a position.
    pub(crate) fn pending_since(&self, position: usize) -> usize {
        self.bytes.len() - position + self.tail().len()
    }

    pub(crate) fn overflowed(&self) -> bool {
        self.overflow
    }

    pub(crate) fn position(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn written_mut(&mut self, from: usize, to: usize) -> &mut [u8] {
        &mut self.bytes[from..to]
    }

    /// Takes back everything behind a position.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.bytes.truncate(position);
        self.tail = Tail::None;
        self.overflow = false;
    }

    /// Sends `body` behind all that was pushed, without a copy.
    pub(crate) fn set_tail(&mut self, body: &'static [u8]) {
        if !body.is_empty() {
            self.tail = Tail::Static(body);
        }
    }

    // --- sending it ---

    /// One write of as much as there is, at most `limit` bytes of a tail.
    pub(crate) fn write_to<S: Stream>(&mut self, stream: &mut S, limit: usize) -> io::Result<usize> {
        let copied = &self.bytes[self.sent.min(self.bytes.len())..];
        let tail = &self.tail()[self.sent.saturating_sub(self.bytes.len())..];
        let tail = &tail[..tail.len().min(limit)];
        let written = match (copied.is_empty(), tail.is_empty()) {
            (_, true) => stream.write(copied)?,
            (true, false) => stream.write(tail)?,
            (false, false) => stream.write_vectored(&[IoSlice::new(copied), IoSlice::new(tail)])?,
        };
        self.sent += written;
        Ok(written)
    }
}

/// A fixed number of exchanges, of which at least one is free whenever a visit begins.
#[derive(Debug)]
pub(crate) struct Pool {
    exchanges: Vec<Exchange>,
    /// The last one given back is the next one lent.
    free: Vec<u32>,
}

impl Pool {
    pub(crate) fn new(config: &Config) -> Self {
        let size = config.pool_size();
        Pool {
            exchanges: (0..size).map(|_| Exchange::new(config)).collect(),
            free: (0..size as u32).rev().collect(),
        }
    }

    pub(crate) fn has_spare(&self) -> bool {
        !self.free.is_empty()
    }

    /// How many are kept by connections.
    #[cfg(test)]
    pub(crate) fn lent(&self) -> usize {
        self.exchanges.len() - self.free.len()
    }

    /// The exchange to work in next, empty. It stays free until it is [`lend`](Self::lend)ed.
    pub(crate) fn spare(&mut self) -> u32 {
        let handle = *self.free.last().expect("a visit begins with a spare exchange");
        self.get(handle).clear();
        handle
    }

    pub(crate) fn get(&mut self, handle: u32) -> &mut Exchange {
        &mut self.exchanges[handle as usize]
    }

    /// Takes the spare out of the pool.
    pub(crate) fn lend(&mut self, handle: u32) {
        let lent = self.free.pop();
        assert!(lent == Some(handle), "only the spare is ever lent");
    }

    pub(crate) fn give_back(&mut self, handle: u32) {
        assert!(self.free.len() < self.exchanges.len());
        self.free.push(handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config = Config::default();
        config.exchanges = 2;
        config.limits.body_bytes = 100;
        config
    }

    #[test]
    fn the_exchange_given_back_last_is_lent_first() {
        let mut pool = Pool::new(&config());
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
        let mut pool = Pool::new(&config());
        let handle = pool.spare();
        pool.get(handle).input.filled(7);
        pool.get(handle).after = After::Drop;
        let handle = pool.spare();
        assert!(pool.get(handle).is_empty());
        assert_eq!(pool.get(handle).after, After::Keep);
    }

    #[test]
    fn input_moves_to_the_front_when_room_gets_short() {
        let mut input = Input::new(100);
        assert_eq!(input.space().len(), 100);
        input.space()[..90].copy_from_slice(&[7; 90]);
        input.filled(90);
        input.consume(85);
        assert_eq!(input.space().len(), 95);
        assert_eq!(input.pending(), [7; 5]);
    }

    #[test]
    fn a_response_that_is_too_long_overflows_and_is_taken_back() {
        let mut out = Out::new(2000, 10);
        let start = out.begin();
        out.push(&[b'x'; 10 + OUT_SLACK]);
        assert!(!out.overflowed());
        out.push(b"y");
        assert!(out.overflowed());
        out.rewind(start);
        assert!(out.is_empty() && !out.overflowed());
    }
}
