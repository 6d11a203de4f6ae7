//! The options about accepting connections, or not.

use std::num::NonZeroUsize;

use clap::{ArgAction, Args};
use fourway::Config;

use super::values::{Time, count, on_or_off};

#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub struct AcceptOptions {
    /// Accept clients; off: their connects time out, until SIGUSR2.
    ///
    /// SIGUSR1 switches accepting off, and SIGUSR2 on. While it is off, the kernel answers no SYN (on Linux).
    #[arg(long, value_name = "on|off", env = "FOURWAY_ACCEPT", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set)]
    pub accept: bool,

    /// Accept at most N connections a second, evenly [default: as many as come]
    #[arg(long, value_name = "N", env = "FOURWAY_ACCEPT_RATE", value_parser = count)]
    pub accept_rate: Option<NonZeroUsize>,

    /// Accept what waits, then nobody for T [default: no pause]
    ///
    /// What waits is at most 256 connections at a time.
    #[arg(long, value_name = "T", env = "FOURWAY_ACCEPT_PAUSE")]
    pub accept_pause: Option<Time>,
}

impl AcceptOptions {
    /// Sets the library's settings.
    pub fn apply(&self, config: &mut Config) {
        if let Some(rate) = self.accept_rate {
            // A turn accepts what is due in a millisecond. The pause after it is as long as the poller can wait.
            let due = u32::try_from(rate.get() / 1000).unwrap_or(u32::MAX);
            config.budget.accepts = due.clamp(1, config.budget.accepts);
        }
    }
}
