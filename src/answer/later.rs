//! Deferred requests that the host does not answer in the usual way.

use log::debug;

use super::{PeerName, REQUESTS};
use crate::exchange::{InFlight, OnSent};
use crate::net::Peer;

/// Ends a deferred request without a response.
pub(crate) fn cancel(in_flight: &mut InFlight, peer: &dyn Peer) {
    debug!(target: REQUESTS, "{} (deferred) cancelled", PeerName(peer));
    in_flight.on_sent = OnSent::Drop;
}
