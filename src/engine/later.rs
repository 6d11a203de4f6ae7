//! Requests that the host answers later: which connection an id names, and what the host does with it.

use super::Engine;
use crate::answer::{self, PeerName};
use crate::deferred::{Awaited, IdError, RequestId};
use crate::exchange::ExchangeId;
use crate::handler::request::{Origin, Request};
use crate::handler::{Reply, Responder};
use crate::intake::Intake;
use crate::names::NameOf;
use crate::net::Net;
use crate::slot::Slot;

/// A deferred request that waits for its response.
struct Found {
    slot: Slot,
    exchange: ExchangeId,
    awaited: Awaited,
}

impl<N: Net> Engine<N> {
    /// Returns the deferred request of an id, if it still waits.
    fn find_deferred(&self, id: RequestId) -> Result<Found, IdError> {
        let (slot, serial) = self.shared.deferrals.find(id)?;
        let exchange =
            self.table.get(slot).and_then(|connection| connection.exchange).ok_or(IdError::Over)?;
        let awaited = self.pool.awaited(exchange).filter(|it| it.serial == serial).ok_or(IdError::Over)?;
        Ok(Found { slot, exchange, awaited })
    }

    /// Begins the response to a deferred request. The next turn sends it.
    pub(super) fn begin_response(&mut self, id: RequestId) -> Result<Responder<'_>, IdError> {
        let Found { slot, exchange, awaited } = self.find_deferred(id)?;
        self.begin_responding(slot);
        let (_, out) = self.pool.open_response(exchange);
        Ok(answer::respond(awaited, out, &mut self.shared))
    }

    /// Lets a streamed response, or a body that is taken in pieces, go on. The next turn asks for the next piece, or
    /// hands over the rest of the last.
    pub(super) fn resume(&mut self, id: RequestId) -> Result<(), IdError> {
        let (slot, serial) = self.shared.deferrals.find(id)?;
        let exchange =
            self.table.get(slot).and_then(|connection| connection.exchange).ok_or(IdError::Over)?;
        *self.pool.is_paused_mut(exchange, serial).ok_or(IdError::Over)? = false;
        self.queue(slot);
        Ok(())
    }

    /// Lets the body of a request that was deferred at its head come in. The next turn reads it.
    pub(super) fn take_in(&mut self, id: RequestId, intake: Intake) -> Result<(), IdError> {
        let Found { slot, exchange, .. } = self.find_deferred(id)?;
        let most = intake.most(self.shared.config.limits.body_bytes);
        if !self.pool.in_flight(exchange).take_in(intake, most) {
            return Err(IdError::Over);
        }
        self.queue(slot);
        Ok(())
    }

    /// Finishes the response that the host has written or dropped.
    pub(super) fn finish_response(&mut self) {
        if let Some(slot) = self.responding.take() {
            let connection = &self.table[slot];
            let exchange = connection.exchange.expect("a deferred request has an exchange");
            let (in_flight, mut out) = self.pool.open_response(exchange);
            let peer = PeerName(connection.socket.stream());
            let on_sent = answer::finish(&mut out, &mut self.shared, &format_args!("{peer} (deferred)"));
            if let Some(kept) = in_flight.follow_deferred(on_sent, &self.shared.draft) {
                self.pool.release(exchange, kept);
            }
            if self.pool.has_few_outs() {
                // A host may answer more requests at once than there are outs. So the response is sent now,
                // and its out is free again.
                self.send_now(slot);
            }
        }
    }

    /// Ends a deferred request without a response. The next turn closes its connection.
    pub(super) fn cancel_deferred(&mut self, id: RequestId) -> Result<(), IdError> {
        let Found { slot, exchange, .. } = self.find_deferred(id)?;
        let in_flight = self.pool.in_flight(exchange);
        let kept = in_flight.stays().then(|| in_flight.kept());
        answer::cancel(in_flight, self.table[slot].socket.stream());
        if let Some(kept) = kept {
            self.pool.release(exchange, kept);
        }
        self.queue(slot);
        Ok(())
    }

    /// Shows a deferred request that is kept.
    pub(crate) fn with_request<R>(&self, id: RequestId, look: impl FnOnce(&Request<'_>) -> R) -> Option<R> {
        let (slot, exchange) = self.find_kept(id)?;
        let kept = self.pool.kept(exchange)?;
        let name = NameOf { names: &self.names, slot };
        let origin = Origin { peer: self.table[slot].socket.stream(), name };
        Some(answer::show(kept, id, &origin, &self.shared.config.limits, look))
    }

    /// Returns the connection and the exchange of a deferred request that is kept. What the last call of the host has
    /// left open counts as done.
    fn find_kept(&self, id: RequestId) -> Option<(Slot, ExchangeId)> {
        let (slot, serial) = self.shared.deferrals.find(id).ok()?;
        let exchange = self.table.get(slot)?.exchange?;
        let awaited = self.pool.awaited(exchange)?;
        let has_panicked = self.driving.is_some_and(|(driven, _)| driven == slot);
        let still_waits = match self.responding {
            Some(responding) if responding == slot => {
                self.shared.deferrals.is_taken(id) && self.shared.draft.special().keeps
            }
            _ => awaited.serial == serial,
        };
        (still_waits && !has_panicked).then_some((slot, exchange))
    }

    /// Lets the host respond to a deferred request that is kept, with the request before it. The next turn sends the
    /// response.
    pub(super) fn respond_with(
        &mut self,
        id: RequestId,
        respond: impl for<'r> FnOnce(&Request<'_>, Responder<'r>) -> Reply<'r>,
    ) -> Result<(), IdError> {
        let Found { slot, exchange, awaited } = self.find_deferred(id)?;
        if !awaited.keeps {
            return Err(IdError::NotKept);
        }
        self.begin_responding(slot);
        let (kept, out) = self.pool.open_kept(exchange);
        let name = NameOf { names: &self.names, slot };
        let origin = Origin { peer: self.table[slot].socket.stream(), name };
        answer::respond_with(kept, id, &origin, awaited, out, &mut self.shared, respond);
        Ok(())
    }

    /// Notes which deferred request the host responds to. The next call finishes the response.
    fn begin_responding(&mut self, slot: Slot) {
        self.responding = Some(slot);
        self.queue(slot);
        self.shared.deferrals.set_slot(slot);
    }

    /// Returns the deferred requests that are kept.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_requests(&self) -> Vec<RequestId> {
        let kept = self.table.iter().filter_map(|(slot, connection)| {
            let awaited = self.pool.awaited(connection.exchange?).filter(|awaited| awaited.keeps)?;
            Some(self.shared.deferrals.id(slot, awaited.serial))
        });
        kept.collect()
    }
}
