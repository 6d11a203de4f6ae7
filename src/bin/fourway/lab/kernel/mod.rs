//! What the kernel tells about one connection: the states and counters of both ends.
//!
//! - `end`: what is told of one end;
//! - `lookup`: a question about one socket (`man 7 sock_diag`), which an ordinary user may ask;
//! - `counters`: the counters of `/proc/net/snmp`, which are about all connections of the network namespace;
//! - `info`: the fields of `TCP_INFO`.
//!
//! A question takes some microseconds, and never waits. Other systems have no answers, so there all is unknown.

mod counters;
mod end;
#[cfg(target_os = "linux")]
mod info;
#[cfg(target_os = "linux")]
mod lookup;

use std::net::SocketAddr;

pub use counters::Counters;
pub use end::{End, Info, State};

/// Asks the kernel.
pub struct Kernel {
    #[cfg(target_os = "linux")]
    lookup: Option<lookup::Lookup>,
}

impl Kernel {
    pub fn open() -> Self {
        Kernel {
            #[cfg(target_os = "linux")]
            lookup: lookup::Lookup::open().ok(),
        }
    }

    /// Returns a kernel that answers nothing, as that of another system.
    #[cfg(test)]
    pub fn silent() -> Self {
        Kernel {
            #[cfg(target_os = "linux")]
            lookup: None,
        }
    }

    /// Returns whether it answers.
    pub fn is_told(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.lookup.is_some();
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Returns the end of a connection at `local`.
    #[cfg(target_os = "linux")]
    pub fn end(&mut self, local: SocketAddr, remote: SocketAddr) -> End {
        self.lookup.as_mut().and_then(|lookup| lookup.end(local, remote)).unwrap_or_default()
    }

    #[cfg(not(target_os = "linux"))]
    pub fn end(&mut self, _local: SocketAddr, _remote: SocketAddr) -> End {
        End::default()
    }

    /// Returns the counters of all connections.
    pub fn counters(&self) -> Option<Counters> {
        Counters::read()
    }
}
