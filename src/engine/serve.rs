//! Serving the connections that are ready, in waves: first all members of a wave receive, then all are answered, then
//! all send.
//!
//! If connections were served one by one, each would take the processor through all of the code: the kernel's
//! receive path, the parser, the handler, and the kernel's send path. That is several times the size of the
//! level-1 instruction cache. So every step would begin by fetching code that the step before has displaced.
//! In a wave, one connection after the other takes the same step, and all but the first find the code in the
//! cache.
//!
//! A wave is small ([`Budget::wave_size`](crate::Budget::wave_size)). So its buffers stay in the data cache, and no
//! client waits long for the others.
//!
//! Between two steps, a connection stays in the ready queue, like any connection that has work left. So nothing is
//! forgotten, whatever happens meanwhile to it or to another member of its wave.

use super::Engine;
use super::wave::Member;
use crate::connection::driver::receive_first;
use crate::connection::quota::Quota;
use crate::handler::Host;
use crate::net::Net;
use crate::slot::Slot;
use crate::state::State;
use crate::trace;

impl<N: Net> Engine<N> {
    /// Serves each connection in the ready queue once. Returns the remaining budget.
    pub(super) fn serve_ready<H: Host<N::Stream> + ?Sized>(
        &mut self,
        mut budget: u32,
        handler: &mut H,
    ) -> u32 {
        let mut visits = self.table.ready_len();
        self.wave.clear();
        while visits > 0 && budget > 0 {
            let size = visits.min(self.wave_size(budget));
            let mut next = self.table.first_ready();
            while let Some(slot) = next.filter(|_| self.wave.len() < size) {
                self.join_wave(slot);
                next = self.table.ready_behind(slot);
            }
            visits -= size;
            budget = self.serve_wave(budget, handler);
        }
        budget
    }

    /// Returns how many connections to serve together. The remaining budget and the spare buffers limit the number.
    pub(super) fn wave_size(&self, left: u32) -> usize {
        let budget = &self.shared.config.budget;
        let affordable = (left / budget.requests_per_connection) as usize;
        affordable.min(budget.wave_size).min(self.pool.spares().saturating_sub(1)).max(1)
    }

    /// Adds a connection of the ready queue to the wave.
    pub(super) fn join_wave(&mut self, slot: Slot) {
        self.wave.push(Member { slot, quota: Quota::default(), has_input: false });
    }

    /// Serves the wave and returns the remaining budget. If the budget is used up, the other members stay at
    /// the front of the queue.
    pub(super) fn serve_wave<H: Host<N::Stream> + ?Sized>(
        &mut self,
        mut budget: u32,
        handler: &mut H,
    ) -> u32 {
        let granted = Quota::granted(&self.shared.config.budget, budget);
        for member in &mut self.wave {
            member.quota = granted;
        }
        // A handler's panic may have interrupted a wave between its steps. First send what that wave has
        // answered. Another panic could delay it again.
        let is_unfinished = self.wave.iter().any(|member| self.table[member.slot].state == State::Received);
        if budget > 0 && self.wave.len() > 1 && !is_unfinished {
            for at in 0..self.wave.len() {
                self.receive(at);
            }
            for at in 0..self.wave.len() {
                self.answer(at, handler);
            }
        }
        for at in 0..self.wave.len() {
            let Member { slot, mut quota, has_input } = self.wave[at];
            // An earlier member may have evicted it.
            if (budget > 0 || has_input) && self.table.take_ready(slot) {
                if trace::is_on() {
                    self.trace_dequeued(slot);
                }
                self.drive(slot, &mut quota, |driver| driver.run(), handler);
                budget = budget.saturating_sub(granted.cost(quota));
            }
        }
        self.wave.clear();
        budget
    }

    /// Takes the first step: reads what has arrived for an idle connection into an exchange.
    // Without this, a host with two servers has two copies, and the compiler inlines neither: 15 instructions a request.
    #[inline(always)]
    fn receive(&mut self, at: usize) {
        let member = &mut self.wave[at];
        let connection = &mut self.table[member.slot];
        if connection.state != State::Idle {
            return;
        }
        let id = self.pool.spare();
        let mut input = self.pool.open_input(id);
        member.has_input =
            receive_first(connection, member.slot, &mut input, &mut self.shared, &mut member.quota);
        if member.has_input {
            self.pool.lend(id);
            connection.exchange = Some(id);
        }
    }

    /// Takes the second step: answers whole requests.
    fn answer<H: Host<N::Stream> + ?Sized>(&mut self, at: usize, handler: &mut H) {
        let Member { slot, quota, has_input } = self.wave[at];
        let Some(id) = self.table[slot].exchange.filter(|_| has_input) else { return };
        self.driving = Some((slot, State::Idle));
        let mut driver = self.driver(slot, id, quota, handler);
        driver.answer();
        self.wave[at].quota = driver.quota;
        self.driving = None;
    }
}
