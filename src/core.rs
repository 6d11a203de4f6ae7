//! The reactor's inside: one turn of work over any network.
//!
//! A turn has three parts, each within a budget. **Serve**: every connection in the ready queue
//! gets one visit; what it leaves undone goes to the queue's tail. **Accept**: each new connection
//! is visited at once, for its request is often there already. **Expire**: what has waited too
//! long is told so, and ended. Slots are freed here and nowhere else, so that no event of the
//! batch before can meet a slot that has changed hands.
//!
//! There is no socket, no clock and no poller in here; tests own all three.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use log::{error, trace, warn};
use mio::Token;

use crate::config::{AtCapacity, Config};
use crate::connection::{Connection, State};
use crate::handler::Handler;
use crate::http::date::Date;
use crate::net::{self, Net, Readiness};
use crate::pool::Pool;
use crate::stats::{Reason, Stats};
use crate::table::{NONE, Table, Waiting};
use crate::tokens::{LISTENERS, Tokens};
use crate::visit::{End, Visit};

/// The log target of one line per readiness event.
const READINESS: &str = "fourway::readiness";

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
    /// Requests answered.
    pub requests: u32,
    /// Connections that ended.
    pub closed: u32,
    /// Whether the budget ended the turn: there is work left, and
    /// [`next_timeout`](crate::Server::next_timeout) is zero.
    pub more: bool,
}

/// Where a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It accepts and serves.
    Running,
    /// It accepts no more, and ends what it has.
    Draining,
    /// Nothing is left to do.
    Closed,
}

/// Nanoseconds since the first `now` that was seen; never going back.
#[derive(Debug, Default)]
struct Clock {
    origin: Option<Instant>,
    latest: u64,
}

impl Clock {
    fn observe(&mut self, now: Instant) -> u64 {
        self.origin.get_or_insert(now);
        self.latest = self.at(now);
        self.latest
    }

    fn at(&self, now: Instant) -> u64 {
        let elapsed = self.origin.map_or(Duration::ZERO, |origin| now.saturating_duration_since(origin));
        nanoseconds(elapsed).max(self.latest)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A listener, and its ready bit: cleared only when accept says `WouldBlock`.
#[derive(Debug)]
struct Listening<L> {
    listener: L,
    generation: u32,
    ready: bool,
}

/// Accepting stops while the process has no descriptor or memory for another connection.
#[derive(Debug, Default)]
struct Starvation {
    /// Since an accept failed for want of something, until one succeeds: logged once.
    since_error: bool,
    /// When to try again; sooner if a connection ends.
    retry_at: Option<u64>,
}

/// How long to wait until accept is tried again: with edge-triggered polling no event tells.
const RETRY_ACCEPT: Duration = Duration::from_millis(100);

/// What a connection does in a visit.
type Act<N, H> = fn(&mut Connection<<N as Net>::Stream>, &mut Visit<'_, N, H>) -> End;

#[derive(Debug)]
pub(crate) struct Core<N: Net> {
    net: N,
    table: Table<N::Stream>,
    pool: Pool,
    listeners: Vec<Option<Listening<N::Listener>>>,
    /// Whose turn it is to accept first.
    first_listener: usize,
    starvation: Starvation,
    /// A client waits because every slot is taken and none is idle: counted once.
    full: bool,
    phase: Phase,
    /// When a drain's grace ends.
    drain_until: u64,
    clock: Clock,
    date: Date,
    config: Config,
    stats: Stats,
    /// The connection being driven and its deadline list; still here after a handler's panic.
    visiting: Option<(u32, Option<Waiting>)>,
}

impl<N: Net> Core<N> {
    /// A core for settings that were [checked](Config::check).
    pub(crate) fn new(net: N, tokens: Tokens, config: Config) -> Self {
        let times = &config.timeouts;
        let durations = [times.idle, times.head, times.body, times.write, times.linger];
        Core {
            net,
            table: Table::new(config.max_connections, durations.map(nanoseconds), tokens),
            pool: Pool::new(&config),
            listeners: Vec::new(),
            first_listener: 0,
            starvation: Starvation::default(),
            full: false,
            phase: Phase::Running,
            drain_until: 0,
            clock: Clock::default(),
            date: Date::new(config.wall_clock),
            config,
            stats: Stats::default(),
            visiting: None,
        }
    }

    // --- what a host calls ---

    /// Starts to accept from a listener; its number.
    pub(crate) fn add_listener(&mut self, mut listener: N::Listener) -> io::Result<usize> {
        if self.phase != Phase::Running {
            return Err(io::Error::other("the server is draining or closed"));
        }
        if self.listeners.len() == LISTENERS {
            return Err(io::Error::other("a server has at most 64 listeners"));
        }
        let slot = self.listeners.len();
        let generation = self.table.next_generation();
        let token = self.table.tokens().encode(slot, generation);
        self.net.watch_listener(&mut listener, token)?;
        self.listeners.push(Some(Listening { listener, generation, ready: false }));
        Ok(slot)
    }

    pub(crate) fn listener(&self, slot: usize) -> Option<&N::Listener> {
        Some(&self.listeners.get(slot)?.as_ref()?.listener)
    }

    /// Marks what an event says, and queues its connection: no I/O, no callback, nothing freed.
    pub(crate) fn handle(&mut self, token: Token, hint: Readiness) -> bool {
        let Some((slot, generation)) = self.table.tokens().decode(token) else { return false };
        let listening = self.listeners.get_mut(slot).and_then(Option::as_mut);
        if let Some(listening) = listening.filter(|l| l.generation == generation) {
            trace!(target: READINESS, "listener {slot}: {hint}");
            listening.ready = true;
            return true;
        }
        match slot.checked_sub(LISTENERS).and_then(|slot| self.table.find(slot, generation)) {
            Some(slot) => {
                trace!(target: READINESS, "slot {slot}: {hint}");
                self.table[slot].socket.hint(hint);
                self.table.queue(slot);
            }
            None => {
                trace!(target: READINESS, "stale {token:?}: {hint}");
                self.stats.stale_events += 1;
            }
        }
        true
    }

    /// One turn.
    pub(crate) fn process<H: Handler + ?Sized>(&mut self, now: Instant, handler: &mut H) -> Progress {
        let now = self.clock.observe(now);
        self.note_lateness(now);
        let (accepted, requests, closed) = (self.stats.accepted, self.stats.requests, self.stats.closed);
        self.bury_victim_of_panic();
        let budget = self.serve_ready(self.config.budget.requests, handler);
        self.accept_ready(now, budget, handler);
        self.expire_due(now, handler);
        self.end_drain(now);
        Progress {
            accepted: (self.stats.accepted - accepted) as u32,
            requests: (self.stats.requests - requests) as u32,
            closed: (self.stats.closed - closed) as u32,
            more: self.has_work() || self.table.next_deadline().is_some_and(|due| due <= now),
        }
    }

    /// How long the host may wait for events.
    pub(crate) fn next_timeout(&self, now: Instant) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        let retry = self.starvation.retry_at.filter(|_| self.is_listener_ready());
        let drained = (self.phase == Phase::Draining).then_some(self.drain_until);
        let next = [self.table.next_deadline(), retry, drained].into_iter().flatten().min()?;
        Some(Duration::from_nanos(next.saturating_sub(self.clock.at(now))))
    }

    /// Stops accepting and ends what is idle; the rest gets its answers, for at most `grace`.
    pub(crate) fn drain(&mut self, now: Instant, grace: Duration) {
        if self.phase == Phase::Closed {
            return;
        }
        let now = self.clock.observe(now);
        self.close_listeners();
        self.phase = Phase::Draining;
        self.drain_until = now.saturating_add(nanoseconds(grace));
        // A request may have arrived meanwhile: each gets one more visit, and ends if there is none.
        let mut next = self.table.longest_waiting(Waiting::Idle);
        while let Some(slot) = next {
            next = self.table.waiting_behind(slot);
            self.table[slot].socket.hint(Readiness { readable: true, ..Readiness::default() });
            self.table.queue(slot);
        }
        if self.table.len() == 0 {
            self.phase = Phase::Closed;
        }
    }

    /// Ends everything at once.
    pub(crate) fn abort(&mut self) {
        self.bury_victim_of_panic();
        self.close_listeners();
        for list in Waiting::ALL {
            while let Some(slot) = self.table.longest_waiting(list) {
                if self.table[slot].state() == State::Writing {
                    self.table[slot].socket.reset_on_close();
                }
                self.remove(slot, Some(list), Reason::Shutdown);
            }
        }
        self.phase = Phase::Closed;
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.open = self.table.len();
        stats.idle = self.table.waiting(Waiting::Idle);
        stats
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    // --- the parts of a turn ---

    /// Visits each connection in the ready queue once; what is left of the budget.
    fn serve_ready<H: Handler + ?Sized>(&mut self, mut budget: u32, handler: &mut H) -> u32 {
        let mut visits = self.table.ready_len();
        while visits > 0 && budget > 0 {
            let Some(slot) = self.table.next_ready() else { break };
            let listed = Some(self.table[slot].state().waiting());
            budget = self.visit(slot, listed, budget, Connection::drive, handler);
            visits -= 1;
        }
        budget
    }

    fn accept_ready<H: Handler + ?Sized>(&mut self, now: u64, mut budget: u32, handler: &mut H) {
        if self.starvation.retry_at.is_some_and(|at| at <= now) {
            self.starvation.retry_at = None;
        }
        let mut accepts = self.config.budget.accepts;
        let count = self.listeners.len();
        for turn in 0..count {
            let which = (self.first_listener + turn) % count;
            while accepts > 0 && self.may_accept() {
                let Some(listening) = &mut self.listeners[which] else { break };
                if !listening.ready {
                    break;
                }
                accepts -= 1;
                match self.net.accept(&mut listening.listener) {
                    Ok(stream) => budget = self.welcome(stream, now, budget, handler),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => listening.ready = false,
                    Err(error) => self.note_accept_error(&error, now),
                }
            }
        }
        self.first_listener = (self.first_listener + 1) % count.max(1);
        self.note_full();
    }

    /// A new connection gets a slot, and is visited at once if the budget allows.
    fn welcome<H>(&mut self, stream: N::Stream, now: u64, budget: u32, handler: &mut H) -> u32
    where
        H: Handler + ?Sized,
    {
        self.starvation.since_error = false;
        if !self.table.has_room() {
            let victim = self.idle_victim().expect("nothing is accepted without a place for it");
            self.remove(victim, Some(Waiting::Idle), Reason::Evicted);
        }
        let slot = self.table.insert(stream);
        self.stats.accepted += 1;
        if budget > 0 {
            return self.visit(slot, None, budget, Connection::drive, handler);
        }
        self.table.arm(slot, Waiting::Idle, now);
        self.table.queue(slot);
        0
    }

    /// Ends what has waited too long. Whatever is in the ready queue has its turn first: that a
    /// host came late is not the client's fault.
    fn expire_due<H: Handler + ?Sized>(&mut self, now: u64, handler: &mut H) {
        let mut budget = self.config.budget.requests;
        for list in Waiting::ALL {
            let mut next = self.table.longest_waiting(list);
            while let Some(slot) = next.filter(|&slot| budget > 0 && self.table[slot].deadline <= now) {
                budget -= 1;
                next = self.table.waiting_behind(slot);
                if self.table[slot].queued {
                    continue;
                }
                match self.table[slot].overdue() {
                    Some(reason) => self.remove(slot, Some(list), reason),
                    None => _ = self.visit(slot, Some(list), 0, Connection::expire, handler),
                }
            }
        }
    }

    fn end_drain(&mut self, now: u64) {
        if self.phase != Phase::Draining {
            return;
        }
        if self.table.len() == 0 {
            self.phase = Phase::Closed;
        } else if self.drain_until <= now {
            self.abort();
        }
    }

    // --- visiting one connection ---

    /// Lets one connection act, and sees to it that there is a spare exchange for the next; what
    /// is left of the budget, of which a visit costs at least one request.
    ///
    /// `listed` is the deadline list it is in.
    fn visit<H: Handler + ?Sized>(
        &mut self,
        slot: u32,
        listed: Option<Waiting>,
        budget: u32,
        act: Act<N, H>,
        handler: &mut H,
    ) -> u32 {
        let budget = self.act(slot, listed, budget, act, handler);
        if !self.pool.has_spare() {
            self.evict_exchange(slot, handler);
        }
        budget
    }

    /// The visit itself; afterwards the connection is where it belongs.
    fn act<H: Handler + ?Sized>(
        &mut self,
        slot: u32,
        listed: Option<Waiting>,
        budget: u32,
        act: Act<N, H>,
        handler: &mut H,
    ) -> u32 {
        self.visiting = Some((slot, listed));
        let token = self.table.token(slot);
        let connection = &mut self.table[slot];
        let handle = match connection.exchange {
            NONE => self.pool.spare(),
            kept => kept,
        };
        let requests = budget.min(self.config.budget.requests_per_connection);
        let mut visit = Visit {
            net: &mut self.net,
            token,
            slot,
            exchange: self.pool.open(handle),
            handler,
            config: &self.config,
            stats: &mut self.stats,
            date: &mut self.date,
            now: self.clock.latest,
            draining: self.phase != Phase::Running,
            requests,
            bytes: self.config.budget.bytes_per_connection,
            rearm: false,
        };
        let end = act(connection, &mut visit);
        let (used, rearm) = (requests - visit.requests, visit.rearm);
        let in_flight = !visit.exchange.is_empty();
        self.visiting = None;
        match end {
            End::Gone(reason) => self.remove(slot, listed, reason),
            End::Wait | End::Yield => {
                self.settle_exchange(slot, handle, in_flight);
                self.settle_deadline(slot, listed, rearm);
                if end == End::Yield {
                    self.table.queue(slot);
                }
            }
        }
        budget.saturating_sub(used.max(1))
    }

    /// A connection keeps the exchange that it worked in exactly while something is in flight.
    fn settle_exchange(&mut self, slot: u32, handle: u32, in_flight: bool) {
        let own = &mut self.table[slot].exchange;
        match (in_flight, *own == NONE) {
            (true, true) => {
                self.pool.lend(handle);
                *own = handle;
            }
            (false, false) => {
                self.pool.give_back(handle);
                *own = NONE;
            }
            _ => {}
        }
    }

    /// A connection is in the list that its state says.
    fn settle_deadline(&mut self, slot: u32, listed: Option<Waiting>, rearm: bool) {
        let list = self.table[slot].state().waiting();
        if rearm || listed != Some(list) {
            if let Some(listed) = listed {
                self.table.disarm(slot, listed);
            }
            self.table.arm(slot, list, self.clock.latest);
        }
    }

    /// The one place where a connection ends: its slot and its exchange are free, its socket is
    /// closed. The poller forgets a socket that is closed.
    fn remove(&mut self, slot: u32, listed: Option<Waiting>, reason: Reason) {
        let connection = self.table.remove(slot, listed);
        if connection.exchange != NONE {
            self.pool.give_back(connection.exchange);
        }
        trace!(target: crate::connection::STATES, "slot {slot}: {:?} -> gone ({})", connection.state(), reason.as_str());
        self.stats.count_close(reason, connection.socket.peer_closed_first());
        self.starvation.retry_at = None;
    }

    // --- when something has run out ---

    /// The last spare exchange has been lent to `newest`: the slowest client gives up its own, so
    /// that slow clients cannot starve the others.
    fn evict_exchange<H: Handler + ?Sized>(&mut self, newest: u32, handler: &mut H) {
        let slot = self.slowest_client(newest);
        let listed = self.table[slot].state().waiting();
        if listed != Waiting::Sending {
            self.act(slot, Some(listed), 0, Connection::expire, handler);
        }
        if !self.pool.has_spare() {
            // It is in the middle of a response, or does not even take a 408.
            let listed = self.table[slot].state().waiting();
            self.table[slot].socket.reset_on_close();
            self.remove(slot, Some(listed), Reason::Evicted);
        }
    }

    /// The one longest in its head, else in its body, else in its response. Those with an event
    /// come last, for they are about to be served.
    fn slowest_client(&self, newest: u32) -> u32 {
        let lists = [Waiting::Head, Waiting::Body, Waiting::Sending];
        let all = lists.into_iter().flat_map(|list| self.longest_waiting_few(list));
        let mut others = all.filter(|&slot| slot != newest).peekable();
        let first = others.peek().copied();
        let is_waiting = |&slot: &u32| !self.table[slot].queued;
        let waiting = others.find(is_waiting).or(Some(newest).filter(is_waiting));
        waiting.or(first).unwrap_or(newest)
    }

    /// The connection that makes room for a new one: the longest idle of which no event is known.
    fn idle_victim(&self) -> Option<u32> {
        match self.config.at_capacity {
            AtCapacity::EvictIdle => {
                self.longest_waiting_few(Waiting::Idle).find(|&slot| !self.table[slot].queued)
            }
            AtCapacity::Pause => None,
        }
    }

    /// Those who have waited longest, and no more of them than can be looked at in passing.
    fn longest_waiting_few(&self, list: Waiting) -> impl Iterator<Item = u32> {
        const FEW: usize = 64;
        let first = self.table.longest_waiting(list);
        std::iter::successors(first, |&slot| self.table.waiting_behind(slot)).take(FEW)
    }

    fn may_accept(&self) -> bool {
        self.phase == Phase::Running
            && self.starvation.retry_at.is_none()
            && (self.table.has_room() || self.idle_victim().is_some())
    }

    fn is_listener_ready(&self) -> bool {
        self.listeners.iter().flatten().any(|listening| listening.ready)
    }

    /// Whether a turn would do something without any event.
    fn has_work(&self) -> bool {
        self.table.ready_len() > 0
            || self.visiting.is_some()
            || (self.is_listener_ready() && self.may_accept())
    }

    /// Some errors of accept are one connection's; for the others something has run out that only
    /// time or the end of a connection brings back.
    fn note_accept_error(&mut self, error: &io::Error, now: u64) {
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        if net::is_of_one_connection(error) {
            self.stats.accept_errors += 1;
            return;
        }
        self.starvation.retry_at = Some(now.saturating_add(nanoseconds(RETRY_ACCEPT)));
        if !std::mem::replace(&mut self.starvation.since_error, true) {
            self.stats.accept_pauses += 1;
            error!("accepting pauses with {} connections open: {error}", self.table.len());
        }
    }

    fn note_full(&mut self) {
        let full = self.phase == Phase::Running
            && self.is_listener_ready()
            && !self.table.has_room()
            && self.idle_victim().is_none();
        if full && !self.full {
            self.stats.full += 1;
            warn!("all {} connections are in use: new ones wait", self.table.len());
        }
        self.full = full;
    }

    fn note_lateness(&mut self, now: u64) {
        if let Some(due) = self.table.next_deadline() {
            let late = Duration::from_nanos(now.saturating_sub(due));
            self.stats.max_lateness = self.stats.max_lateness.max(late);
        }
    }

    /// A handler's panic has unwound through `visit`: its connection alone is lost.
    fn bury_victim_of_panic(&mut self) {
        if let Some((slot, listed)) = self.visiting.take() {
            self.stats.handler_panics += 1;
            self.table[slot].socket.reset_on_close();
            self.remove(slot, listed, Reason::HandlerPanic);
        }
    }

    fn close_listeners(&mut self) {
        for listening in self.listeners.iter_mut().filter_map(Option::take) {
            let mut listener = listening.listener;
            self.net.unwatch_listener(&mut listener);
        }
    }

    /// What the simulation looks at after every turn.
    #[cfg(test)]
    pub(crate) fn inside(&self) -> (&Table<N::Stream>, &Pool) {
        (&self.table, &self.pool)
    }
}
