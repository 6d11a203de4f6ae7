//! What the simulation and tests look at.

use super::Pool;
use crate::exchange::ExchangeId;
use crate::exchange::buffers::Buffers;

impl Pool {
    /// Returns the capacities of everything that could grow.
    pub(crate) fn capacities(&self) -> Vec<usize> {
        vec![self.records.capacity(), self.equipped.capacity(), self.bare.capacity(), self.bodies.capacity()]
    }

    /// Returns how many records are lent.
    pub(crate) fn lent(&self) -> usize {
        self.size - self.spare_records()
    }

    /// Returns how many heads, outs and bodies are lent.
    pub(crate) fn buffers_lent(&self) -> [usize; 3] {
        let [heads, outs, bodies] = [&self.heads, &self.outs, &self.bodies.buffers].map(Buffers::lent);
        [heads - self.equipped.len(), outs - self.equipped.len(), bodies]
    }

    /// Returns whether a record has borrowed exactly what it needs.
    pub(crate) fn is_frugal(&self, id: ExchangeId) -> bool {
        let record = &self.records[id.index()];
        let has_input_buffer = record.head.is_some() || record.body.is_some();
        has_input_buffer != record.has_no_input() && (record.out_buffer.is_some()) != record.has_no_copied()
    }

    /// Returns whether a record has borrowed a head, an out and a body.
    pub(crate) fn borrowed(&self, id: ExchangeId) -> [bool; 3] {
        let record = &self.records[id.index()];
        [record.head, record.out_buffer, record.body].map(|buffer| buffer.is_some())
    }
}
