//! Streaming: asking the host for the next piece of a response, and waiting until it has one.

use std::num::NonZeroU64;

use super::{Driver, Outcome, Transition};
use crate::answer::{Given, ask_for_piece};
use crate::config::OUT_BATCH;
use crate::exchange::OnSent;
use crate::handler::Handler;
use crate::net::{Interest, Net};
use crate::state::State;
use crate::stats::Reason;
use crate::trace::{Why, why};

impl<N: Net, H: Handler + ?Sized> Driver<'_, N, H> {
    /// Asks the host for the next piece. If it has none now, waits until it has one, and reads nothing meanwhile.
    #[inline(never)]
    pub(super) fn stream(&mut self) -> Transition {
        let OnSent::AskMore(serial) = self.exchange.in_flight.on_sent else {
            return Transition::Enter(State::Sending, why!("the streamed response is over"));
        };
        let is_paused = self.exchange.in_flight.later.streamed().is_some_and(|streamed| streamed.is_paused);
        // While the host has pieces, a write shows a reset soon enough.
        let looks = is_paused || !self.shared.config.half_close;
        if let Some(end) = if looks { self.client_has_left() } else { None } {
            // The client may still read, and must not take a part of the response for the whole.
            self.connection.socket.reset_on_close(self.slot);
            return end;
        }
        if is_paused {
            self.exchange.in_flight.progress = 0;
            return self.wait(Interest::Input);
        }
        if self.quota.bytes == 0 {
            return Transition::Stop(Outcome::Yielded);
        }
        match self.ask(serial) {
            Given::Piece => {
                // No single write shows any more how much of the response the kernel still holds.
                self.connection.socket.make_linger();
                self.go_on(State::Sending, why!("the host has given a piece"))
            }
            Given::Nothing => Transition::Resume(State::Streaming, why!("the host has no piece yet")),
            Given::Cut => self.cut(),
        }
    }

    /// Goes on to ask for a piece, or to send it. The deadline starts anew. But what was sent still counts as credit, from
    /// piece to piece, until the host has none.
    pub(super) fn go_on(&mut self, state: State, why: &'static Why) -> Transition {
        self.rearm = true;
        Transition::Resume(state, why)
    }

    /// Asks for the first piece before the head is sent, so that both leave in one segment. Returns the transition if
    /// the host has none to give and ends the response.
    // Cold, so that other responses do not pay for it.
    #[cold]
    pub(super) fn begin_stream(&mut self, serial: NonZeroU64) -> Option<Transition> {
        let is_new = self.exchange.in_flight.later.streamed().is_some_and(|streamed| streamed.is_new);
        // After a batch of responses there is no room for a whole piece.
        let has_room = self.exchange.out.copied() <= OUT_BATCH;
        (is_new && has_room && self.ask(serial) == Given::Cut).then(|| self.cut())
    }

    fn ask(&mut self, serial: NonZeroU64) -> Given {
        ask_for_piece(&mut self.exchange, self.shared, &mut *self.handler, serial)
    }

    /// Waits until the host takes the rest of a piece of a body. It reads nothing meanwhile.
    #[inline(never)]
    pub(super) fn hold(&mut self) -> Transition {
        if !self.exchange.in_flight.body.as_ref().is_some_and(|body| body.is_paused) {
            return Transition::Enter(State::Body, why!("the host takes more of the body"));
        }
        if self.connection.socket.has_failed(self.slot) {
            return self.lost();
        }
        self.wait(Interest::Input)
    }

    /// Ends the connection in the middle of a response. The reset tells the client that something is missing.
    fn cut(&mut self) -> Transition {
        self.connection.socket.reset_on_close(self.slot);
        self.close(Reason::StreamAborted)
    }
}
