//! Expiry: ends what has waited too long, and notes how late the host was.

use super::Engine;
use crate::connection::quota::Quota;
use crate::handler::Handler;
use crate::net::Net;
use crate::state::State;

impl<N: Net> Engine<N> {
    /// Ends what has waited too long; whether that was all of it. Whatever is in the ready queue
    /// has its turn first: that a host came late is not the client's fault.
    pub(super) fn expire_due<H: Handler + ?Sized>(&mut self, handler: &mut H) -> bool {
        let now = self.now();
        if self.table.next_deadline() > now {
            return true;
        }
        let mut budget = self.shared.config.budget.requests;
        for list in State::ALL {
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
                let mut quota = Quota::granted(&self.shared.config.budget, 1);
                self.drive(slot, &mut quota, |driver| driver.expire(), handler);
                // That may have cost another its place.
                if next.is_some_and(|next| !self.table.is_waiting(next, list)) {
                    next = self.table.longest_waiting(list);
                }
            }
        }
        true
    }

    /// How long after its time the host comes, be it for a deadline or for work that was left.
    pub(super) fn note_lateness(&mut self) {
        // What the budget has left overdue is the host's fault only from then on.
        let due = self.left_at.unwrap_or(self.table.next_deadline());
        self.lateness = self.lateness.max(self.now().saturating_sub(due));
    }
}
