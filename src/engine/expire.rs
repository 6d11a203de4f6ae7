//! Expiry: ends the waits whose deadline has passed, and notes how late the host was.

use std::time::Duration;

use super::Engine;
use crate::connection::quota::Quota;
use crate::handler::Host;
use crate::net::Net;
use crate::state::State;
use crate::trace;

impl<N: Net> Engine<N> {
    /// Ends the waits whose deadline has passed. Returns `false` if the budget did not suffice for all of them.
    ///
    /// Connections in the ready queue have their turn first, because a late host is not the client's fault.
    pub(super) fn expire_due<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) -> bool {
        let now = self.now();
        if self.table.next_deadline() > now {
            return true;
        }
        let mut budget = self.shared.config.budget.requests;
        for list in State::WAITING {
            let mut next = self.table.longest_waiting(list);
            while let Some(slot) = next {
                if self.table.deadline(slot) > now {
                    break;
                }
                if budget == 0 {
                    return false;
                }
                budget -= 1;
                next = self.table.waiting_behind(slot);
                if self.table.is_ready(slot) {
                    continue;
                }
                if trace::is_on() {
                    self.trace_fired(slot, list);
                }
                let mut quota = Quota::granted(&self.shared.config.budget, 1);
                self.drive(slot, &mut quota, |driver| driver.expire(), handler);
                // That may have ended or moved the next connection.
                if next.is_some_and(|next| !self.table.is_waiting(next, list)) {
                    next = self.table.longest_waiting(list);
                }
            }
        }
        true
    }

    /// Returns when the host had to come: for a deadline, or for work that was left.
    pub(super) fn due(&self) -> u64 {
        // If a turn left work, the next turn has been due since that turn.
        self.left_at.unwrap_or(self.table.next_deadline())
    }

    /// Notes how late the host is.
    pub(super) fn note_lateness(&mut self, due: u64) {
        let late = self.now().saturating_sub(due);
        if late > self.lateness {
            self.lateness = late;
            self.shared.stats.max_lateness = Duration::from_nanos(late);
        }
    }
}
