//! Draining: the end of a server, with or without a grace period for open connections.

use std::time::Duration;

use super::Engine;
use crate::clock::nanoseconds;
use crate::config::IdleInDrain;
use crate::handler::Host;
use crate::net::{Net, Readiness};
use crate::state::State;
use crate::stats::{Phase, Reason};

/// The last tenth of the grace period is for closing idle connections, if the drain has let them send one
/// more request.
const LAST_PART: u32 = 10;

impl<N: Net> Engine<N> {
    /// Stops accepting, and ends idle connections now or later. Requests in progress get their responses within
    /// `grace`.
    pub(super) fn begin_drain(&mut self, grace: Duration) {
        if self.shared.phase == Phase::Closed {
            return;
        }
        let now = self.now();
        self.accept_last();
        self.close_listeners();
        self.shared.phase = Phase::Draining;
        self.drain_until = now.saturating_add(nanoseconds(grace));
        self.idle_until = match self.shared.config.idle_in_drain {
            IdleInDrain::Close => now,
            IdleInDrain::LastRequest => now.saturating_add(nanoseconds(grace - grace / LAST_PART)),
        };
        self.end_idle();
        if self.table.len() == 0 && !self.has_reports() {
            self.shared.phase = Phase::Closed;
        }
    }

    /// Ends everything at once.
    pub(super) fn end_all(&mut self) {
        self.left_at = None;
        self.close_listeners();
        for list in State::WAITING {
            while let Some(slot) = self.table.longest_waiting(list) {
                let is_answered =
                    matches!(self.table[slot].state, State::Sending | State::Deferred | State::Streaming);
                if is_answered || self.table[slot].state == State::Received {
                    self.table[slot].socket.reset_on_close(slot);
                }
                self.remove(slot, list, Reason::Shutdown);
            }
        }
        // The handler still has to learn which requests can no longer be answered, and which connections have ended.
        let is_over = !self.has_reports();
        self.shared.phase = if is_over { Phase::Closed } else { Phase::Draining };
    }

    /// Ends idle connections when a drain has no more time for them. A request may have arrived meanwhile, so each is
    /// driven once more, and ends if there is none.
    pub(super) fn end_idle(&mut self) {
        if self.shared.phase != Phase::Draining || self.shared.ends_idle || self.now() < self.idle_until {
            return;
        }
        self.shared.ends_idle = true;
        let mut next = self.table.longest_waiting(State::Idle);
        while let Some(slot) = next {
            next = self.table.waiting_behind(slot);
            self.table[slot].socket.hint(Readiness { readable: true, ..Readiness::default() });
            self.queue(slot);
        }
    }

    /// Ends the drain if no connection is left, or if its time is over.
    pub(super) fn end_drain<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) {
        let is_over = self.table.len() == 0 || self.drain_until <= self.now();
        if self.shared.phase == Phase::Draining && is_over {
            self.end_all();
            self.tell_gone(handler);
            self.shared.phase = Phase::Closed;
        }
    }
}
