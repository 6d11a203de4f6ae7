//! A deferred request whose bytes stay in the input.

use super::{Exchange, InFlight, Later, OnSent, Record};
use crate::http::response::Draft;

/// Where a request is in the input: its head, its decoded body, and then perhaps framing that belongs to it. The next
/// request begins after `consumed` bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) head_len: usize,
    pub(crate) body_end: usize,
    pub(crate) consumed: usize,
    /// The length of the body, which may not be here.
    pub(crate) received: u64,
}

impl Kept {
    /// Returns the place of a request whose body is not here.
    pub(crate) fn head(head_len: usize, consumed: usize) -> Self {
        Kept { head_len, body_end: head_len, consumed, received: 0 }
    }

    /// Returns the request in the input that begins with it.
    pub(super) fn of(self, input: &[u8]) -> KeptRequest<'_> {
        let (head, body) = input[..self.body_end].split_at(self.head_len);
        KeptRequest { head, body, received: self.received }
    }
}

/// The bytes of a request that is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptRequest<'b> {
    pub(crate) head: &'b [u8],
    pub(crate) body: &'b [u8],
    pub(crate) received: u64,
}

impl InFlight {
    /// Returns whether a deferred request is kept in the input.
    #[inline]
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.on_sent, OnSent::AwaitReply(awaited) if awaited.keeps)
    }

    /// Returns where the request is in the input, if it is kept.
    pub(crate) fn kept(&self) -> Kept {
        match self.later {
            Later::Kept(kept) => kept,
            _ => Kept::default(),
        }
    }

    /// Notes what follows the response to a deferred request. If the request was kept and is no longer, returns where
    /// it is. If it is deferred again, it stays kept only if it was.
    pub(crate) fn follow_deferred(&mut self, on_sent: OnSent, draft: &Draft) -> Option<Kept> {
        let kept = self.keeps().then(|| self.kept());
        self.follow_with(on_sent, draft);
        if let OnSent::AwaitReply(awaited) = &mut self.on_sent {
            awaited.keeps &= kept.is_some();
        }
        kept.filter(|_| !self.keeps())
    }
}

impl Exchange<'_> {
    /// Keeps a request in the input if the host wants that. Returns whether it does.
    #[inline]
    pub(crate) fn keep_request(&mut self, seen: Kept) -> bool {
        let keeps = self.in_flight.keeps();
        if keeps {
            self.in_flight.later = Later::Kept(seen);
        }
        keeps
    }

    /// Ends a request with a body. If the host keeps it, the input keeps what the host has `seen` of it. If the body is
    /// not whole, nothing after that is answered.
    pub(crate) fn end_request(&mut self, seen: Kept, is_whole: bool) {
        if !self.keep_request(seen) {
            if is_whole {
                self.input.consume(seen.consumed);
            } else {
                self.input.clear();
            }
            return self.in_flight.end_body();
        }
        // A body buffer stays with it.
        self.in_flight.body = None;
        if !is_whole {
            self.input.keep(seen.body_end);
            self.in_flight.later = Later::Kept(Kept { consumed: seen.body_end, ..seen });
        }
    }

    /// Drops the bytes of a request that was kept.
    pub(crate) fn release(&mut self, kept: Kept) {
        self.input.consume(kept.consumed);
        self.in_flight.end_body();
    }
}

impl Record {
    /// Drops the bytes of a request that was kept.
    pub(super) fn release(&mut self, kept: Kept) {
        self.input.consume(kept.consumed);
        self.in_flight.end_body();
    }
}
