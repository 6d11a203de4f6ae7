//! What the status server and the summary report: the figures of one moment.

use std::fmt::{self, Display, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::{Phase, Reason, Stats};

use super::held::Held;
use super::observed::Observed;
use crate::machine::accept_queue::AcceptQueue;
use crate::meter::{Meter, Spent};
use crate::steering::Counts;
use crate::verdict::Verdict;

/// The figures of one moment. All of them are of the target, and none of the status server.
#[derive(Debug)]
pub struct Figures<'a> {
    pub phase: Phase,
    pub stats: Stats,
    pub max_connections: usize,
    pub uptime: Duration,
    /// Each listener with an address, and its queue, if the kernel tells it.
    pub listeners: Vec<(SocketAddr, Option<AcceptQueue>)>,
    pub kernel: Kernel,
    pub held: Held,
    pub meter: &'a Meter,
    /// The time that the loop has spent up to this moment.
    pub spent: Option<Spent>,
    pub verdict: Verdict,
    /// What was steered, if anything can be.
    pub steered: Option<&'a Counts>,
}

/// The counts of the kernel. `None` is unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kernel {
    /// The number of connections that the kernel has turned away since the start of the program.
    pub listen_overflows: Option<u64>,
    /// The number of sockets in TIME_WAIT on this machine.
    pub time_wait: Option<u64>,
}

impl<'a> Figures<'a> {
    /// Returns the figures of this moment, without those that only the kernel knows.
    pub fn new(observed: &Observed<'a>, now: Instant) -> Self {
        let Observed { server, meter, max_connections, steered } = *observed;
        let stats = server.stats();
        let has_clients = stats.accepted > 0;
        Figures {
            phase: server.phase(),
            stats,
            max_connections,
            uptime: now.saturating_duration_since(meter.start_time()),
            listeners: Vec::new(),
            kernel: Kernel::default(),
            held: Held::default(),
            meter,
            spent: meter.spent_now(),
            verdict: Verdict::of(has_clients, meter),
            steered,
        }
    }

    /// Returns these counters at the beginning, on a system that knows nothing else.
    #[cfg(test)]
    pub fn of(stats: Stats, meter: &'a Meter) -> Self {
        Figures {
            phase: Phase::Running,
            verdict: Verdict::of(stats.accepted > 0, meter),
            stats,
            max_connections: 1,
            uptime: Duration::ZERO,
            listeners: Vec::new(),
            kernel: Kernel::default(),
            held: Held::default(),
            meter,
            spent: None,
            steered: None,
        }
    }

    /// Returns the number of open connections by their state.
    pub fn states(&self) -> [(&'static str, usize); 9] {
        let stats = &self.stats;
        [
            ("idle", stats.idle),
            ("reading_head", stats.reading_head),
            ("awaiting_buffer", stats.awaiting_buffer),
            ("reading_body", stats.reading_body),
            ("holding", stats.holding),
            ("sending", stats.sending),
            ("deferred", stats.deferred),
            ("streaming", stats.streaming),
            ("closing", stats.closing),
        ]
    }

    /// Returns the number of responses by the class of their status.
    pub fn responses(&self) -> [(&'static str, u64); 6] {
        let classes = [("1xx", 1), ("2xx", 2), ("3xx", 3), ("4xx", 4), ("5xx", 5), ("raw", 0)];
        classes.map(|(name, class)| (name, self.stats.responses(class)))
    }

    /// Returns the numbers of connections that ended, by reason: those that the client closed first, and those that
    /// the server closed first.
    pub fn closes(&self) -> impl Iterator<Item = (Reason, u64, u64)> {
        Reason::ALL.into_iter().map(|reason| {
            let (all, by_client) = (self.stats.closes(reason), self.stats.closes_by_client(reason));
            (reason, by_client, all - by_client)
        })
    }

    /// Returns the numbers of errors that are not responses.
    pub fn errors(&self) -> [(&'static str, u64); 5] {
        let stats = &self.stats;
        [
            ("handler_response", stats.handler_errors),
            ("handler_panic", stats.handler_panics),
            ("accept", stats.accept_errors),
            ("register", stats.register_errors),
            ("stale_event", stats.stale_events),
        ]
    }

    pub fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Running => "running",
            Phase::Draining => "draining",
            _ => "closed",
        }
    }
}

/// The name of a reason in small letters, such as `peer_closed`.
pub struct ReasonName(pub Reason);

impl Display for ReasonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct SnakeCase<'o, 'f>(&'o mut fmt::Formatter<'f>, bool);

        impl Write for SnakeCase<'_, '_> {
            fn write_str(&mut self, name: &str) -> fmt::Result {
                name.chars().try_for_each(|c| {
                    let begins_word = std::mem::replace(&mut self.1, true) && c.is_ascii_uppercase();
                    self.0.write_str(if begins_word { "_" } else { "" })?;
                    self.0.write_char(c.to_ascii_lowercase())
                })
            }
        }

        write!(SnakeCase(f, false), "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_reason_is_in_small_letters() {
        assert_eq!(ReasonName(Reason::PeerClosedEarly).to_string(), "peer_closed_early");
        assert_eq!(ReasonName(Reason::Answered).to_string(), "answered");
    }
}
