//! Records that keep a deferred request.

use super::Pool;
use crate::exchange::{Exchange, ExchangeId, InputBuffer, Kept, KeptRequest, Out};

impl Pool {
    /// Returns the request that a record keeps, if it does.
    pub(crate) fn kept(&self, id: ExchangeId) -> Option<KeptRequest<'_>> {
        let record = self.records.get(id.index()).filter(|record| record.in_flight.keeps())?;
        let input = match record.input_buffer()? {
            InputBuffer::Head(head) => self.heads.look_at(head),
            InputBuffer::Body(body) => self.bodies.buffers.look_at(body),
        };
        Some(record.in_flight.kept().of(&input[record.input.start..]))
    }

    /// Opens a record that keeps its request, for the response.
    pub(crate) fn open_kept(&mut self, id: ExchangeId) -> (KeptRequest<'_>, Out<'_>) {
        let Exchange { input, in_flight, out } = self.open(id);
        (in_flight.kept().of(input.into_pending()), out)
    }

    /// Drops the bytes of a request that a record has kept.
    pub(crate) fn release(&mut self, id: ExchangeId, kept: Kept) {
        self.records[id.index()].release(kept);
    }
}
