//! Evicting: which connection is ended when slots or buffers run out, and which body gets a buffer next.
//!
//! There is one rule: **the fullest list gives up its oldest.** The lists are those of the connections' states, and for a
//! buffer those of its holders' states. A connection that makes progress moves to the end of its list, so the oldest has
//! been without progress for longest. (A reader that has credit moves as well, when that is spent.) A flood fills one
//! list, and takes from that.
//!
//! Three things are apart. A connection in the ready queue is about to be served, and goes only if there is none without
//! an event among the first of its list (for a slot: not before clients have waited for 100 ms). A deferred request is
//! the host's to end, unless others need a head buffer that it holds only for what its client has sent behind it. And when
//! a slot is needed, a connection that has been idle for a second goes first, because its client loses nothing.

use std::cmp::Reverse;
use std::time::Duration;

use super::Engine;
use crate::clock::{NEVER, nanoseconds};
use crate::config::AtCapacity;
use crate::connection::driver::Driver;
use crate::connection::quota::Quota;
use crate::exchange::buffers::Buffers;
use crate::handler::request::Request;
use crate::handler::{Handler, Reply, Responder};
use crate::net::Net;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;
use crate::table::Table;

/// The states whose connections can make way for a new one.
const SLOT_HOLDERS: [State; 6] =
    [State::Idle, State::Head, State::Queued, State::Body, State::Sending, State::Closing];

/// The states whose connections hold an exchange and can make way.
const EXCHANGE_HOLDERS: [State; 4] = [State::Head, State::Queued, State::Body, State::Sending];

/// The states in which a connection can hold a head or an out.
const BUFFER_HOLDERS: [State; 5] = [State::Head, State::Queued, State::Body, State::Sending, State::Deferred];

/// How long new clients wait while all connections that could make way are about to be served.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a connection has to be idle to go first.
const IDLE_FIRST: Duration = Duration::from_secs(1);

/// How long a body may take for 4 KiB while others wait for its buffer: less if there are more of them than buffers.
const STALL: Duration = Duration::from_secs(3);
const SHORT_STALL: Duration = Duration::from_secs(1);

/// How long it may keep the buffer in all, while others wait.
const TENURE: Duration = Duration::from_secs(20);

impl<N: Net> Engine<N> {
    // --- slots ---

    /// The connection that makes way for a new one.
    pub(super) fn victim(&self) -> Option<Slot> {
        if self.shared.config.at_capacity == AtCapacity::Pause {
            return None;
        }
        let is_long_idle = |&slot: &Slot| {
            let since = self.table.waiting_since(slot, State::Idle);
            since.saturating_add(nanoseconds(IDLE_FIRST)) <= self.shared.clock.now()
        };
        let long_idle = self.table.longest_quiet(State::Idle).filter(is_long_idle);
        let fullest = || self.table.fullest(&SLOT_HOLDERS);
        let quiet = || self.table.longest_quiet(fullest()?);
        let oldest = || self.table.longest_waiting(fullest()?).filter(|_| self.have_waited_for_slots());
        long_idle.or_else(quiet).or_else(oldest)
    }

    /// Whether clients have waited for a slot for so long that it is taken from a connection that is about to be served.
    fn have_waited_for_slots(&self) -> bool {
        let until = self.accepting.waits_since.saturating_add(nanoseconds(PATIENCE));
        until <= self.shared.clock.now()
    }

    /// Sees to it that a slot is free. Returns whether one is.
    pub(super) fn free_a_slot(&mut self) -> bool {
        if self.table.has_free_slot() {
            return true;
        }
        let victim = self.victim();
        if let Some(victim) = victim {
            self.evict(victim);
        }
        victim.is_some()
    }

    /// Ends a connection for another. A response that is cut off ends with a reset, so that its client can tell.
    fn evict(&mut self, slot: Slot) {
        let state = self.table[slot].state;
        if state == State::Sending {
            self.table[slot].socket.reset_on_close(slot);
        }
        self.remove(slot, state.waits_as(), Reason::Evicted);
    }

    // --- exchanges, heads and outs ---

    /// Something that the driver works in has been lent for the last time, to `newest`: other connections give up theirs.
    #[cold]
    pub(super) fn evict_for_buffers<H: Handler + ?Sized>(&mut self, newest: Slot, handler: &mut H) {
        self.evict_for_outs(newest);
        while self.pool.spare_records() == 0 {
            let victim = self.exchange_holder().unwrap_or(newest);
            self.take_from(victim, handler);
            if self.pool.spare_records() == 0 {
                // Its client does not even take the refusal.
                self.evict(victim);
            }
        }
        while self.pool.spare_heads() == 0 {
            let victim = oldest_holder(&self.pool.heads, &self.table).unwrap_or(newest);
            self.take_from(victim, handler);
        }
    }

    fn exchange_holder(&self) -> Option<Slot> {
        let fullest = self.table.fullest(&EXCHANGE_HOLDERS)?;
        self.table.longest_quiet(fullest).or(self.table.longest_waiting(fullest))
    }

    /// A connection refuses its request, or is cut off in its response.
    fn take_from<H: Handler + ?Sized>(&mut self, slot: Slot, handler: &mut H) {
        if self.table[slot].state == State::Sending {
            return self.evict(slot);
        }
        let mut quota = Quota::granted(&self.shared.config.budget, 0);
        self.run_driver(slot, &mut quota, |driver| driver.refuse_for_others(), handler);
        self.evict_for_outs(slot);
    }

    fn evict_for_outs(&mut self, newest: Slot) {
        while self.pool.spare_outs() == 0 {
            self.evict(oldest_holder(&self.pool.outs, &self.table).unwrap_or(newest));
        }
    }

    // --- outs for deferred responses ---

    /// Sends a deferred response now, because most outs are lent. If it cannot be sent, and all are, some response is cut
    /// off. (This is the one exception of law 3: `respond` and what follows it may write.)
    pub(super) fn flush(&mut self, slot: Slot) {
        let mut quota = Quota::granted(&self.shared.config.budget, 0);
        self.run_driver(slot, &mut quota, |driver: &mut Driver<'_, N, Unasked>| driver.flush(), &mut Unasked);
        self.evict_for_outs(slot);
    }

    // --- bodies ---

    /// Lends body buffers to those that wait for one, in their order.
    pub(super) fn lend_bodies<H: Handler + ?Sized>(&mut self, handler: &mut H) {
        while let Some(slot) = self.table.longest_waiting(State::Queued) {
            let is_free = self.pool.bodies.buffers.has_spare() || self.end_slow_body(handler);
            if !is_free {
                return;
            }
            if let Some(id) = self.table[slot].exchange {
                self.pool.lend_body(id, self.shared.clock.now());
            }
            // It only changes its state; it is read in its turn.
            let mut quota = Quota::default();
            self.run_driver(slot, &mut quota, |driver| driver.run(), handler);
        }
    }

    /// Takes its buffer from a body that is too slow for those that wait. Returns whether one is free then.
    fn end_slow_body<H: Handler + ?Sized>(&mut self, handler: &mut H) -> bool {
        let now = self.shared.clock.now();
        let slow = self.slow_bodies().find(|&(_, until)| until <= now);
        if let Some((slot, _)) = slow {
            self.take_from(slot, handler);
        }
        self.pool.bodies.buffers.has_spare()
    }

    /// When the next body has had its time, while others wait.
    pub(crate) fn next_slow_body(&self) -> u64 {
        if self.table.waiting(State::Queued) == 0 {
            return NEVER;
        }
        self.slow_bodies().map(|(_, until)| until).min().unwrap_or(NEVER)
    }

    /// The holders of body buffers that may be too slow, and when they are: those that have been without progress for
    /// longest, and the one that has had its buffer for longest.
    fn slow_bodies(&self) -> impl Iterator<Item = (Slot, u64)> {
        let is_long = self.table.waiting(State::Queued) > self.pool.bodies.buffers.count();
        let stall = nanoseconds(if is_long { SHORT_STALL } else { STALL });
        let stalled = [State::Body, State::Sending].into_iter().filter_map(move |state| {
            let slot = first_quiet(&self.pool.bodies.buffers, &self.table, state)?;
            Some((slot, self.table.waiting_since(slot, state).saturating_add(stall)))
        });
        let longest = self.pool.bodies.first_lent().filter(|&(slot, _)| !self.table.is_ready(slot));
        stalled.chain(longest.map(|(slot, since)| (slot, since.saturating_add(nanoseconds(TENURE)))))
    }
}

/// Of the fullest list of a kind of buffer, the oldest holder; if possible, one without an event.
fn oldest_holder<S>(buffers: &Buffers, table: &Table<S>) -> Option<Slot> {
    let fullness = |&state: &State| {
        let oldest = buffers.oldest(state).next()?;
        Some((buffers.listed(state), Reverse(table.waiting_since(oldest, state))))
    };
    let fullest = BUFFER_HOLDERS.into_iter().max_by_key(fullness)?;
    first_quiet(buffers, table, fullest).or(buffers.oldest(fullest).next())
}

/// The oldest holder without an event. No more of them are looked at than can be in passing.
fn first_quiet<S>(buffers: &Buffers, table: &Table<S>, state: State) -> Option<Slot> {
    const FEW: usize = 64;
    buffers.oldest(state).take(FEW).find(|&slot| !table.is_ready(slot))
}

/// The handler where none is asked.
struct Unasked;

impl Handler for Unasked {
    fn request<'r>(&mut self, _: &Request<'_>, _: Responder<'r>) -> Reply<'r> {
        unreachable!("a response is sent without the handler")
    }
}
