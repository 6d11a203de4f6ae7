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

use super::Core;
use crate::connection::State;
use crate::handler::Handler;
use crate::http::{self, Asked};
use crate::net::Net;
use crate::table::NONE;
use crate::visit::Share;

/// A connection of a wave.
#[derive(Debug)]
pub(super) struct Member {
    slot: u32,
    share: Share,
    has_input: bool,
}

impl Member {
    pub(super) fn new(slot: u32) -> Self {
        Member { slot, share: Share::default(), has_input: false }
    }
}

impl<N: Net> Core<N> {
    /// Serves each connection in the ready queue once; what is left of the budget.
    pub(super) fn serve_ready<H: Handler + ?Sized>(&mut self, mut budget: u32, handler: &mut H) -> u32 {
        let mut visits = self.table.ready_len();
        let mut wave = std::mem::take(&mut self.wave);
        while visits > 0 && budget > 0 {
            let size = visits.min(self.wave_size(budget));
            let mut next = self.table.first_ready();
            while let Some(slot) = next.filter(|_| wave.len() < size) {
                wave.push(Member::new(slot));
                next = self.table.ready_behind(slot);
            }
            visits -= size;
            budget = self.serve(&mut wave, budget, handler);
        }
        self.wave = wave;
        budget
    }

    /// How many to serve together: so few that what is left of the budget is enough for all of them,
    /// whatever they do.
    pub(super) fn wave_size(&self, left: u32) -> usize {
        let budget = &self.service.config.budget;
        ((left / budget.requests_per_connection) as usize).clamp(1, budget.together)
    }

    /// Serves a wave, whose members are in the ready queue; what is left of the budget.
    pub(super) fn serve<H>(&mut self, wave: &mut Vec<Member>, mut budget: u32, handler: &mut H) -> u32
    where
        H: Handler + ?Sized,
    {
        if budget == 0 {
            wave.clear();
        }
        let granted = Share::granted(&self.service.config.budget, budget);
        wave.iter_mut().for_each(|member| member.share = granted);
        // Each that has input keeps an exchange, and after them there has to be one to spare.
        if wave.len() > 1 && wave.len() < self.pool.spares() {
            wave.iter_mut().for_each(|member| self.receive(member));
            wave.iter_mut().filter(|member| member.has_input).for_each(|member| self.answer(member, handler));
        }
        for Member { slot, mut share, .. } in wave.drain(..) {
            // Whose buffers another needed is not there any more.
            if self.table.take_ready(slot) {
                self.visit(slot, &mut share, |visit| visit.drive(), handler);
                budget = budget.saturating_sub(granted.cost(share));
            }
        }
        budget
    }

    /// The first step: an idle connection gets an exchange, and what has arrived is read into it. An
    /// end or an error is met again by the last step.
    fn receive(&mut self, member: &mut Member) {
        let connection = &mut self.table[member.slot];
        if connection.state != State::Idle || connection.exchange != NONE {
            return;
        }
        let handle = self.pool.spare();
        let mut exchange = self.pool.open(handle);
        let drains = self.net.short_read_drains(connection.socket.stream());
        if let Ok(Some(len @ 1..)) = connection.socket.read(exchange.input.space(), drains) {
            exchange.input.filled(len);
            self.service.stats.bytes_in += len as u64;
            member.share.bytes = member.share.bytes.saturating_sub(len);
            member.has_input = true;
            self.pool.lend(handle);
            connection.exchange = handle;
        }
    }

    /// The second step: what is whole is answered.
    fn answer<H: Handler + ?Sized>(&mut self, member: &mut Member, handler: &mut H) {
        let slot = member.slot;
        let connection = &mut self.table[slot];
        let mut exchange = self.pool.open(connection.exchange);
        let mut asked = Asked { handler, peer: connection.socket.stream() };
        self.visiting = Some((slot, connection.state));
        self.service.tickets.visit(slot);
        http::answer(&mut exchange, &mut self.service, &mut asked, &mut member.share.requests);
        self.visiting = None;
    }
}
