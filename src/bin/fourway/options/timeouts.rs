//! The options about times, and about the end of the server.

use std::time::Duration;

use clap::Args;
use fourway::{Config, Timeouts};

use super::values::{DrainIdle, Time};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits and times")]
pub struct TimeoutOptions {
    /// Limit the time in which the head of a request arrives.
    #[arg(long, value_name = "T", env = "FOURWAY_HEAD_TIMEOUT")]
    #[arg(default_value_t = Time(Timeouts::default().head))]
    pub head_timeout: Time,

    /// Limit the time for each 4 KiB of a request's body.
    #[arg(long, value_name = "T", env = "FOURWAY_BODY_TIMEOUT")]
    #[arg(default_value_t = Time(Timeouts::default().body))]
    pub body_timeout: Time,

    /// Limit the time between two requests, and before the first.
    #[arg(long, value_name = "T", env = "FOURWAY_IDLE_TIMEOUT")]
    #[arg(default_value_t = Time(Timeouts::default().idle))]
    pub idle_timeout: Time,

    /// Limit the time for each 4 KiB of a response.
    #[arg(long, value_name = "T", env = "FOURWAY_WRITE_TIMEOUT")]
    #[arg(default_value_t = Time(Timeouts::default().write))]
    pub write_timeout: Time,

    /// Limit the wait for the client's FIN after the last response.
    #[arg(long, value_name = "T", env = "FOURWAY_LINGER_TIMEOUT")]
    #[arg(default_value_t = Time(Timeouts::default().linger))]
    pub linger_timeout: Time,
}

impl TimeoutOptions {
    /// Sets the library's settings.
    pub fn apply(&self, config: &mut Config) {
        config.timeouts.head = self.head_timeout.0;
        config.timeouts.body = self.body_timeout.0;
        config.timeouts.idle = self.idle_timeout.0;
        config.timeouts.write = self.write_timeout.0;
        config.timeouts.linger = self.linger_timeout.0;
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits and times")]
pub struct ShutdownOptions {
    /// Limit the wait for requests in progress at the end.
    #[arg(long, value_name = "T", env = "FOURWAY_DRAIN_TIMEOUT")]
    #[arg(default_value_t = Time(Duration::from_secs(10)))]
    pub drain_timeout: Time,

    /// End idle ones: close, last-request [default: close; inherited: last-request]
    ///
    /// A server that inherits sockets has a successor, so its idle clients have time for a last request.
    #[arg(long, value_name = "MODE", env = "FOURWAY_DRAIN_IDLE", value_enum)]
    pub drain_idle: Option<DrainIdle>,
}
