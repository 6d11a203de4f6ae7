//! The status server: a second server in the same loop, which shows the figures of the first, the target.
//!
//! It has slots, buffers and a budget of its own. So it answers while the target is full, and takes little time from
//! it. It reads the target from outside, like any other host.

mod figures;
mod held;
pub mod json;
#[cfg(target_os = "linux")]
mod ledger_json;
mod observed;
pub mod page;
mod pages;
mod prometheus;
mod sources;
mod stats_json;

use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use fourway::earliest;
use fourway::mio::Registry;
use fourway::mio::event::Event;
use fourway::{Config, Phase, Server, TokenRange};

pub use figures::Figures;
pub use observed::Observed;
pub use sources::Sources;
pub use stats_json::StatsJson;

use super::console::Console;
#[cfg(target_os = "linux")]
use super::ledger::Ledger;
use super::options::{Listen, Options};
use super::sockets::Sockets;
use page::Page;
use pages::Pages;

/// The status server, and what it listens on.
pub struct Status {
    server: Server,
    sockets: Sockets,
    has_events: bool,
    page: Page,
    #[cfg(target_os = "linux")]
    ledger: Ledger,
}

/// The maximum number of connections, which is also the number of descriptors to set aside.
pub const CONNECTIONS: usize = 64;

/// The longest time that a client of the status server delays the end of the program.
const GRACE: Duration = Duration::from_secs(1);

impl Status {
    /// Returns the settings of the status server: little of everything.
    pub fn config() -> Config {
        let mut config = Config::default();
        config.max_connections = CONNECTIONS;
        config.buffers.heads = 16;
        config.buffers.outs = 16;
        config.buffers.bodies = 1;
        config.limits.head_bytes = 8 * 1024;
        config.limits.body_bytes = 16 * 1024;
        config.budget.accepts = 8;
        config.budget.requests = 16;
        config.budget.requests_per_connection = 4;
        config.budget.bytes_per_connection = 128 * 1024;
        config.timeouts.write = Duration::from_secs(10);
        config
    }

    /// Makes the server. `beside` are the sockets of the target.
    pub fn new(registry: &Registry, beside: &Sockets) -> Result<Self, String> {
        let server = Server::new(registry, TokenRange::nth(1), Self::config());
        let server = server.map_err(|error| format!("cannot set up the status server: {error}"))?;
        Ok(Status {
            server,
            sockets: beside.beside(),
            has_events: false,
            page: Page::new(),
            #[cfg(target_os = "linux")]
            ledger: Ledger::new(beside.addresses()),
        })
    }

    /// Listens on one value of `--status-listen`.
    pub fn listen(&mut self, listen: &Listen, options: &Options, console: &Console) -> Result<(), String> {
        self.sockets.listen_for_status(&mut self.server, listen, options, console)
    }

    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Takes note of an event, if it is one of this server's.
    pub fn handle_event(&mut self, event: &Event) {
        self.has_events |= self.server.handle_event(event);
    }

    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        let own = self.server.next_timeout(now);
        #[cfg(target_os = "linux")]
        let own = earliest(own, self.ledger.next_timeout(now));
        own
    }

    /// Does one turn of work, if there is any. Call this once per turn of the loop, after the target's turn.
    pub fn process(&mut self, now: Instant, sources: &mut Sources, observed: &Observed<'_>) {
        #[cfg(target_os = "linux")]
        self.ledger.turn(now);
        if self.has_events || self.server.next_timeout(now) == Some(Duration::ZERO) {
            self.has_events = false;
            let mut pages = Pages {
                sources,
                observed,
                now,
                page: &self.page,
                #[cfg(target_os = "linux")]
                ledger: &mut self.ledger,
            };
            self.server.process(now, &mut pages);
        }
    }

    /// Ends the server, for use when the target is closed. Returns whether it has ended.
    pub fn end(&mut self, now: Instant) -> bool {
        if self.server.phase() == Phase::Running {
            self.server.drain(now, GRACE);
        }
        self.server.phase() == Phase::Closed
    }

    /// Ends the server at once.
    pub fn abort(&mut self) {
        self.server.abort();
    }
}
