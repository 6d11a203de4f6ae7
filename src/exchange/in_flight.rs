//! How far a request in flight has come, beside its bytes.

use std::num::NonZeroU64;

use super::incoming::Incoming;
use super::kept::Kept;
use super::on_sent::OnSent;
use super::streamed::Streamed;
use crate::http::response::Draft;
use crate::intake::Intake;

/// The part of an exchange that is not about bytes in a buffer: the progress of the body, and what follows the response.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The request whose head has been accepted and whose body is not whole, or waits unread until the host decides.
    pub(crate) body: Option<Incoming>,
    /// Whether a body buffer has been lent for it.
    pub(crate) is_apart: bool,
    /// Whether its client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// What the connection does when all is sent.
    pub(crate) on_sent: OnSent,
    /// The rest of what is known about a response that the host gives later.
    pub(crate) later: Later,
    /// Bytes of a body's framing that have not been charged to the quota yet.
    pub(crate) framing: usize,
    /// Bytes of body or response that have moved since the deadline was last extended.
    pub(crate) progress: usize,
}

/// What is known about a response that the host gives later. Only a few of them need it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Later {
    #[default]
    Nothing,
    /// The streamed response, if [`OnSent::AskMore`] follows.
    Streamed(Streamed),
    /// Where the request is in the input, if it [stays](InFlight::stays) there.
    Kept(Kept),
}

impl InFlight {
    /// Returns the serial of the request whose id the host still holds, if there is one.
    pub(crate) fn held_serial(&self) -> Option<NonZeroU64> {
        self.on_sent.serial().or_else(|| self.body.as_ref()?.held_serial())
    }

    /// Notes what follows the response that has just been written.
    #[inline(always)]
    pub(crate) fn follow_with(&mut self, on_sent: OnSent, draft: &Draft) {
        self.on_sent = on_sent;
        if let OnSent::AskMore(_) = on_sent {
            self.later = Streamed::begun(draft).map_or(Later::Nothing, Later::Streamed);
        }
    }

    /// Ends a body that is whole or refused.
    #[inline]
    pub(crate) fn end_body(&mut self) {
        (self.body, self.is_apart) = (None, false);
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.end_body();
        (self.expects_continue, self.on_sent) = (false, OnSent::KeepAlive);
        (self.framing, self.progress) = (0, 0);
    }

    // --- a request that is kept ---

    /// Returns whether a deferred request is kept in the input.
    #[inline]
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.on_sent, OnSent::AwaitReply(awaited) if awaited.keeps)
    }

    /// Returns whether the bytes of a deferred request stay in the input: it is kept, or its body waits unread.
    pub(crate) fn stays(&self) -> bool {
        matches!(self.on_sent, OnSent::AwaitReply(awaited) if awaited.keeps || self.body.is_some())
    }

    /// Returns where the request is in the input, if it stays there.
    pub(crate) fn kept(&self) -> Kept {
        match self.later {
            Later::Kept(kept) => kept,
            _ => Kept::default(),
        }
    }

    /// Notes what follows the response to a deferred request. If the request has stayed in the input and does so no
    /// longer, returns where it is. If it is deferred again, it stays kept only if it was, and its body still waits.
    pub(crate) fn follow_deferred(&mut self, on_sent: OnSent, draft: &Draft) -> Option<Kept> {
        let (keeps, kept) = (self.keeps(), self.stays().then(|| self.kept()));
        self.follow_with(on_sent, draft);
        if let OnSent::AwaitReply(awaited) = &mut self.on_sent {
            awaited.keeps &= keeps;
            if let Some(body) = &mut self.body {
                body.serial = awaited.serial;
            }
        }
        kept.filter(|_| !self.stays())
    }

    // --- a request whose body waits unread ---

    /// Defers a request at its head. `seen` is what the host has seen of it, and the input keeps the rest.
    pub(crate) fn defer_at_head(&mut self, on_sent: OnSent, body: Incoming, seen: Kept) {
        (self.on_sent, self.body, self.later) = (on_sent, Some(body), Later::Kept(seen));
    }

    /// Lets the body of a deferred request come in. Returns `false` if no body waits.
    pub(crate) fn take_in(&mut self, intake: Intake, most: u64) -> bool {
        let Some(body) = &mut self.body else { return false };
        body.intake = intake;
        body.reader.limit(most);
        self.on_sent = OnSent::KeepAlive;
        true
    }

    /// Returns whether the host has let a body come in.
    pub(crate) fn takes_in(&self) -> bool {
        self.on_sent == OnSent::KeepAlive && self.body.is_some()
    }
}

impl Later {
    /// Returns the streamed response, if it is one.
    pub(crate) fn streamed(self) -> Option<Streamed> {
        match self {
            Later::Streamed(streamed) => Some(streamed),
            _ => None,
        }
    }

    /// Returns the streamed response, to change it.
    pub(crate) fn streamed_mut(&mut self) -> Option<&mut Streamed> {
        match self {
            Later::Streamed(streamed) => Some(streamed),
            _ => None,
        }
    }
}
