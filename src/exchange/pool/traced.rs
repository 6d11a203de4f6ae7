//! What a trace says about the pool: which buffers a connection keeps after a run, and which it gives back.

use super::Pool;
use crate::exchange::ExchangeId;
use crate::slot::Slot;
use crate::trace::{self, Place};

/// The names of a record and of what it borrows.
const NAMES: [&str; 4] = ["record", "head", "out", "body"];

impl Pool {
    /// Traces what a record has borrowed or given back since the last call. A record that is not `lent` keeps nothing.
    #[cold]
    pub(crate) fn trace_kept(&mut self, id: ExchangeId, slot: Slot, is_lent: bool, at: Place) {
        let record = &mut self.records[id.index()];
        let borrowed = [record.head.is_some(), record.out_buffer.is_some(), record.body.is_some()];
        let kept = if is_lent { [true, borrowed[0], borrowed[1], borrowed[2]] } else { [false; 4] };
        let before = record.traced;
        record.traced = (0..).zip(kept).fold(0, |bits, (at, is_kept)| bits | u8::from(is_kept) << at);
        for (which, is_kept) in kept.into_iter().enumerate() {
            if is_kept != (before & 1 << which != 0) {
                self.trace_buffer(which, is_kept, slot, at);
            }
        }
    }

    fn trace_buffer(&self, which: usize, is_lent: bool, slot: Slot, at: Place) {
        let bodies = &self.bodies.buffers;
        let lent = match which {
            0 => self.size - self.spare_records(),
            1 => self.heads.count() - self.spare_heads(),
            2 => self.outs.count() - self.spare_outs(),
            _ => bodies.count() - bodies.spares(),
        };
        let (kind, buffer) = (if is_lent { "lent" } else { "returned" }, NAMES[which]);
        let fields = [
            ("kind", kind.into()),
            ("slot", slot.index().into()),
            ("buffer", buffer.into()),
            ("lent", lent.into()),
        ];
        trace::step(trace::BUFFERS, at, &fields, format_args!("slot {slot}: {buffer} {kind}, {lent} lent"));
    }
}
