//! How much memory a server reserves.

use super::wave::Member;
use crate::config::Config;
use crate::connection;
use crate::deferred;
use crate::exchange::pool::{Pool, PoolSizes};
use crate::names;
use crate::net::descriptors::Descriptors;
use crate::table;

/// The bytes of a connection's slot, with its entries in the lists.
const SLOT_BYTES: usize = {
    // In here, because Rust 1.85 takes what only an unnamed constant uses for unused.
    assert!(connection::MOST_BYTES + table::LIST_BYTES <= 48);
    48
};

impl Config {
    /// Returns the most memory that the server can use, in bytes: for connections, for requests in flight, and for
    /// buffers.
    ///
    /// [`Server::new`](crate::Server::new) reserves all of it. The system provides a page when it is first used, and
    /// keeps it for the server from then on. The number does not include the host's shared bodies, nor the memory that
    /// the kernel takes for sockets (about 4 KiB for an idle one, and its buffers).
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
            if self.names { self.max_connections.saturating_mul(names::PER_SLOT) } else { 0 },
            PoolSizes::of(self).records.saturating_mul(deferred::PER_REQUEST),
            Pool::bytes(self),
            Descriptors::reserved(self),
            self.budget.wave_size.saturating_mul(size_of::<Member>()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_exchange_takes_what_its_documentation_says() {
        let with = |exchanges| Config { exchanges, max_connections: 2000, ..Config::default() };
        // With more exchanges than buffers, a further exchange reserves no buffer.
        let (less, more) = (with(1200).reserved_bytes(), with(1300).reserved_bytes());
        let each = (more - less) / 100;
        assert!((340..=360).contains(&each), "`Config::exchanges` says about 350 bytes, and it takes {each}");
    }
}
