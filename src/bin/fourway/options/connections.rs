//! The options about connections.

use std::num::NonZeroUsize;

use clap::{ArgAction, Args};
use fourway::Config;

use super::values::{Close, count, on_or_off};

#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionOptions {
    /// Close as fin (server first), peer (client first), rst, drop.
    #[arg(long, value_name = "MODE", env = "FOURWAY_CLOSE", value_enum, default_value = "fin")]
    pub close: Close,

    /// Allow more than one request on a connection.
    #[arg(long, value_name = "on|off", env = "FOURWAY_KEEP_ALIVE", default_value = "on")]
    #[arg(value_parser = on_or_off, action = ArgAction::Set)]
    pub keep_alive: bool,

    /// Hold at most N connections [default: what the file limit allows]
    ///
    /// It is 1 or more, such as 64k. The default is at most 1048576, or 131072 on a 32-bit system.
    #[arg(long, value_name = "N", env = "FOURWAY_MAX_CONNECTIONS", value_parser = count)]
    pub max_connections: Option<NonZeroUsize>,
}

impl ConnectionOptions {
    /// Sets the library's settings. `max_connections` is left out, because it also depends on the file limit.
    pub fn apply(&self, config: &mut Config) {
        config.close = self.close.into();
        config.keep_alive = self.keep_alive;
    }
}
