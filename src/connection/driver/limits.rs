//! The limits of a connection: what happens if its deadline passes, or if others need what it has borrowed.

use super::{Driver, Outcome, Transition};
use crate::answer;
use crate::deferred::GoneReason;
use crate::exchange::OnSent;
use crate::handler::Handler;
use crate::http::refusal::Refusal;
use crate::net::{Flush, Net, Readiness};
use crate::state::State;
use crate::stats::Reason;
use crate::status::ErrorStatus;
use crate::trace::{Why, why};

/// The number of bytes of a body or a response that start the deadline anew.
const ENOUGH: usize = 4096;

impl<N: Net, H: Handler + ?Sized> Driver<'_, N, H> {
    // --- time ---

    /// Handles a deadline that has passed. An event may still be on its way, or the host may be late. So the driver
    /// tries the system calls once more, and the wait is over only if nothing has moved.
    pub(crate) fn expire(&mut self) -> Outcome {
        self.connection.socket.hint(Readiness { readable: true, writable: true, ..Readiness::default() });
        let end = self.run();
        if end != Outcome::Blocked || self.rearm || self.spend_credit() {
            return end;
        }
        self.time_out()
    }

    /// Ends a wait whose deadline has passed. It refuses a request that is late. For a deferred request, it asks the
    /// handler first. In close mode `peer` it first sends our FIN, and waits again. In all other cases it ends the
    /// connection.
    fn time_out(&mut self) -> Outcome {
        match self.connection.state {
            State::Idle | State::Received => return self.closed(Reason::IdleTimeout),
            State::Head => self.refuse(ErrorStatus::RequestTimeout, why!("the head did not arrive in time")),
            State::AwaitingBuffer => self
                .refuse(ErrorStatus::ServiceUnavailable, why!("no buffer for the body became free in time")),
            State::Body => self.refuse(ErrorStatus::RequestTimeout, why!("the body did not arrive in time")),
            State::Holding => {
                self.lose_awaited(GoneReason::Timeout);
                self.refuse(ErrorStatus::ServiceUnavailable, why!("the body was not taken in time"));
            }
            State::Deferred => {
                if !self.is_answered_overdue() {
                    self.lose_awaited(GoneReason::Timeout);
                    self.refuse(ErrorStatus::ServiceUnavailable, why!("the response did not come in time"));
                }
            }
            State::Streaming => {
                self.lose_awaited(GoneReason::Timeout);
                self.exchange.in_flight.on_sent = OnSent::Drop;
                self.connection.socket.reset_on_close(self.slot);
                return self.closed(Reason::StreamTimeout);
            }
            State::Sending => {
                self.connection.socket.reset_on_close(self.slot);
                return self.closed(Reason::WriteTimeout);
            }
            State::Closing if self.connection.socket.has_sent_fin() => {
                return self.closed(Reason::LingerTimeout);
            }
            State::Closing => {
                let next = self.half_close(why!("the client did not close first, our FIN"));
                if let Some(outcome) = self.follow(next) {
                    return outcome;
                }
            }
        }
        self.run()
    }

    /// Starts the state's deadline anew after enough progress. A byte now and then is not enough.
    ///
    /// In `Sending`, bytes beyond 4 KiB are saved, up to 60 KiB. This is *credit*: each 4 KiB saved buys one
    /// more timeout. The reason is that a slow and steady reader opens its window in steps of up to 64 KiB,
    /// which may be further apart than the timeout.
    pub(super) fn extend_deadline(&mut self, len: usize) {
        const MOST_CREDIT: usize = 15 * ENOUGH;
        let progress = &mut self.exchange.in_flight.progress;
        *progress += len;
        if !self.rearm && *progress >= ENOUGH {
            *progress -= ENOUGH;
            self.rearm = true;
        }
        if self.rearm {
            let most = if self.connection.state == State::Sending { MOST_CREDIT } else { 0 };
            *progress = (*progress).min(most);
        }
    }

    /// Spends credit for earlier progress to start the deadline anew. Returns whether there was enough.
    fn spend_credit(&mut self) -> bool {
        let progress = &mut self.exchange.in_flight.progress;
        self.rearm = self.connection.state == State::Sending && *progress >= ENOUGH;
        *progress -= if self.rearm { ENOUGH } else { 0 };
        self.rearm
    }

    // --- what others need ---

    /// Refuses the connection's request, because another connection needs what it has borrowed. If the
    /// response is already given, it becomes the last one, and the connection closes. Later requests get none.
    pub(crate) fn refuse_for_others(&mut self) -> Outcome {
        // A head has been written already that promises a body, or another protocol.
        if matches!(self.exchange.in_flight.on_sent, OnSent::AskMore(_) | OnSent::HandOver(_)) {
            self.connection.socket.reset_on_close(self.slot);
            return self.closed(Reason::Evicted);
        }
        if self.exchange.in_flight.on_sent.awaited().is_none() && self.exchange.is_answered() {
            self.lose_awaited(GoneReason::NoRoom);
            self.exchange.input.clear();
            let in_flight = &mut self.exchange.in_flight;
            in_flight.end_body();
            if in_flight.on_sent == OnSent::KeepAlive {
                in_flight.on_sent = OnSent::CLOSE;
            }
            return self.run();
        }
        let why = match self.connection.state {
            State::Body => why!("the body stalled, and others wait for its buffer"),
            _ => why!("there are too many requests at once"),
        };
        self.lose_awaited(GoneReason::NoRoom);
        self.refuse(ErrorStatus::ServiceUnavailable, why);
        self.run()
    }

    /// Sends the copied bytes of a response that the host has given, and nothing else. It does not call the handler.
    /// The next turn does the rest.
    #[cold]
    pub(crate) fn send_now(&mut self) -> Outcome {
        // If the host has deferred the request again, its time goes on. But no run may end between two steps of a wave.
        let has_responded = self.exchange.in_flight.on_sent.awaited().is_none();
        let state = self.connection.state;
        if state == State::Received || (state == State::Deferred && has_responded) {
            self.enter(State::Sending, why!("the host has responded"));
        }
        while self.exchange.out.has_copied() {
            match self.connection.socket.write(self.slot, &mut self.exchange.out, 0, Flush::Now) {
                Ok(Some(len)) => self.shared.stats.bytes_out += len as u64,
                Ok(None) => break,
                Err(_) => {
                    self.connection.socket.peer_ended();
                    return self.closed(Reason::PeerReset);
                }
            }
        }
        self.connection.socket.make_linger();
        if self.exchange.out.is_empty() {
            self.exchange.out.clear();
            if self.exchange.in_flight.on_sent == OnSent::KeepAlive {
                if let Transition::Enter(state, why) = self.keep() {
                    self.enter(state, why);
                }
            }
        }
        Outcome::Yielded
    }

    // --- helpers ---

    fn refuse(&mut self, status: ErrorStatus, why: &'static Why) {
        let refusal = Refusal { status, why: why.text };
        answer::refuse(&mut self.exchange, self.shared, self.connection.socket.stream(), refusal);
        self.enter(State::Sending, why);
    }

    pub(super) fn lose_awaited(&mut self, why: GoneReason) {
        if let Some(serial) = self.exchange.in_flight.held_serial() {
            self.shared.deferrals.note_gone(self.slot, serial, why);
        }
        self.exchange.in_flight.end_body();
    }
}
