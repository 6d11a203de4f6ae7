//! Dispatch: lends a connection what it needs, drives it, and then puts it back or ends it.
//!
//! The parameter `listed` of several functions is the state in whose deadline list the connection was when
//! the run began. The driver may change the state, and the lists follow after the run.

use std::panic::Location;

use super::Engine;
use super::traced::End;
use crate::connection::Connection;
use crate::connection::driver::{Driver, Outcome};
use crate::connection::quota::Quota;
use crate::deferred::GoneReason;
use crate::exchange::ExchangeId;
use crate::handler::{Handler, Host};
use crate::http::response::Draft;
use crate::net::Net;
use crate::slot::Slot;
use crate::state::State;
use crate::state::transitions;
use crate::stats::Reason;
use crate::trace::{self, Place};

impl<N: Net> Engine<N> {
    /// Drives one connection, and makes sure that there is memory for the next.
    pub(super) fn drive<H: Host<N::Stream> + ?Sized>(
        &mut self,
        slot: Slot,
        quota: &mut Quota,
        act: impl FnOnce(&mut Driver<'_, N, H>) -> Outcome,
        handler: &mut H,
    ) -> Outcome {
        let end = self.run_driver(slot, quota, act, handler);
        if self.pool.is_short() {
            self.evict_for_buffers(slot, handler);
        }
        if self.table.waiting_len(State::AwaitingBuffer) > 0 {
            self.lend_bodies(handler);
        }
        self.tell_gone(handler);
        end
    }

    /// Drives a connection, and then puts it into the lists where it belongs, or hands it over to the host.
    pub(super) fn run_driver<H: Host<N::Stream> + ?Sized>(
        &mut self,
        slot: Slot,
        quota: &mut Quota,
        act: impl FnOnce(&mut Driver<'_, N, H>) -> Outcome,
        handler: &mut H,
    ) -> Outcome {
        let end = self.run_driver_only(slot, quota, act, handler);
        if end == Outcome::HandedOver {
            self.hand_over(slot, handler);
        }
        end
    }

    /// Drives a connection that is not handed over, and then puts it into the lists where it belongs.
    pub(super) fn run_driver_only<H: Handler + ?Sized>(
        &mut self,
        slot: Slot,
        quota: &mut Quota,
        act: impl FnOnce(&mut Driver<'_, N, H>) -> Outcome,
        handler: &mut H,
    ) -> Outcome {
        let connection = &self.table[slot];
        let listed = connection.state.waits_as();
        let id = match connection.exchange {
            Some(kept) => kept,
            None => self.pool.spare(),
        };
        self.driving = Some((slot, listed));
        let mut driver = self.driver(slot, id, *quota, handler);
        let end = act(&mut driver);
        let rearm = driver.rearm;
        *quota = driver.quota;
        self.driving = None;
        self.settle_exchange(slot, id, listed, rearm);
        if trace::is_on() {
            self.trace_settled(slot, id, listed, rearm, end);
        }
        match end {
            Outcome::Closed(reason) => self.remove_at(slot, listed, reason, self.shared.closed_at),
            Outcome::HandedOver => self.settle_deadline(slot, listed, rearm),
            Outcome::Blocked | Outcome::Yielded => {
                self.settle_deadline(slot, listed, rearm);
                if end == Outcome::Yielded {
                    self.queue(slot);
                }
            }
        }
        end
    }

    /// Returns the driver of a connection that works in this exchange.
    // Inlined, so that it is built in its caller's frame. It is larger than most of these frames.
    #[inline(always)]
    pub(super) fn driver<'a, H: Handler + ?Sized>(
        &'a mut self,
        slot: Slot,
        id: ExchangeId,
        quota: Quota,
        handler: &'a mut H,
    ) -> Driver<'a, N, H> {
        self.shared.deferrals.set_slot(slot);
        Driver {
            connection: &mut self.table[slot],
            net: &mut self.net,
            slot,
            exchange: self.pool.open(id),
            handler,
            shared: &mut self.shared,
            names: &self.names,
            quota,
            rearm: false,
        }
    }

    /// Lets a connection keep the exchange that it worked in if something is in flight, or else takes the exchange
    /// back.
    fn settle_exchange(&mut self, slot: Slot, id: ExchangeId, listed: State, rearm: bool) {
        let Connection { state, exchange, .. } = &mut self.table[slot];
        let in_flight = self.pool.settle(id, slot, *state, rearm || listed != *state);
        match (in_flight, exchange.is_none()) {
            (true, true) => {
                self.pool.lend(id);
                *exchange = Some(id);
            }
            (false, false) => {
                self.pool.give_back(id);
                *exchange = None;
            }
            _ => {}
        }
        if self.shared.descriptors.are_held() {
            self.settle_descriptors(slot);
        }
    }

    /// Closes the descriptors that were passed with a request, unless more of it has to arrive. They may be left of a
    /// request that was refused, or of bytes that no request has.
    #[cold]
    fn settle_descriptors(&mut self, slot: Slot) {
        let Connection { state, exchange, .. } = &self.table[slot];
        let is_arriving = match state {
            State::Head | State::AwaitingBuffer | State::Body | State::Holding => true,
            // A client that waits for `100 Continue`, or for a host that has deferred the request at its head, has
            // passed them with the head.
            State::Sending | State::Deferred => exchange.is_some_and(|id| self.pool.has_body(id)),
            State::Idle | State::Received | State::Streaming | State::Closing => false,
        };
        let descriptors = &mut self.shared.descriptors;
        if !is_arriving {
            descriptors.close(slot);
        }
    }

    /// Moves a connection to the end of its state's deadline list, if the state is new or the deadline starts anew.
    fn settle_deadline(&mut self, slot: Slot, listed: State, rearm: bool) {
        let list = self.table[slot].state;
        if rearm || listed != list {
            self.table.rearm(slot, listed, list, self.shared.clock.now());
        }
    }

    /// Queues a connection unless it is queued already.
    #[track_caller]
    pub(super) fn queue(&mut self, slot: Slot) {
        if trace::is_on() {
            self.trace_queued(slot);
        }
        self.table.queue(slot);
    }

    /// Ends a connection, as its caller has decided.
    #[track_caller]
    pub(super) fn remove(&mut self, slot: Slot, listed: State, reason: Reason) {
        self.remove_at(slot, listed, reason, Location::caller());
    }

    /// Ends a connection: frees its slot and its exchange, and closes its socket. No other function does this. The
    /// poller forgets a closed socket by itself. The line `at` has decided it.
    fn remove_at(&mut self, slot: Slot, listed: State, reason: Reason, at: Place) {
        if let Some(serial) = self.held_serial(slot) {
            self.shared.deferrals.note_gone(slot, serial, GoneReason::Ended(reason));
        }
        self.shared.descriptors.close(slot);
        if trace::is_on() {
            self.trace_leaving(slot, listed);
        }
        let connection = self.table.remove(slot, listed);
        if let Some(id) = connection.exchange {
            self.pool.give_back(id);
        }
        let (state, exchange) = (connection.state, connection.exchange);
        let peer_first = connection.socket.peer_closed_first();
        connection.socket.close(slot);
        transitions::check_end(state, reason);
        if trace::is_on() {
            self.trace_end(slot, End { exchange, state, reason, peer_first }, at);
        }
        self.shared.stats.count_close(reason, peer_first);
        self.names.end(slot, reason);
        if self.accepting.retry_at.is_some() {
            self.end_pause();
        }
    }

    /// Ends the connection whose handler has panicked. The panic has unwound through `drive`, and no other connection
    /// is lost.
    pub(super) fn close_panicked(&mut self) {
        if let Some((slot, listed)) = self.driving.take() {
            self.shared.stats.handler_panics += 1;
            self.shared.deferrals.note_taken_gone(GoneReason::Ended(Reason::HandlerPanic));
            self.shared.draft = Draft::default();
            self.table[slot].socket.reset_on_close(slot);
            self.remove(slot, listed, Reason::HandlerPanic);
        }
    }
}
