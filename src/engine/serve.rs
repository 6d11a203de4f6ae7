//! Serving the connections that are ready, in waves: first all of a wave receive, then all of them
//! are answered, then all send.
//!
//! Served one by one, each connection would take the processor through the whole of the code: the
//! kernel's for receiving, the parser, the handler, the kernel's for sending. That is several times
//! what the first cache of instructions holds, so that every step would begin by fetching what the
//! step before has displaced. In a wave one connection after the other takes the same step, and all
//! but the first of them find the code at hand.
//!
//! A wave is small ([`Budget::together`](crate::Budget::together)), so that its buffers stay in the
//! cache of data, and no client waits long for the others.
//!
//! Between two steps a connection is in the ready queue, as one that has work left: whatever
//! happens meanwhile to it or to another member of its wave, nothing is forgotten.

use super::Engine;
use super::wave::Member;
use crate::answer::{self, Asked};
use crate::connection::quota::Quota;
use crate::handler::Handler;
use crate::net::Net;
use crate::slot::Slot;
use crate::state::State;

impl<N: Net> Engine<N> {
    /// Serves each connection in the ready queue once; what is left of the budget.
    pub(super) fn serve_ready<H: Handler + ?Sized>(&mut self, mut budget: u32, handler: &mut H) -> u32 {
        let mut visits = self.table.ready_len();
        self.wave.clear();
        while visits > 0 && budget > 0 {
            let size = visits.min(self.wave_size(budget));
            let mut next = self.table.first_ready();
            if cfg!(mutant = "first_passed_over") && visits > size {
                next = next.and_then(|first| self.table.ready_behind(first));
            }
            while let Some(slot) = next.filter(|_| self.wave.len() < size) {
                self.join_wave(slot);
                next = self.table.ready_behind(slot);
            }
            visits -= size;
            budget = self.serve_wave(budget, handler);
        }
        budget
    }

    /// How many to serve together. It is limited by the remaining budget and by the free buffers.
    pub(super) fn wave_size(&self, left: u32) -> usize {
        let budget = &self.shared.config.budget;
        let affordable = (left / budget.requests_per_connection) as usize;
        affordable.min(budget.together).min(self.pool.spares().saturating_sub(1)).max(1)
    }

    /// A connection of the ready queue will be served with the others of the wave.
    pub(super) fn join_wave(&mut self, slot: Slot) {
        self.wave.push(Member { slot, quota: Quota::default(), has_input: false });
    }

    /// Serves the wave; what is left of the budget. Who finds none of it keeps the place in front.
    pub(super) fn serve_wave<H: Handler + ?Sized>(&mut self, mut budget: u32, handler: &mut H) -> u32 {
        let granted = Quota::granted(&self.shared.config.budget, budget);
        self.wave.iter_mut().for_each(|member| member.quota = granted);
        if budget > 0
            && self.wave.len() > 1
            && !self.wave.iter().any(|member| self.is_between_steps(member.slot))
        {
            (0..self.wave.len()).for_each(|at| self.receive(at));
            (0..self.wave.len()).for_each(|at| self.answer(at, handler));
        }
        for at in 0..self.wave.len() {
            let Member { slot, mut quota, has_input } = self.wave[at];
            // An earlier member may have evicted it.
            if (budget > 0 || has_input) && self.table.take_ready(slot) {
                self.drive(slot, &mut quota, |driver| driver.run(), handler);
                budget = budget.saturating_sub(granted.cost(quota));
            }
        }
        self.wave.clear();
        budget
    }

    /// Whether a connection has been read, and perhaps answered, in a wave that was not finished: a
    /// handler's panic has ended it. It is written to before anybody else is answered, for the next
    /// handler may panic as well.
    pub(super) fn is_between_steps(&self, slot: Slot) -> bool {
        let connection = &self.table[slot];
        connection.state == State::Idle && connection.exchange.is_some()
    }

    /// The first step: an idle connection gets an exchange, and what has arrived is read into it. An
    /// end or an error is met again by the last step.
    fn receive(&mut self, at: usize) {
        let member = &mut self.wave[at];
        let connection = &mut self.table[member.slot];
        if connection.state != State::Idle || connection.exchange.is_some() {
            return;
        }
        let id = self.pool.spare();
        let mut exchange = self.pool.open(id);
        let drains = self.net.short_read_drains(connection.socket.stream());
        if let Ok(Some(len @ 1..)) = connection.socket.read(member.slot, exchange.space(), drains) {
            if cfg!(mutant = "wave_forgets_input") {
                return;
            }
            exchange.input.filled(len);
            self.shared.stats.bytes_in += len as u64;
            member.quota.has_read(len);
            member.has_input = true;
            self.pool.lend(id);
            connection.exchange = Some(id);
        }
    }

    /// The second step: what is whole is answered.
    fn answer<H: Handler + ?Sized>(&mut self, at: usize, handler: &mut H) {
        let member = &mut self.wave[at];
        if !member.has_input {
            return;
        }
        let connection = &mut self.table[member.slot];
        let Some(id) = connection.exchange else { return };
        let mut exchange = self.pool.open(id);
        let mut asked = Asked { handler, peer: connection.socket.stream() };
        self.driving = Some((member.slot, connection.state));
        self.shared.deferrals.begin(member.slot);
        answer::answer(&mut exchange, &mut self.shared, &mut asked, &mut member.quota.requests);
        member.quota.has_framed(std::mem::take(&mut exchange.in_flight.framing));
        self.driving = None;
    }
}
