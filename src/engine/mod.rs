//! The engine: one turn of work over any network.
//!
//! A turn has three large parts, each within a budget. They are steps 4 to 6 of the eight steps in
//! `docs/ARCHITECTURE.md`:
//!
//! - **Serve**: serves every connection in the ready queue once, in waves. A connection with work left goes to the
//!   queue's tail.
//! - **Accept**: accepts new connections and serves them as well, because their requests have often arrived already.
//! - **Expire**: ends the waits whose deadline has passed, with an error response if one is due.
//!
//! The other steps have no budget. Steps 1 to 3 finish what the call before has left open, report lost
//! requests to the handler, and end idle connections in a drain. Steps 7 and 8 lend body buffers, and end the
//! drain.
//!
//! While the host hands over events, no slot is freed. So the slot in an event still belongs to the
//! connection that the event is about. A host that calls something else between two events, such as `adopt`,
//! may free slots. Then the generation in an event's token shows whether the event is stale.
//!
//! The engine has no socket, no clock and no poller of its own. Tests provide all three.

mod call;
mod serve;
mod accept;
mod dispatch;
mod expire;
mod evict;
mod drain;
mod hand_over;
mod later;
mod gauges;
mod names;
mod listeners;
mod wave;
mod memory;
mod traced;

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use log::{error, trace};
use mio::Token;

use crate::clock::{FOR_EVER, nanoseconds};
use crate::config::Config;
use crate::exchange::pool::Pool;
use crate::handler::Host;
use crate::memory::can_reserve;
use crate::names::Names;
#[cfg(any(test, fuzzing))]
use crate::net::descriptors::Descriptors;
use crate::net::{Net, Readiness};
use crate::shared::Shared;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::{Phase, Stats};
use crate::table::Table;
use crate::tokens::{LISTENERS, Tokens};
use crate::trace::{self, READINESS};

use listeners::Accepting;
use wave::Member;

/// What one call of [`Server::process`](crate::Server::process) did.
///
/// ```
/// let progress = fourway::Progress::default();
/// assert!(!progress.more);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Connections accepted.
    pub accepted: u32,
    /// Requests given to the handler, or dropped.
    pub requests: u32,
    /// Connections that ended.
    pub closed: u32,
    /// Whether the budget ended the turn. Then there is work left, and
    /// [`next_timeout`](crate::Server::next_timeout) returns zero.
    pub more: bool,
}

/// What held when a call began. To end what was unfinished is a part of the call.
#[derive(Debug, Clone, Copy)]
struct Begun {
    /// How many connections had ended.
    closed: u64,
    /// When the call was due.
    due: u64,
}

#[derive(Debug)]
pub(crate) struct Engine<N: Net> {
    net: N,
    table: Table<N::Stream>,
    pool: Pool,
    accepting: Accepting<N::Listener>,
    /// The connections that are served together.
    wave: Vec<Member>,
    shared: Shared,
    names: Names,
    /// When a drain ends the idle connections, and when it ends all.
    idle_until: u64,
    drain_until: u64,
    /// The connection that is being driven, and its deadline list. A handler's panic leaves it set.
    driving: Option<(Slot, State)>,
    /// The connection whose deferred response the host is writing or has written. The next call finishes it.
    responding: Option<Slot>,
    /// The time of the last turn. `None` if that turn left no work.
    left_at: Option<u64>,
    /// The longest delay of a turn after its due time, in nanoseconds.
    lateness: u64,
    /// Whether an event has had a token that this server never gave. It is logged once.
    has_foreign_tokens: bool,
}

impl<N: Net> Engine<N> {
    /// Creates an engine for settings that were [checked](Config::check). The error is the number of bytes that could
    /// not be reserved.
    pub(crate) fn new(net: N, tokens: Tokens, config: Config) -> Result<Self, usize> {
        if !can_reserve(config.reserved_bytes()) {
            return Err(config.reserved_bytes());
        }
        let shared = Shared::new(config, tokens);
        let config = &shared.config;
        let times = &config.timeouts;
        let duration = |state| nanoseconds(times.of(state));
        let mut table = Table::new(config.max_connections, duration, tokens);
        table.begin_generations(shared.deferrals.server());
        let named = if config.names { config.max_connections } else { 0 };
        let names = Names::new(shared.deferrals.server(), named);
        Ok(Engine {
            net,
            table,
            pool: Pool::new(&shared.config),
            accepting: Accepting::new(),
            wave: Vec::with_capacity(shared.config.budget.wave_size),
            shared,
            names,
            idle_until: 0,
            drain_until: 0,
            driving: None,
            responding: None,
            left_at: None,
            lateness: 0,
            has_foreign_tokens: false,
        })
    }

    // --- what a host calls ---

    /// Sets the ready bits of an event, and queues its connection. Does no I/O, calls no handler and frees nothing.
    ///
    /// Returns whether the token is in the server's range.
    #[inline(always)]
    pub(crate) fn handle(&mut self, token: Token, hint: Readiness) -> bool {
        let Some((slot, generation)) = self.table.tokens().decode(token) else { return false };
        let connection = slot.checked_sub(LISTENERS).and_then(|slot| self.table.find(slot, generation));
        if let Some(slot) = connection {
            if trace::is_on() {
                self.trace_event(slot, hint);
            }
            self.table[slot].socket.hint(hint);
            self.table.queue(slot);
        } else if self.accepting.hint(slot, generation) {
            trace!(
                target: READINESS, kind = "readiness", listener = slot, hint:% = hint;
                "listener {slot}: {hint}"
            );
        } else {
            let place = slot.checked_sub(LISTENERS);
            trace!(
                target: READINESS, kind = "stale", slot = place, hint:% = hint;
                "stale {token:?}: {hint}"
            );
            self.shared.stats.stale_events += 1;
            self.note_foreign(generation);
        }
        true
    }

    /// Returns how long the host may wait for events.
    pub(crate) fn next_timeout(&self, now: Instant) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        let next = self.next_due();
        (next < FOR_EVER).then(|| Duration::from_nanos(next.saturating_sub(self.shared.clock.at(now))))
    }

    /// Returns when a turn is due without any event, if no work is left, or [`NEVER`](crate::clock::NEVER).
    #[inline]
    fn next_due(&self) -> u64 {
        let mut next = self.table.next_deadline().min(self.next_accept()).min(self.next_slow_body());
        if self.shared.phase == Phase::Draining {
            next = next.min(if self.shared.ends_idle { self.drain_until } else { self.idle_until });
        }
        next
    }

    pub(crate) fn phase(&self) -> Phase {
        self.shared.phase
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.shared.stats.clone();
        gauges::fill(&mut stats, &self.table);
        stats
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Logs an error, once, if this server has never given the token of an event.
    fn note_foreign(&mut self, generation: usize) {
        if !self.has_foreign_tokens && !self.table.was_given(generation) {
            self.has_foreign_tokens = true;
            error!(
                "an event has a token that this server never gave: does another source or server use its TokenRange?"
            );
        }
    }

    // --- one turn ---

    /// Does one turn of work.
    fn turn<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H, begun: Begun) -> Progress {
        let (accepted, requests) = (self.shared.stats.accepted, self.shared.stats.requests);
        if trace::is_on() {
            self.trace_begin();
        }
        self.note_lateness(begun.due);
        self.tell_gone(handler);
        self.end_idle();
        let budget = self.serve_ready(self.shared.config.budget.requests, handler);
        self.accept_ready(budget, handler);
        let all_expired = self.expire_due(handler);
        self.lend_bodies(handler);
        self.tell_gone(handler);
        self.end_drain(handler);
        let more = self.has_work() || (!all_expired && self.table.len() > 0);
        self.left_at = more.then_some(self.now());
        let progress = Progress {
            accepted: (self.shared.stats.accepted - accepted) as u32,
            requests: (self.shared.stats.requests - requests) as u32,
            closed: (self.shared.stats.closed - begun.closed) as u32,
            more,
        };
        if trace::is_on() {
            self.trace_turned(progress);
        }
        progress
    }

    // --- reports ---

    /// Reports to the handler which deferred requests can no longer be answered, and then which connections have ended.
    #[inline]
    fn tell_gone<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) {
        if self.has_reports() {
            self.tell_all(handler);
        }
    }

    #[cold]
    fn tell_all<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) {
        while let Some((id, why)) = self.shared.deferrals.next_gone() {
            handler.gone(id, why);
        }
        while let Some((id, why)) = self.names.next_ended() {
            handler.closed(id, why);
        }
    }

    /// Returns whether there is something to report to the handler.
    fn has_reports(&self) -> bool {
        self.shared.deferrals.has_gone() || self.names.has_ended()
    }

    // --- helpers ---

    /// Returns the time of this call, in nanoseconds of the server's clock.
    fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// Returns whether a turn would do something without any event.
    fn has_work(&self) -> bool {
        self.table.ready_len() > 0
            || self.driving.is_some()
            || self.has_reports()
            || (self.accepting.is_ready() && self.may_accept())
    }

    /// Returns the serial of the connection's request whose id the host still holds, if there is one.
    fn held_serial(&self, slot: Slot) -> Option<NonZeroU64> {
        self.pool.serial(self.table.get(slot)?.exchange?)
    }

    /// Returns the capacities of everything that could grow.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacities(&self) -> Vec<usize> {
        let reports = vec![self.wave.capacity(), self.shared.deferrals.capacity()];
        let descriptors = self.shared.descriptors.capacities();
        [reports, self.names.capacities().to_vec(), descriptors.to_vec(), self.pool.capacities()].concat()
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn descriptors(&self) -> &Descriptors {
        &self.shared.descriptors
    }

    /// Returns whether the handler has not heard of all requests that are gone.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn has_unreported(&self) -> bool {
        self.shared.deferrals.has_gone()
    }

    /// Returns whether the next call begins with something that is left open.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn is_unfinished(&self) -> bool {
        self.driving.is_some() || self.responding.is_some()
    }

    /// Returns what the simulation checks after every turn.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn internals(&self) -> (&Table<N::Stream>, &Pool) {
        (&self.table, &self.pool)
    }
}
