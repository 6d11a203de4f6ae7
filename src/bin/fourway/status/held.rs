//! The ledger as one of the figures: who holds TIME_WAIT, and what the busiest pair of addresses has ahead.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fourway::CloseMode;

/// What the last look has found. `None` is unknown: nobody has asked for a look, or the system tells nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Held {
    /// The time since the look ended.
    pub age: Option<Duration>,
    /// Sockets in TIME_WAIT of the target.
    pub here: Option<u64>,
    /// Sockets in TIME_WAIT of clients on this machine.
    pub by_clients: Option<u64>,
    /// The pair with the most ports.
    pub pair: Option<(IpAddr, SocketAddr)>,
    pub ports_left: Option<u64>,
    /// `None` also if as many ports become free as are taken.
    pub time_left: Option<Duration>,
    /// The close mode that keeps the ports from running out.
    pub remedy: Option<CloseMode>,
}

#[cfg(target_os = "linux")]
impl Held {
    /// Returns what a ledger knows.
    pub fn of(view: &crate::ledger::View, now: std::time::Instant) -> Self {
        use crate::ledger::outlook::Lasting;

        let Some(detail) = &view.detail else { return Held::default() };
        let outlook = detail.outlook.as_ref();
        let time_left = outlook.and_then(|outlook| match outlook.lasting {
            Lasting::Forever => None,
            Lasting::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        });
        Held {
            age: Some(now.saturating_duration_since(detail.at)),
            here: Some(detail.held_here),
            by_clients: Some(detail.held_by_clients),
            pair: outlook.map(|outlook| (outlook.client, outlook.server)),
            ports_left: outlook.map(|outlook| outlook.left),
            time_left,
            remedy: outlook.and_then(|outlook| outlook.remedy),
        }
    }
}

/// Returns the value of `--close` for a mode.
pub fn option_value(mode: CloseMode) -> Option<&'static str> {
    match mode {
        CloseMode::Fin => Some("fin"),
        CloseMode::Peer => Some("peer"),
        CloseMode::Rst => Some("rst"),
        CloseMode::Drop => Some("drop"),
        _ => None,
    }
}
