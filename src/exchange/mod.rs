//! Everything about a request in flight: the bytes that have arrived, the progress of its body, and the response that
//! is left to write.

mod in_flight;
mod on_sent;
mod discard;
mod incoming;
mod kept;
mod streamed;
mod input;
mod out;
mod bodies;
pub(crate) mod buffers;
pub(crate) mod pool;

use std::num::NonZeroU32;

use crate::state::State;

use buffers::BufferId;
pub(crate) use in_flight::{InFlight, Later};
pub(crate) use incoming::Incoming;
pub(crate) use input::Input;
use input::InputMarks;
pub(crate) use kept::{Kept, KeptRequest};
pub(crate) use on_sent::OnSent;
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
    /// - For a body that is thrown away: what surely belongs to it, but at most [`READ_BYTES`].
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        match self.in_flight.body {
            None => self.input.space(self.input.head_size - self.input.pending().len()),
            Some(_) => self.space_in_body(),
        }
    }

    /// Returns the space for the next read, if nothing of it is thrown away.
    fn space_in_input(&mut self) -> &mut [u8] {
        let head_size = self.input.head_size;
        let most = match &self.in_flight.body {
            Some(body) if self.in_flight.is_apart => body.reader.left().map_or(head_size, |left| {
                usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES))
            }),
            _ => head_size - self.input.pending().len(),
        };
        self.input.space(most)
    }

    // --- a request that is kept ---

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
    /// What the trace has of it: a bit for the record, and one for each buffer. It is 0 while nothing is traced.
    traced: u8,
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

    /// Drops the bytes of a request that was kept.
    pub(super) fn release(&mut self, kept: Kept) {
        self.input.consume(kept.consumed);
        self.in_flight.end_body();
    }
}

#[cfg(test)]
mod tests;
