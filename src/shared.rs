//! What a server has only once, and lends to the driver as a whole.
//!
//! The table has the same `tokens`. It decodes the tokens of events and gives generations. The driver makes a
//! token from them when it registers a socket, and it cannot reach the table.

use std::panic::Location;

use crate::clock::Clock;
use crate::config::Config;
use crate::deferred::Deferrals;
use crate::exchange::pool::PoolSizes;
use crate::http::date::Date;
use crate::http::response::Draft;
use crate::net::descriptors::Descriptors;
use crate::stats::{Phase, Stats};
use crate::tokens::Tokens;
use crate::trace::Place;

/// Everything that answering needs besides the bytes of one request.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) stats: Stats,
    pub(crate) clock: Clock,
    pub(crate) phase: Phase,
    /// Whether a drain has no more time for idle connections.
    pub(crate) ends_idle: bool,
    pub(crate) tokens: Tokens,
    pub(crate) deferrals: Deferrals,
    pub(crate) date: Date,
    /// What clients have passed with requests that are not answered.
    pub(crate) descriptors: Descriptors,
    /// The response that is being written.
    pub(crate) draft: Draft,
    /// The line of the driver that has ended a connection last, for a trace.
    pub(crate) closed_at: Place,
}

impl Shared {
    pub(crate) fn new(config: Config, tokens: Tokens) -> Self {
        Shared {
            date: Date::new(config.wall_clock),
            descriptors: Descriptors::new(&config),
            deferrals: Deferrals::new(PoolSizes::of(&config).records),
            config,
            tokens,
            stats: Stats::default(),
            clock: Clock::default(),
            phase: Phase::Running,
            ends_idle: false,
            draft: Draft::default(),
            closed_at: Location::caller(),
        }
    }

    /// Returns whether each response is to be the last of its connection.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase != Phase::Running
    }
}
