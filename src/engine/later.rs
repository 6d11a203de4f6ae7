//! Deferred requests: which connection an id names, and what the host does with it besides responding.

use super::Engine;
use crate::answer;
use crate::deferred::{Awaited, IdError, RequestId};
use crate::exchange::ExchangeId;
use crate::net::Net;
use crate::slot::Slot;

/// A deferred request that waits for its response.
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) exchange: ExchangeId,
    pub(super) awaited: Awaited,
}

impl<N: Net> Engine<N> {
    /// Returns the deferred request of an id, if it still waits.
    pub(super) fn find_deferred(&self, id: RequestId) -> Result<Found, IdError> {
        let (slot, serial) = self.shared.deferrals.find(id)?;
        let exchange =
            self.table.get(slot).and_then(|connection| connection.exchange).ok_or(IdError::Over)?;
        let awaited = self.pool.awaited(exchange).filter(|it| it.serial == serial).ok_or(IdError::Over)?;
        Ok(Found { slot, exchange, awaited })
    }

    /// Ends a deferred request without a response. The next turn closes its connection.
    pub(super) fn cancel_deferred(&mut self, id: RequestId) -> Result<(), IdError> {
        let Found { slot, exchange, .. } = self.find_deferred(id)?;
        answer::cancel(self.pool.in_flight(exchange), self.table[slot].socket.stream());
        self.table.queue(slot);
        Ok(())
    }
}
