//! Visiting a connection: what it is lent, where it belongs afterwards, how it ends, and who has to
//! give way when the pool of exchanges is empty.

use log::trace;

use super::Core;
use crate::connection::State;
use crate::deferred::GoneReason;
use crate::handler::Handler;
use crate::http::response::Draft;
use crate::net::Net;
use crate::share::Share;
use crate::stats::Reason;
use crate::table::NONE;
use crate::visit::{End, STATES, Visit};

impl<N: Net> Core<N> {
    /// Lets one connection act, and sees to it that there is a spare exchange for the next.
    pub(super) fn visit<H: Handler + ?Sized>(
        &mut self,
        slot: u32,
        share: &mut Share,
        act: impl FnOnce(&mut Visit<'_, N, H>) -> End,
        handler: &mut H,
    ) -> End {
        let end = self.act(slot, share, act, handler);
        if !self.pool.has_spare() {
            self.evict_exchange(slot, handler);
        }
        self.tell_gone(handler);
        end
    }

    /// The visit itself; afterwards the connection is where it belongs.
    fn act<H: Handler + ?Sized>(
        &mut self,
        slot: u32,
        share: &mut Share,
        act: impl FnOnce(&mut Visit<'_, N, H>) -> End,
        handler: &mut H,
    ) -> End {
        let token = self.table.token(slot);
        let connection = &mut self.table[slot];
        let listed = connection.state;
        self.visiting = Some((slot, listed));
        self.service.tickets.visit(slot);
        let handle = match connection.exchange {
            NONE => self.pool.spare(),
            kept => kept,
        };
        let mut visit = Visit {
            connection,
            net: &mut self.net,
            token,
            slot,
            exchange: self.pool.open(handle),
            handler,
            service: &mut self.service,
            share: *share,
            rearm: false,
        };
        let end = act(&mut visit);
        let rearm = visit.rearm;
        *share = visit.share;
        let in_flight = !visit.exchange.is_empty();
        self.visiting = None;
        self.settle_exchange(slot, handle, in_flight);
        match end {
            End::Gone(reason) => self.remove(slot, listed, reason),
            End::Wait | End::Yield => {
                self.settle_deadline(slot, listed, rearm);
                if end == End::Yield && !cfg!(mutant = "yield_forgotten") {
                    self.table.queue(slot);
                }
            }
        }
        end
    }

    /// A connection keeps the exchange that it worked in exactly while something is in flight.
    fn settle_exchange(&mut self, slot: u32, handle: u32, in_flight: bool) {
        let own = &mut self.table[slot].exchange;
        match (in_flight, *own == NONE) {
            (true, true) => {
                self.pool.lend(handle);
                *own = handle;
            }
            (false, false) if !cfg!(mutant = "exchange_kept") => {
                self.pool.give_back(handle);
                *own = NONE;
            }
            _ => {}
        }
    }

    /// A connection is in the list that its state says.
    fn settle_deadline(&mut self, slot: u32, listed: State, rearm: bool) {
        let list = self.table[slot].state;
        if rearm || listed != list {
            self.table.disarm(slot, listed);
            self.table.arm(slot, list, self.service.clock.now());
        }
    }

    /// The one place where a connection ends: its slot and its exchange are free, its socket is
    /// closed. The poller forgets a socket that is closed.
    pub(super) fn remove(&mut self, slot: u32, listed: State, reason: Reason) {
        if let Some(awaited) = self.awaited(slot).filter(|_| !cfg!(mutant = "gone_not_told")) {
            self.service.tickets.lose(slot, awaited.serial, GoneReason::Ended(reason));
        }
        let connection = self.table.remove(slot, listed);
        if connection.exchange != NONE {
            self.pool.give_back(connection.exchange);
        }
        let (state, peer_closed_first) = (connection.state, connection.socket.peer_closed_first());
        connection.socket.close();
        trace!(target: STATES, "slot {slot}: {state:?} -> gone ({})", reason.as_str());
        self.service.stats.count_close(reason, peer_closed_first);
        if self.accepting.retry_at.is_some() {
            self.end_pause();
        }
    }

    /// The last spare exchange has been lent to `newest`: the slowest client gives up its own, so
    /// that slow clients cannot starve the others.
    fn evict_exchange<H: Handler + ?Sized>(&mut self, newest: u32, handler: &mut H) {
        let slot = self.slowest_client(newest);
        let listed = self.table[slot].state;
        if listed != State::Sending {
            let mut share = Share::granted(&self.service.config.budget, 0);
            self.act(slot, &mut share, |visit| visit.make_way(), handler);
        }
        if !self.pool.has_spare() {
            // It is in the middle of a response, or does not even take a 408.
            let listed = self.table[slot].state;
            self.table[slot].socket.reset_on_close();
            self.remove(slot, listed, Reason::Evicted);
        }
    }

    /// The one longest in its head, else in its body, else in its response. Those with an event
    /// come last, for they are about to be served.
    fn slowest_client(&self, newest: u32) -> u32 {
        let lists = [State::Head, State::Body, State::Sending];
        let all = lists.into_iter().flat_map(|list| self.longest_waiting_few(list));
        let mut others = all.filter(|&slot| slot != newest).peekable();
        let first = others.peek().copied();
        let is_waiting = |&slot: &u32| !self.table.is_ready(slot);
        let waiting = others.find(is_waiting).or(Some(newest).filter(is_waiting));
        waiting.or(first).unwrap_or(newest)
    }

    /// Those who have waited longest, and no more of them than can be looked at in passing.
    pub(super) fn longest_waiting_few(&self, list: State) -> impl Iterator<Item = u32> {
        const FEW: usize = 64;
        let first = self.table.longest_waiting(list);
        std::iter::successors(first, |&slot| self.table.waiting_behind(slot)).take(FEW)
    }

    /// A handler's panic has unwound through `visit`: its connection alone is lost.
    pub(super) fn bury_victim_of_panic(&mut self) {
        if let Some((slot, listed)) = self.visiting.take() {
            self.service.stats.handler_panics += 1;
            self.service.tickets.lose_taken(GoneReason::Ended(Reason::HandlerPanic));
            self.service.draft = Draft::default();
            self.table[slot].socket.reset_on_close();
            self.remove(slot, listed, Reason::HandlerPanic);
        }
    }
}
