//! How much of everything a pool has.

use crate::config::{Config, INPUT_SLACK};

/// The sizes of a pool: as configured, and one more record, head and out, which are always spare to work in. (The
/// driver never needs a spare body.)
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSizes {
    pub(crate) records: usize,
    pub(crate) heads: usize,
    pub(crate) outs: usize,
    pub(crate) bodies: usize,
}

impl PoolSizes {
    pub(crate) fn of(config: &Config) -> Self {
        let exchanges = config.exchanges.min(config.max_connections);
        let is_small = config.limits.body_bytes < INPUT_SLACK;
        PoolSizes {
            records: exchanges.saturating_add(1),
            heads: config.buffers.heads.min(exchanges).saturating_add(1),
            outs: config.buffers.outs.min(exchanges).saturating_add(1),
            // The smallest bodies fit into the rest of any head buffer.
            bodies: if is_small { 0 } else { config.buffers.bodies.min(exchanges) },
        }
    }
}
