//! The load that the machine is to bear.

use super::super::options::{ClientPlace, DoctorOptions};

/// The load that the options ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Connections that are open at the same time.
    pub connections: u64,
    /// New connections a second.
    pub rate: Option<u64>,
    /// The number of pairs of a client's address and a listener over which the connections are spread.
    pub pairs: u64,
    pub client: ClientPlace,
}

impl Asked {
    pub fn of(options: &DoctorOptions) -> Self {
        let &DoctorOptions { connections, rate, pairs, client, .. } = options;
        Asked { connections, rate, pairs, client }
    }

    /// Returns whether this machine also has the client's ends of the connections.
    pub fn has_client(&self) -> bool {
        self.client == ClientPlace::Here
    }

    /// Returns the number of ends of one connection that are on this machine.
    pub fn ends(&self) -> u64 {
        if self.has_client() { 2 } else { 1 }
    }
}
