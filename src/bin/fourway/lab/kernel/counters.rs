//! The counters of `/proc/net/snmp` (RFC 4022), which the kernel keeps for all connections of the network namespace.

use crate::machine::{netstat, this};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Segments that were sent.
    pub segments: u64,
    pub retransmissions: u64,
    pub resets: u64,
}

impl Counters {
    pub fn read() -> Option<Self> {
        let text = this("/proc/net/snmp")?;
        let counter = |name| netstat::counter(&text, "Tcp:", name);
        Some(Counters {
            segments: counter("OutSegs")?,
            retransmissions: counter("RetransSegs")?,
            resets: counter("OutRsts")?,
        })
    }

    /// Returns what was counted since `before`.
    pub fn since(self, before: Self) -> Self {
        Counters {
            segments: self.segments.wrapping_sub(before.segments),
            retransmissions: self.retransmissions.wrapping_sub(before.retransmissions),
            resets: self.resets.wrapping_sub(before.resets),
        }
    }
}
