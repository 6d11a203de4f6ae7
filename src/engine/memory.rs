//! How much memory a server reserves.

use super::wave::Member;
use crate::config::Config;
use crate::deferred;
use crate::exchange::pool::{Pool, PoolSizes};

/// A connection's slot, with its places in the queues.
const SLOT_BYTES: usize = 48;

impl Config {
    /// The most memory that the server can come to use, in bytes: for connections, for requests in flight, and for the
    /// buffers.
    ///
    /// All of it is reserved by [`Server::new`](crate::Server::new). The system provides a page when it is first
    /// used, and keeps it for the server from then on. Not included are shared bodies of the host's, and what the
    /// kernel takes for sockets (about 4 KiB each when idle, and their buffers).
    ///
    /// ```
    /// let mut config = fourway::Config::default();
    /// assert!(config.reserved_bytes() < 180 << 20);
    /// config.buffers.heads = 16;
    /// config.buffers.outs = 16;
    /// config.buffers.bodies = 1;
    /// assert!(config.reserved_bytes() < 4 << 20);
    /// ```
    pub fn reserved_bytes(&self) -> usize {
        [
            self.max_connections.saturating_mul(SLOT_BYTES),
            PoolSizes::of(self).records.saturating_mul(deferred::PER_REQUEST),
            Pool::bytes(self),
            self.budget.wave_size.saturating_mul(size_of::<Member>()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}
