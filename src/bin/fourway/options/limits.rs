//! The options about the size of requests.

use clap::Args;
use fourway::{Config, Intake, Limits};

use super::values::{bytes, size};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits and times")]
pub struct LimitOptions {
    /// Limit request line and headers, 64 to 16mi bytes; else 431.
    #[arg(long, value_name = "N", env = "FOURWAY_HEAD_LIMIT", value_parser = size(64..=1 << 24))]
    #[arg(default_value_t = Limits::default().head_bytes)]
    pub head_limit: usize,

    /// Limit the number of headers, 1 to 256; else 431.
    #[arg(long, value_name = "N", env = "FOURWAY_HEADER_LIMIT", value_parser = size(1..=256))]
    #[arg(default_value_t = Limits::default().headers)]
    pub header_limit: usize,

    /// Limit the target, 1 to 16mi bytes; else 414.
    #[arg(long, value_name = "N", env = "FOURWAY_TARGET_LIMIT", value_parser = size(1..=1 << 24))]
    #[arg(default_value_t = Limits::default().target_bytes)]
    pub target_limit: usize,

    /// Limit the body, 0 or more bytes; else 413 [default: no limit]
    #[arg(long, value_name = "N", env = "FOURWAY_BODY_LIMIT", value_parser = bytes)]
    pub body_limit: Option<u64>,
}

impl LimitOptions {
    /// Sets the library's settings.
    pub fn apply(&self, config: &mut Config) {
        config.limits.head_bytes = self.head_limit;
        config.limits.headers = self.header_limit;
        config.limits.target_bytes = self.target_limit;
    }

    /// Returns what becomes of a body: it is read and thrown away.
    pub fn intake(&self) -> Intake {
        self.body_limit.map_or(Intake::Discard, Intake::DiscardAtMost)
    }
}
