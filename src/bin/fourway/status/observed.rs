//! The target as the status server and the other reports see it: from outside.

use fourway::Server;

use crate::meter::Meter;
use crate::steering::Counts;

/// What the figures of one moment are read from.
pub struct Observed<'a> {
    pub server: &'a Server,
    pub meter: &'a Meter,
    pub max_connections: usize,
    /// What was steered, if anything can be.
    pub steered: Option<&'a Counts>,
}
