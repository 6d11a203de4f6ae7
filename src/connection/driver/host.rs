//! The end of a connection while the host is in charge of it: a client that leaves while the host's response is awaited,
//! and a host that ends a connection from outside of its handler.

use super::{Driver, Outcome, Transition};
use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::exchange::OnSent;
use crate::handler::Handler;
use crate::net::{Interest, Net};
use crate::state::State;
use crate::stats::Reason;
use crate::trace::why;

impl<N: Net, H: Handler + ?Sized> Driver<'_, N, H> {
    // --- hosts that respond later ---

    /// Waits for the host's response, and reads nothing meanwhile.
    #[inline(never)]
    pub(super) fn defer(&mut self) -> Transition {
        if self.exchange.in_flight.takes_in() {
            return Transition::Enter(State::Body, why!("the host takes the body in"));
        }
        if self.exchange.in_flight.on_sent.awaited().is_none() {
            return Transition::Enter(State::Sending, why!("the host has responded"));
        }
        if !self.exchange.out.is_empty() {
            return Transition::Enter(State::Sending, why!("the host has informed the client"));
        }
        match self.client_has_left() {
            Some(end) => end,
            None => self.wait(Interest::Input),
        }
    }

    // --- clients that leave ---

    /// Returns the end of the connection if its client no longer waits for the host: it has reset the connection, or it
    /// has sent its FIN and the settings take that for the end ([`Config::half_close`](crate::Config::half_close)).
    ///
    /// Nothing is read while the host is awaited, and requests may stand before the FIN. So an error is taken without
    /// reading, and the FIN is known only by the poller's hint.
    #[cold]
    pub(super) fn client_has_left(&mut self) -> Option<Transition> {
        if self.connection.socket.has_failed(self.slot) {
            return Some(self.lost());
        }
        if self.shared.config.half_close || !self.connection.socket.is_read_closed() {
            return None;
        }
        self.connection.socket.peer_ended();
        Some(self.close(Reason::PeerClosedEarly))
    }

    // --- hosts that end a connection ---

    /// Ends the connection as `how` says. Calls no handler, and reads and writes nothing. If the connection still has
    /// something to send or to wait for, the next turn goes on with that.
    #[cold]
    pub(crate) fn close_for_host(&mut self, how: CloseMode) -> Outcome {
        let state = self.connection.state;
        match how {
            CloseMode::Rst => self.end_now(true),
            // A response that is cut off ends with a reset, so that its client notices.
            CloseMode::Drop => {
                self.end_now(matches!(state, State::Sending | State::Streaming | State::Received))
            }
            CloseMode::Fin | CloseMode::Peer if state == State::Closing => self.close_sooner(how),
            CloseMode::Fin | CloseMode::Peer => self.close_after_response(how),
        }
    }

    fn end_now(&mut self, by_reset: bool) -> Outcome {
        if by_reset {
            self.connection.socket.reset_on_close(self.slot);
        }
        self.closed(Reason::ClosedByHost)
    }

    /// Sends our FIN now if the connection waits for the client's.
    fn close_sooner(&mut self, how: CloseMode) -> Outcome {
        if how == CloseMode::Peer || self.connection.socket.has_sent_fin() {
            return Outcome::Yielded;
        }
        let next = self.half_close(why!("the host closes, our FIN"));
        self.follow(next).unwrap_or(Outcome::Yielded)
    }

    /// Makes the response that is being sent the last one. If there is none, the close begins now. A streamed response
    /// goes on until the host ends it.
    fn close_after_response(&mut self, how: CloseMode) -> Outcome {
        self.connection.socket.close_by_host();
        self.exchange.input.clear();
        match self.exchange.in_flight.on_sent {
            OnSent::AskMore(_) => {
                if let Some(streamed) = self.exchange.in_flight.later.streamed_mut() {
                    streamed.then = OnSent::closing(how);
                }
            }
            OnSent::Drop => {}
            _ => {
                self.lose_awaited(GoneReason::Ended(Reason::ClosedByHost));
                self.exchange.in_flight.on_sent = OnSent::closing(how);
                if self.exchange.out.is_empty() {
                    return self.close_at_once(how);
                }
            }
        }
        // No run may end between two steps of a wave.
        if self.connection.state == State::Received {
            self.enter(State::Sending, why!("the host closes after this response"));
        }
        Outcome::Yielded
    }

    fn close_at_once(&mut self, how: CloseMode) -> Outcome {
        let next = match how {
            CloseMode::Peer => Transition::Enter(State::Closing, why!("the host closes, the client first")),
            _ => self.half_close(why!("the host closes, our FIN")),
        };
        self.follow(next).unwrap_or(Outcome::Yielded)
    }
}
