//! The ledger of TIME_WAIT: who holds it, and how long the ports of clients on this machine last.
//!
//! It has two kinds of reads. [`Ledger::cheap`] reads counts that the kernel keeps (`/proc/net/sockstat`, some 0.1 ms).
//! [`Ledger::look`] begins a dear one: it asks the kernel for all TCP sockets (`man 7 sock_diag`), one piece at a time.
//! A host looks only if somebody wants to see the result:
//!
//! ```text
//! let mut ledger = Ledger::new(&addresses_of_listeners);
//! loop {
//!     let timeout = earliest(server.next_timeout(now), ledger.next_timeout(now));
//!     poll, handle events, process;
//!     ledger.turn(now);                  // once a turn: at most one receive
//! }
//! // For each request of a page: begin to look, and show what the last look found.
//! ledger.cheap(now);
//! ledger.look(now);
//! let view = ledger.view();
//! ```
//!
//! Three rules keep it from disturbing the server:
//!
//! - **A turn makes at most one system call that dumps**, and never waits in it. A receive returns some 340 sockets (32
//!   KiB), which takes about half a millisecond.
//! - **The kernel does not filter.** With a filter for TIME_WAIT, one receive passes over all other sockets until it has
//!   32 KiB of these: with 80,000 connections and few TIME_WAITs, that took 17 ms. Without a filter every receive is
//!   short. It also sees the live connections, which hold ports too, and other programs' listeners.
//! - **A receive comes at most every [`PACE`]**, so a look takes about 1 % of the loop's time, however many sockets there
//!   are. A look at 28,000 sockets lasts 4 seconds. The counts of a look are therefore no snapshot.
//!
//! The memory is bounded: a buffer, and a table of [`count::MOST_PAIRS`] pairs of addresses.
//!
//! - `message`: the bytes of a request and of its replies;
//! - `dump`: the conversation with the kernel, step by step;
//! - `count`: the counts, made while the replies arrive;
//! - `outlook`: how long the ports last.

pub mod count;
pub mod dump;
mod message;
pub mod outlook;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::machine::ports::Ports;
use super::machine::sockstat::{self, Sockstat};
use super::machine::this;
use super::machine::time_wait::Reuse;
use count::{Count, Pair};
pub use dump::Netlink;
use dump::{Dump, Kernel, Step};
use outlook::Outlook;

/// The minimum time between two receives.
pub const PACE: Duration = Duration::from_millis(50);

/// The time for which the result of a look is fresh. No other look begins meanwhile.
const FRESH: Duration = Duration::from_secs(1);

/// The minimum time between two cheap reads.
const CHEAP: Duration = Duration::from_millis(100);

/// The largest reply of the kernel.
const REPLY: usize = 32 * 1024;

/// Everything that is known. A host reads its fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The counts of the whole network namespace. `None` before the first cheap read, or if they cannot be read.
    pub counts: Option<Sockstat>,
    /// The result of the last look that has ended.
    pub detail: Option<Detail>,
    /// A look has begun, and has not ended.
    pub is_looking: bool,
    /// The reason why the last look failed.
    pub problem: Option<String>,
}

/// The result of a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The time at which the look ended.
    pub at: Instant,
    /// Sockets in TIME_WAIT whose own address is one of the server's: the server closed first.
    pub held_here: u64,
    /// Sockets in TIME_WAIT of clients on this machine: the client closed first.
    pub held_by_clients: u64,
    /// The server's ends of connections by the kernel's state, at the number of the state
    /// (`include/net/tcp_states.h`): 1 is ESTABLISHED, 6 is TIME_WAIT.
    pub states_here: [u64; message::STATES],
    /// Pairs of a client's address on this machine and a listener, those with the most ports first.
    pub pairs: Vec<Pair>,
    /// The sockets of further pairs, for which the table has no place.
    pub in_other_pairs: u64,
    /// What the first of the pairs has ahead. `None` if no client on this machine has a port, or if the kernel's settings
    /// cannot be read.
    pub outlook: Option<Outlook>,
    /// The number of sockets that the kernel has listed, and of receives that took.
    pub sockets: u64,
    pub receives: u64,
}

/// The ledger of one server.
pub struct Ledger {
    listeners: Vec<SocketAddr>,
    view: View,
    look: Option<Look>,
    /// Empty until the first look.
    buffer: Vec<u8>,
    cheap_at: Option<Instant>,
    open: fn() -> io::Result<Box<dyn Kernel>>,
}

/// A look that has begun.
struct Look {
    dump: Dump,
    count: Count,
    next: Instant,
    ports: Option<Ports>,
    reuse: Reuse,
}

impl Ledger {
    /// Begins a ledger for the server that listens on these addresses. Makes no system call.
    pub fn new(listeners: &[SocketAddr]) -> Self {
        Self::over(listeners, || Ok(Box::new(Netlink::open()?)))
    }

    /// The same with another kernel, for tests.
    fn over(listeners: &[SocketAddr], open: fn() -> io::Result<Box<dyn Kernel>>) -> Self {
        let (view, listeners) = (View::default(), listeners.to_vec());
        Ledger { listeners, view, look: None, buffer: Vec::new(), cheap_at: None, open }
    }

    /// Reads the counts that the kernel keeps, unless it has just read them.
    pub fn cheap(&mut self, now: Instant) {
        if self.cheap_at.is_none_or(|at| now.saturating_duration_since(at) >= CHEAP) {
            self.cheap_at = Some(now);
            self.view.counts = sockstat::read(&this);
        }
    }

    /// Begins to look, unless it looks already or its last result is fresh. [`turn`](Self::turn) does the work.
    pub fn look(&mut self, now: Instant) {
        let detail_at = self.view.detail.as_ref().map(|detail| detail.at);
        let is_fresh = detail_at.is_some_and(|at| now.saturating_duration_since(at) < FRESH);
        if self.look.is_some() || is_fresh {
            return;
        }
        match (self.open)() {
            Ok(kernel) => {
                self.buffer.resize(REPLY, 0);
                self.look = Some(Look::begin(kernel, &self.listeners, now));
                self.view.is_looking = true;
            }
            Err(error) => self.view.problem = Some(error.to_string()),
        }
    }

    /// Continues a look with at most one system call that dumps, if its time has come. Call this once a turn.
    pub fn turn(&mut self, now: Instant) {
        let Some(look) = self.look.as_mut().filter(|look| look.next <= now) else { return };
        look.next = now + PACE;
        match look.dump.step(&mut self.buffer, &mut look.count) {
            Step::Running => {}
            Step::Done => {
                self.view.detail = Some(look.detail(now));
                self.view.problem = None;
                self.end();
            }
            Step::Failed(error) => {
                self.view.problem = Some(error.to_string());
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.look = None;
        self.view.is_looking = false;
    }

    /// Returns the time until [`turn`](Self::turn) has work, or `None` if it has none.
    #[must_use]
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        self.look.as_ref().map(|look| look.next.saturating_duration_since(now))
    }

    /// Returns everything that is known.
    pub fn view(&self) -> &View {
        &self.view
    }
}

impl Look {
    fn begin(kernel: Box<dyn Kernel>, listeners: &[SocketAddr], now: Instant) -> Self {
        let (ports, reuse) = (Ports::read(&this), Reuse::read(&this));
        let range = ports.as_ref().map(|ports| ports.range.clone());
        Look { dump: Dump::new(kernel), count: Count::new(listeners, range, reuse), next: now, ports, reuse }
    }

    fn detail(&mut self, now: Instant) -> Detail {
        let count = &mut self.count;
        count.pairs.sort_by_key(|pair| std::cmp::Reverse(pair.taken()));
        let outlook = count.pairs.first().zip(self.ports.as_ref()).and_then(|(pair, ports)| {
            let ports = ports.count().saturating_sub(count.ports_of_listeners()) as u64;
            Some(Outlook::of(pair, ports, self.reuse.hold(pair.is_loopback())?))
        });
        Detail {
            at: now,
            held_here: count.held_here,
            held_by_clients: count.held_by_clients,
            states_here: count.states_here,
            pairs: std::mem::take(&mut count.pairs),
            in_other_pairs: count.in_other_pairs,
            outlook,
            sockets: count.sockets,
            receives: self.dump.receives(),
        }
    }
}
