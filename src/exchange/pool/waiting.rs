//! Records that wait for the host: for its response, for the next piece of it, or to take a piece of a body.

use std::num::NonZeroU64;

use super::Pool;
use crate::deferred::Awaited;
use crate::exchange::{ExchangeId, InFlight, OnSent};
use crate::intake::Intake;

impl Pool {
    /// Returns whether a request waits for the host to go on with its stream, or to take more of its body. Returns
    /// `None` if no such request has this serial.
    pub(crate) fn is_paused_mut(&mut self, id: ExchangeId, serial: NonZeroU64) -> Option<&mut bool> {
        let InFlight { on_sent, later, body, .. } = &mut self.records[id.index()].in_flight;
        if *on_sent == OnSent::AskMore(serial) {
            return Some(&mut later.streamed_mut()?.is_paused);
        }
        let body = body.as_mut().filter(|body| body.intake == Intake::Pieces && body.serial == serial);
        Some(&mut body?.is_paused)
    }

    /// Returns the serial of the request whose id the host still holds, if there is one.
    pub(crate) fn serial(&self, id: ExchangeId) -> Option<NonZeroU64> {
        self.records[id.index()].in_flight.held_serial()
    }

    /// Returns whether a record waits for the host: its stream for the next piece, or its body to be taken.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_paused(&self, id: ExchangeId) -> bool {
        let InFlight { on_sent, later, body, .. } = &self.records[id.index()].in_flight;
        match on_sent {
            OnSent::AskMore(_) => later.streamed().is_some_and(|streamed| streamed.is_paused),
            _ => body.as_ref().is_some_and(|body| body.is_paused),
        }
    }

    /// Returns the deferred request of a record, if it has one.
    pub(crate) fn awaited(&self, id: ExchangeId) -> Option<Awaited> {
        self.records[id.index()].in_flight.on_sent.awaited()
    }
}
