//! What is logged: the library's targets, each at its level of `-v`.

use std::io::Write;

use env_logger::{Builder, Env};
use log::Level;

/// Logs to stderr; `RUST_LOG` wins over the number of `-v`.
pub fn start(verbose: u8) {
    let filter = match verbose {
        0 => "warn",
        1 => "warn,fourway::request=debug",
        2 => "warn,fourway::request=debug,fourway::state=trace",
        _ => "warn,fourway::request=debug,fourway::state=trace,fourway::readiness=trace",
    };
    Builder::from_env(Env::default().default_filter_or(filter))
        .format(|buffer, record| {
            // A level says nothing where each target has one only; which target it is does.
            let kind = match record.level() {
                Level::Error => "error",
                Level::Warn => "warning",
                _ => record.target().rsplit("::").next().unwrap_or_default(),
            };
            writeln!(buffer, "{} {kind:<9} {}", buffer.timestamp_millis(), record.args())
        })
        .init();
}
