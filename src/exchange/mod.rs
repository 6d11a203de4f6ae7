//! Everything about a request in flight: the bytes that have arrived, the progress of its body, and the response that
//! is left to write.

mod incoming;
mod input;
mod kept;
mod out;
mod streamed;
mod bodies;
pub(crate) mod buffers;
pub(crate) mod pool;

use std::num::{NonZeroU32, NonZeroU64};

use crate::config::CloseMode;
use crate::deferred::Awaited;
use crate::http::response::{Draft, Terms};
use crate::state::State;

use buffers::BufferId;
pub(crate) use incoming::Incoming;
pub(crate) use input::Input;
use input::InputMarks;
pub(crate) use kept::{Kept, KeptRequest};
use out::OutMarks;
pub(crate) use out::{MOST_PIECES, Out, Pieces};
pub(crate) use streamed::Streamed;

/// One read of a large body takes at most this much.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// The number of an exchange in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExchangeId(NonZeroU32);

impl ExchangeId {
    fn new(index: usize) -> Self {
        ExchangeId(NonZeroU32::MIN.saturating_add(index as u32))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A request in flight while it is being worked on: its bytes, its progress, and the response that is left to
/// write.
///
/// This is a view of a [`Record`] together with the bytes of the buffers that it has borrowed. The driver
/// opens it for a run, and nobody stores it.
#[derive(Debug)]
pub(crate) struct Exchange<'p> {
    pub(crate) input: Input<'p>,
    pub(crate) in_flight: &'p mut InFlight,
    pub(crate) out: Out<'p>,
}

/// The part of a [`Record`] that is not about bytes in a buffer: the progress of the body, and what follows
/// the response.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    /// The request whose head has been accepted and whose body is not whole.
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
    /// Where the request is in the input, if it is [kept](InFlight::keeps).
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
    fn clear(&mut self) {
        self.end_body();
        (self.expects_continue, self.on_sent) = (false, OnSent::KeepAlive);
        (self.framing, self.progress) = (0, 0);
    }
}

impl Exchange<'_> {
    /// Returns whether there is something to send, or nothing more to receive.
    pub(crate) fn is_answered(&self) -> bool {
        !self.out.is_empty() || self.in_flight.on_sent != OnSent::KeepAlive
    }

    /// Returns the state in which the connection goes on reading when all is sent.
    pub(crate) fn reading(&self) -> State {
        match (&self.in_flight.body, self.input.is_empty()) {
            (Some(body), _) if body.is_paused => State::Holding,
            (Some(_), _) if self.lacks_body_buffer() => State::AwaitingBuffer,
            (Some(_), _) => State::Body,
            (None, false) => State::Head,
            (None, true) => State::Idle,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.input.clear();
        self.in_flight.clear();
        self.out.clear();
    }

    /// Returns whether collecting more of the body takes a body buffer: the head buffer is full, or the client waits
    /// for `100 Continue` and the body is known not to fit. (So a client that stalls before that takes no body buffer.)
    /// A body that the server does not keep needs none.
    pub(crate) fn lacks_body_buffer(&self) -> bool {
        let body = self.in_flight.body.as_ref().filter(|body| !body.intake.drains());
        let collected = body.filter(|_| !self.in_flight.is_apart).map(|body| &body.reader);
        collected.is_some_and(|body| {
            let space = self.input.head_size.saturating_sub(self.input.pending().len());
            let fits = body.left().is_none_or(|left| left <= space as u64);
            space == 0 || (self.in_flight.expects_continue && !fits)
        })
    }

    /// Returns the space for the next read. It has at least one byte. The upper limit is:
    ///
    /// - For a head, or a body that follows it in its buffer: what a head buffer has left.
    /// - In a body buffer: the rest of the body, but at most [`READ_BYTES`].
    /// - In a body buffer, if the body is chunked: the size of a head buffer. So the bytes after the body fit
    ///   into a head buffer.
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        let head_size = self.input.head_size;
        let most = match &self.in_flight.body {
            Some(body) if self.in_flight.is_apart => body.reader.left().map_or(head_size, |left| {
                usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES))
            }),
            _ => head_size - self.input.pending().len(),
        };
        self.input.space(most)
    }
}

/// What the pool stores of an exchange between two runs of the driver: where its bytes are in which buffers,
/// and the [`InFlight`] part. The bytes themselves are in the buffers.
#[derive(Debug, Default)]
pub(crate) struct Record {
    input: InputMarks,
    pub(crate) in_flight: InFlight,
    out: OutMarks,
    /// The buffers that it has borrowed. The input is in the body buffer if there is one.
    pub(crate) head: Option<BufferId>,
    pub(crate) out_buffer: Option<BufferId>,
    pub(crate) body: Option<BufferId>,
    /// Whether any of these buffers is in a list.
    pub(crate) is_listed: bool,
}

/// Where the input of an exchange is.
#[derive(Debug, Clone, Copy)]
enum InputBuffer {
    Head(BufferId),
    Body(BufferId),
}

impl Record {
    /// Clears the record, so that nothing is in flight. A shared body must have been [released](Self::release_tail)
    /// before.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.input.clear();
        self.in_flight.clear();
        (self.out.copied, self.out.sent, self.out.tail_left) = (0, 0, 0);
    }

    /// Returns the exchange over its two pieces of memory.
    #[inline]
    pub(crate) fn over<'p>(
        &'p mut self,
        input: &'p mut [u8],
        head_size: usize,
        out: &'p mut [u8],
    ) -> Exchange<'p> {
        Exchange {
            input: Input { bytes: input, head_size, marks: &mut self.input },
            in_flight: &mut self.in_flight,
            out: Out { bytes: out, marks: &mut self.out },
        }
    }

    /// Returns the input in a head buffer, without the rest.
    fn input<'p>(&'p mut self, head: &'p mut [u8]) -> Input<'p> {
        Input { head_size: head.len(), bytes: head, marks: &mut self.input }
    }

    /// Returns what a response is written into, without the request.
    pub(crate) fn response<'p>(&'p mut self, out: &'p mut [u8]) -> (&'p mut InFlight, Out<'p>) {
        (&mut self.in_flight, Out { bytes: out, marks: &mut self.out })
    }

    /// Returns the buffer that the input is in.
    #[inline]
    fn input_buffer(&self) -> Option<InputBuffer> {
        self.body.map(InputBuffer::Body).or(self.head.map(InputBuffer::Head))
    }

    /// Returns whether nothing is in flight.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.has_no_input()
            && self.in_flight.body.is_none()
            && self.has_no_copied()
            && self.out.tail_left == 0
            && matches!(self.in_flight.on_sent, OnSent::KeepAlive)
    }

    #[inline]
    pub(crate) fn has_no_input(&self) -> bool {
        self.input.is_empty()
    }

    /// Returns whether all copied bytes are sent.
    #[inline]
    pub(crate) fn has_no_copied(&self) -> bool {
        self.out.has_no_copied()
    }

    /// Drops a response's body that is not copied. Others may share it.
    #[inline]
    pub(crate) fn release_tail(&mut self) {
        if self.out.tail_left > 0 {
            self.out.clear();
        }
    }

    /// Leaves a buffer that has no input. The marks begin anew, because the next buffer may be shorter.
    #[inline]
    pub(crate) fn leave_input(&mut self) {
        self.input.clear();
    }

    /// Moves the input to another buffer.
    pub(crate) fn move_input(&mut self, from: &[u8], to: &mut [u8]) {
        let InputMarks { start, end, .. } = self.input;
        to[..end - start].copy_from_slice(&from[start..end]);
        (self.input.start, self.input.end) = (0, end - start);
    }
}

/// What the connection does when a response has been sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnSent {
    /// It reads the next request.
    #[default]
    KeepAlive,
    /// It closes. A client that asked for it may send nothing more.
    Close {
        client_asked: bool,
        /// How it closes, if not as the settings say.
        mode: Option<CloseMode>,
    },
    /// It closes at once, without a byte.
    Drop,
    /// It waits for the next response, which the host gives later.
    AwaitReply(Awaited),
    /// It asks the host for the next piece of the response.
    AskMore(NonZeroU64),
    /// It hands the connection over to the host.
    HandOver(NonZeroU64),
}

const _: () = assert!(size_of::<OnSent>() == 16, "it is moved several times for each response");

impl OnSent {
    /// A close as the settings say, for which the client has not asked.
    pub(crate) const CLOSE: OnSent = OnSent::Close { client_asked: false, mode: None };

    /// Returns a close in this mode, for which the client has not asked.
    pub(crate) const fn closing(how: CloseMode) -> OnSent {
        OnSent::Close { client_asked: false, mode: Some(how) }
    }

    /// Returns what follows a response that is whole.
    #[inline]
    pub(crate) fn after(draft: &Draft) -> Self {
        let Terms { close, client_closes: client_asked, .. } = draft.terms;
        if !close {
            return OnSent::KeepAlive;
        }
        OnSent::Close { client_asked, mode: draft.special().close }
    }

    /// Returns the serial of the request whose id the host still holds, if there is one.
    pub(crate) fn serial(&self) -> Option<NonZeroU64> {
        match self {
            OnSent::AwaitReply(awaited) => Some(awaited.serial),
            OnSent::AskMore(serial) | OnSent::HandOver(serial) => Some(*serial),
            _ => None,
        }
    }

    pub(crate) fn awaited(&self) -> Option<Awaited> {
        match self {
            OnSent::AwaitReply(awaited) => Some(*awaited),
            _ => None,
        }
    }

    /// Returns how the connection closes after the response, if it closes. `usual` is the mode of the settings.
    #[inline]
    pub(crate) fn close_mode(&self, usual: CloseMode) -> Option<CloseMode> {
        match self {
            OnSent::Close { mode, .. } => Some(mode.unwrap_or(usual)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
