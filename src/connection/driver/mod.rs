//! The driver, which moves a connection from state to state. It is the heart of the server.
//!
//! There is one function per state. It does the state's system calls until one of them returns `WouldBlock`, or until
//! the state's work is done. Then it returns the next transition. [`Driver::run`] chooses the function by the state,
//! and `enter` writes the state.
//!
//! While the driver runs, it lends a connection what it does not own: an exchange to work in, the network, the handler,
//! and a quota of the turn's budget.

mod host;
mod limits;
mod overdue;
mod receive;
mod streaming;

use std::io;
use std::panic::Location;

use crate::answer::{self, Asked, Need};
use crate::clock::{nanoseconds, since, ticks};
use crate::config::CloseMode;
use crate::connection::Connection;
use crate::connection::quota::Quota;
use crate::exchange::{Exchange, OnSent};
use crate::handler::Handler;
use crate::handler::request::Origin;
use crate::names::{NameOf, Names};
use crate::net::{Flush, Interest, Net, Readiness};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;
use crate::trace::{Why, why};

use receive::receive;
pub(crate) use receive::receive_first;

/// A connection, and all that it may use while it is being driven.
pub(crate) struct Driver<'a, N: Net, H: ?Sized> {
    pub(crate) connection: &'a mut Connection<N::Stream>,
    pub(crate) net: &'a mut N,
    pub(crate) slot: Slot,
    pub(crate) exchange: Exchange<'a>,
    pub(crate) handler: &'a mut H,
    pub(crate) shared: &'a mut Shared,
    pub(crate) names: &'a Names,
    pub(crate) quota: Quota,
    /// Whether the state's deadline starts anew. It does if a state was entered, if enough bytes have moved
    /// ([`extend_deadline`](Self::extend_deadline)), if a lingering client still sends, or if credit was
    /// spent. The engine then starts it when the run ends (`settle_deadline` in `engine::dispatch`).
    pub(crate) rearm: bool,
}

/// How a run of the driver ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A system call returned `WouldBlock`, so an event or a deadline comes next.
    Blocked,
    /// The quota is used, so the other connections have their turn first.
    Yielded,
    /// The connection has ended.
    Closed(Reason),
    /// The connection is the host's now.
    HandedOver,
}

/// What follows a state's function.
enum Transition {
    /// Enters a state. Its deadline starts anew.
    Enter(State, &'static Why),
    /// Goes back to a state. Its deadline goes on, because the connection has waited all the time.
    Resume(State, &'static Why),
    Stop(Outcome),
}

impl<N: Net, H: Handler + ?Sized> Driver<'_, N, H> {
    /// Moves the connection until it has to wait, yields or ends.
    pub(crate) fn run(&mut self) -> Outcome {
        loop {
            let next = match self.connection.state {
                State::Idle | State::Received | State::Head | State::Body => self.read(),
                State::AwaitingBuffer => self.await_buffer(),
                State::Holding => self.hold(),
                State::Sending => self.send(),
                State::Deferred => self.defer(),
                State::Streaming => self.stream(),
                State::Closing => self.linger(),
            };
            if let Some(outcome) = self.follow(next) {
                return outcome;
            }
        }
    }

    // --- one function per state, in the order of a connection's life ---

    /// Answers what has arrived, and reads on.
    fn read(&mut self) -> Transition {
        loop {
            if self.exchange.is_answered() {
                return Transition::Enter(State::Sending, why!("there is something to send"));
            }
            if !self.exchange.input.is_empty() {
                let need = self.answer();
                if self.exchange.is_answered() {
                    continue;
                }
                let (needed, why) = match need {
                    // A request that waits for its turn has begun, and keeps its exchange.
                    Need::Sending if self.connection.state.waits_as() == State::Idle => {
                        (State::Head, why!("the request waits for its turn"))
                    }
                    Need::Sending => return Transition::Stop(Outcome::Yielded),
                    Need::Head if self.exchange.input.is_empty() => {
                        (State::Idle, why!("more of the head has to arrive"))
                    }
                    Need::Head => (State::Head, why!("more of the head has to arrive")),
                    Need::BodyBuffer => (State::AwaitingBuffer, why!("the body needs a buffer")),
                    Need::Body => (State::Body, why!("more of the body has to arrive")),
                    Need::Host => (State::Holding, why!("the host takes the rest later")),
                };
                if needed != self.connection.state.waits_as() {
                    return Transition::Enter(needed, why);
                }
            }
            if self.connection.state == State::Received {
                return Transition::Resume(State::Idle, why!("nothing but line breaks has arrived"));
            }
            if self.quota.bytes == 0 {
                return Transition::Stop(Outcome::Yielded);
            }
            match self.receive() {
                Ok(Some(0)) => return self.end_of_input(),
                Ok(Some(len)) => {
                    if self.connection.state == State::Body {
                        self.exchange.filled_in_body(len);
                        self.extend_deadline(len);
                    } else {
                        self.exchange.input.filled(len);
                    }
                }
                Ok(None) if self.shared.ends_idle && self.connection.state == State::Idle => {
                    // If a request arrives after our close, the kernel sends a reset, and the client may lose
                    // the last response.
                    return if self.connection.socket.has_to_linger() {
                        self.half_close(why!("idle in a drain, our FIN"))
                    } else {
                        self.close(Reason::Shutdown)
                    };
                }
                Ok(None) => return self.wait(Interest::Input),
                Err(_) => return self.lost(),
            }
        }
    }

    /// Waits for a body buffer, and reads nothing meanwhile. An error hint reveals a reset. A half-close is not a
    /// disconnect.
    #[inline(never)]
    fn await_buffer(&mut self) -> Transition {
        if self.exchange.in_flight.is_apart {
            return Transition::Enter(State::Body, why!("a body buffer is lent"));
        }
        if self.connection.socket.has_failed(self.slot) {
            return self.lost();
        }
        self.wait(Interest::Input)
    }

    /// Sends the responses, and then does what follows them.
    fn send(&mut self) -> Transition {
        if let OnSent::AskMore(serial) = self.exchange.in_flight.on_sent {
            if let Some(end) = self.begin_stream(serial) {
                return end;
            }
        }
        let whole = self.exchange.out.is_untouched() && self.exchange.out.pending() <= CLOSED_AT_ONCE;
        let fin_follows = match self.exchange.in_flight.on_sent {
            OnSent::KeepAlive => false,
            on_sent => {
                let mode = on_sent.close_mode(self.shared.config.close);
                mode.is_some_and(CloseMode::sends_fin_first)
            }
        };
        let flush = if fin_follows { Flush::WithFin } else { Flush::Now };
        let mut writes = 0;
        while !self.exchange.out.is_empty() {
            if self.quota.bytes == 0 {
                return Transition::Stop(Outcome::Yielded);
            }
            match self.connection.socket.write(self.slot, &mut self.exchange.out, self.quota.bytes, flush) {
                Ok(Some(len)) => {
                    writes += 1;
                    self.shared.stats.bytes_out += len as u64;
                    self.quota.has_written(len);
                    self.extend_deadline(len);
                }
                Ok(None) => return self.wait(Interest::InputAndOutput),
                Err(_) => return self.lost(),
            }
        }
        let whole = whole && writes == 1;
        if !whole && writes > 0 {
            self.connection.socket.make_linger();
        }
        let next = match self.exchange.in_flight.on_sent {
            OnSent::KeepAlive => self.keep(),
            OnSent::Close { client_asked, mode } => {
                self.begin_close(mode.unwrap_or(self.shared.config.close), client_asked && whole)
            }
            OnSent::Drop => self.close(Reason::Dropped),
            OnSent::AwaitReply(_) => Transition::Enter(State::Deferred, why!("the response comes later")),
            // The input is the host's as well, so it stays where it is.
            OnSent::HandOver(_) => return Transition::Stop(Outcome::HandedOver),
            OnSent::AskMore(_) => self.go_on(State::Streaming, why!("the next piece is the host's to give")),
        };
        // Free the body only after the FIN. The kernel may hold the last bytes until the FIN, and freeing can
        // take long.
        self.exchange.out.clear();
        next
    }

    /// Keeps the connection alive after all is sent.
    fn keep(&mut self) -> Transition {
        let reading = self.exchange.reading();
        let socket = &mut self.connection.socket;
        if self.shared.ends_idle {
            // The response that was just sent did not say `Connection: close`. The next request may have
            // arrived already, although no event has reported it.
            socket.hint(Readiness { readable: true, ..Readiness::default() });
            socket.make_linger();
        }
        // A client that pipelines may not have read a single response.
        if reading == State::Head {
            socket.make_linger();
        }
        Transition::Enter(reading, why!("all sent"))
    }

    /// Begins the close after the last byte, as `how` says.
    ///
    /// If input is unread or still on its way, a close resets the connection, and the client may lose data that it has
    /// not read yet. So the server closes directly after the FIN only under three conditions:
    ///
    /// - The client promised to send no more.
    /// - Nothing that it sent is unread.
    /// - The response is so small that the kernel holds all of it.
    ///
    /// If a client breaks its promise, it meets the reset after the FIN, when it has received the response. (A reset can
    /// overtake a response that another processor sends. That happened to one of some million such clients.)
    fn begin_close(&mut self, how: CloseMode, at_once: bool) -> Transition {
        match how {
            CloseMode::Rst => {
                self.connection.socket.reset_on_close(self.slot);
                self.close(Reason::Answered)
            }
            CloseMode::Peer => Transition::Enter(State::Closing, why!("all sent, the client closes first")),
            // In mode drop nothing is ever written, so this is never called.
            CloseMode::Fin | CloseMode::Drop => {
                let is_quiet = self.exchange.input.is_empty() && !self.connection.socket.is_readable();
                if at_once && is_quiet && !self.connection.socket.has_to_linger() {
                    return self.close(Reason::Answered);
                }
                self.half_close(why!("all sent, our FIN"))
            }
        }
    }

    /// Sends our FIN. The client may go on sending: the server discards that, and does not reset the connection.
    #[track_caller]
    fn half_close(&mut self, why: &'static Why) -> Transition {
        match self.connection.socket.send_fin(self.slot) {
            Ok(()) => Transition::Enter(State::Closing, why),
            Err(_) => self.lost(),
        }
    }

    /// Reads and discards until the client's FIN, while bytes keep coming. A close with unread input would be a reset.
    /// It would cost the client the response to an upload that it is still sending.
    fn linger(&mut self) -> Transition {
        loop {
            if self.quota.bytes == 0 {
                return Transition::Stop(Outcome::Yielded);
            }
            match self.receive() {
                Ok(Some(0)) => {
                    self.connection.socket.peer_ended();
                    let is_by_host = self.connection.socket.is_closed_by_host();
                    return self.close(if is_by_host { Reason::ClosedByHost } else { Reason::Answered });
                }
                Ok(Some(_)) => {
                    let lingered = since(self.connection.closing_since, self.shared.clock.now());
                    if lingered >= nanoseconds(self.shared.config.timeouts.linger_total) {
                        return self.close(Reason::LingerLimit);
                    }
                    // A client that is still sending has not begun to read the response.
                    self.rearm = true;
                }
                Ok(None) => return self.wait(Interest::Input),
                Err(_) => return self.lost(),
            }
        }
    }

    // --- helpers ---

    /// Makes a transition. Returns the outcome if the run ends.
    #[inline(always)]
    fn follow(&mut self, transition: Transition) -> Option<Outcome> {
        match transition {
            Transition::Enter(state, why) => self.enter(state, why),
            Transition::Resume(state, why) => self.connection.enter(self.slot, state, why),
            Transition::Stop(outcome) => return Some(outcome),
        }
        None
    }

    /// Ends the connection, and the run. Notes which line has decided it.
    #[track_caller]
    fn close(&mut self, reason: Reason) -> Transition {
        Transition::Stop(self.closed(reason))
    }

    #[track_caller]
    fn closed(&mut self, reason: Reason) -> Outcome {
        self.shared.closed_at = Location::caller();
        Outcome::Closed(reason)
    }

    /// Enters a state, whose deadline starts anew.
    #[inline]
    fn enter(&mut self, state: State, why: &'static Why) {
        if state == State::Closing && self.connection.state != State::Closing {
            self.connection.closing_since = ticks(self.shared.clock.now());
            self.exchange.clear();
        }
        self.connection.enter(self.slot, state, why);
        self.rearm = true;
        self.exchange.in_flight.progress = 0;
    }

    /// Answers the whole requests in the input. This is the second step of a wave.
    pub(crate) fn answer(&mut self) -> Need {
        let name = NameOf { names: self.names, slot: self.slot };
        let origin = Origin { peer: self.connection.socket.stream(), name };
        let mut asked = Asked { handler: &mut *self.handler, origin };
        let need = answer::answer(&mut self.exchange, self.shared, &mut asked, &mut self.quota.requests);
        self.quota.has_framed(std::mem::take(&mut self.exchange.in_flight.framing));
        need
    }

    /// Reads once into the free part of the input. Returns `None` if it would block.
    #[inline(always)]
    #[track_caller]
    fn receive(&mut self) -> io::Result<Option<usize>> {
        if !self.connection.socket.may_read() {
            return Ok(None);
        }
        receive(self.connection, self.slot, self.exchange.space(), self.shared, &mut self.quota)
    }

    #[inline]
    #[track_caller]
    fn wait(&mut self, interest: Interest) -> Transition {
        if self.connection.socket.is_watched_for(interest) {
            return Transition::Stop(Outcome::Blocked);
        }
        self.watch(interest)
    }

    #[track_caller]
    fn watch(&mut self, interest: Interest) -> Transition {
        let token = self.shared.tokens.of(self.slot, self.connection.generation);
        match self.connection.socket.watch(self.slot, interest, self.net, token) {
            Ok(()) => Transition::Stop(Outcome::Blocked),
            Err(error) => {
                if self.shared.stats.register_errors == 0 {
                    log::error!("the poller cannot watch connections, so the server closes them: {error}");
                }
                self.shared.stats.register_errors += 1;
                if !self.exchange.out.is_empty() {
                    self.connection.socket.reset_on_close(self.slot);
                }
                self.close(Reason::Unpollable)
            }
        }
    }

    #[track_caller]
    fn end_of_input(&mut self) -> Transition {
        self.connection.socket.peer_ended();
        let is_between_requests = self.connection.state == State::Idle;
        self.close(if is_between_requests { Reason::PeerClosed } else { Reason::PeerClosedEarly })
    }

    #[track_caller]
    fn lost(&mut self) -> Transition {
        self.connection.socket.peer_ended();
        self.close(Reason::PeerReset)
    }
}

/// A response up to this size leaves in one segment, with our FIN. A larger one may have to wait for the client's
/// window, and a reset would discard what waits.
const CLOSED_AT_ONCE: u64 = 1024;
