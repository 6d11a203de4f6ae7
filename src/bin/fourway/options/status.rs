//! The options about the status server and what the program prints about itself.

use clap::Args;

use super::values::Listen;

#[derive(Debug, Args)]
#[command(next_help_heading = "Status")]
pub struct StatusOptions {
    /// Show counters on ADDR: /stats.json, /metrics, /healthz.
    ///
    /// An address is one as for --listen, and can be repeated. It has 64 connections of its own, so it answers
    /// while all of --max-connections are in use.
    #[arg(long, value_name = "ADDR", env = "FOURWAY_STATUS_LISTEN", value_delimiter = ',')]
    pub status_listen: Vec<Listen>,
}

impl StatusOptions {
    /// Returns whether there is a status server.
    pub fn is_used(&self) -> bool {
        !self.status_listen.is_empty()
    }
}
