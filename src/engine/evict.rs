//! Evicting: which connection ends when slots or buffers run out, and which body gets a buffer next.
//!
//! There is one rule: **evict the oldest connection of the fullest list.** For a slot, the lists are those of
//! the connections' states. For a buffer, they are those of its holders' states. A connection that makes
//! progress moves to the end of its list, so the oldest has been without progress for longest. (A slow reader
//! that has taken more than 4 KiB at once has credit. It moves as well when it spends credit, see
//! `Driver::extend_deadline`.) A flood fills one list, so it evicts its own connections.
//!
//! There are four exceptions:
//!
//! - A connection in the ready queue is about to be served. So the server prefers a connection that is not in
//!   the ready queue. It looks at the first 64 of the list. If all are queued, it evicts the oldest after 100
//!   ms (for a slot) or at once (for a buffer).
//! - Only the host ends a deferred request, or a stream that waits for its next piece. But if others need a head
//!   buffer, the server refuses a deferred request that holds one. It holds the buffer for bytes that its client has
//!   sent after the request, or for the request itself if the host keeps it.
//! - If a slot is needed, a connection that has been idle for a second is evicted first, because its client
//!   loses nothing.
//! - Nobody is evicted for a body buffer by list length. While other bodies wait, a body loses its buffer if
//!   it moves less than 4 KiB within [`STALL`], or within [`SHORT_STALL`] if more bodies wait than there are
//!   buffers. It also loses the buffer after [`TENURE`], however fast it is. A body that the host keeps has arrived,
//!   and loses its buffer only if its request ends.

use std::cmp::Reverse;
use std::time::Duration;

use super::Engine;
use crate::clock::{NEVER, nanoseconds};
use crate::config::AtCapacity;
use crate::connection::driver::Driver;
use crate::connection::quota::Quota;
use crate::exchange::buffers::Buffers;
use crate::handler::request::Request;
use crate::handler::{Handler, Host, Reply, Responder};
use crate::net::Net;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;
use crate::table::{MOST_IN_PASSING, Table};

/// The states whose connections can be evicted for a new one.
const SLOT_HOLDERS: [State; 6] =
    [State::Idle, State::Head, State::AwaitingBuffer, State::Body, State::Sending, State::Closing];

/// The states whose connections hold an exchange and can be evicted.
const EXCHANGE_HOLDERS: [State; 4] = [State::Head, State::AwaitingBuffer, State::Body, State::Sending];

/// The states in which a connection can hold a head or an out.
const BUFFER_HOLDERS: [State; 7] = [
    State::Head,
    State::AwaitingBuffer,
    State::Body,
    State::Holding,
    State::Sending,
    State::Deferred,
    State::Streaming,
];

/// How long new clients wait while all connections that could be evicted are about to be served.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a connection has to be idle to be evicted first.
const IDLE_FIRST: Duration = Duration::from_secs(1);

/// How long a body may take for 4 KiB while others wait for its buffer. If more bodies wait than there are buffers, the
/// shorter time holds.
const STALL: Duration = Duration::from_secs(3);
const SHORT_STALL: Duration = Duration::from_secs(1);

/// How long a body may keep its buffer in all, while others wait.
const TENURE: Duration = Duration::from_secs(20);

impl<N: Net> Engine<N> {
    // --- slots ---

    /// Returns the connection to evict for a new one, if there is one.
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

    /// Returns whether clients have waited long enough to evict a connection that is about to be served.
    fn have_waited_for_slots(&self) -> bool {
        let until = self.accepting.waits_since.saturating_add(nanoseconds(PATIENCE));
        until <= self.shared.clock.now()
    }

    /// Makes sure that a slot is free, if it can. Returns whether one is.
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

    /// Ends a connection for another. A response that is cut off ends with a reset, so that its client notices.
    fn evict(&mut self, slot: Slot) {
        let state = self.table[slot].state;
        if matches!(state, State::Sending | State::Streaming | State::Received) {
            self.table[slot].socket.reset_on_close(slot);
        }
        self.remove(slot, state.waits_as(), Reason::Evicted);
    }

    // --- exchanges, heads and outs ---

    /// Evicts until a record, a head and an out are spare again. `newest` has just taken the last one. It is
    /// refused or evicted only if nobody else can be.
    #[cold]
    pub(super) fn evict_for_buffers<H: Host<N::Stream> + ?Sized>(&mut self, newest: Slot, handler: &mut H) {
        self.evict_for_outs(newest);
        while self.pool.spare_records() == 0 {
            let victim = self.exchange_holder().unwrap_or(newest);
            self.take_from(victim, handler);
            if self.pool.spare_records() == 0 {
                // Its client does not even read the refusal.
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

    /// Refuses the request of a connection. If a response is being sent, evicts the connection instead.
    fn take_from<H: Host<N::Stream> + ?Sized>(&mut self, slot: Slot, handler: &mut H) {
        if matches!(self.table[slot].state, State::Sending | State::Streaming) {
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

    /// Sends a deferred response now. If it cannot be sent and no out is spare, a response is cut off.
    ///
    /// This is the one exception to law 3: when at least half of the out buffers are lent, the host's next
    /// call (`respond`, `respond_with`, `take_in`, `resume`, `cancel`, `adopt`, `close`, `drain` or `abort`) sends the
    /// response that it has just given.
    pub(super) fn send_now(&mut self, slot: Slot) {
        let mut quota = Quota::granted(&self.shared.config.budget, 0);
        self.run_driver_only(
            slot,
            &mut quota,
            |driver: &mut Driver<'_, N, Unasked>| driver.send_now(),
            &mut Unasked,
        );
        self.evict_for_outs(slot);
    }

    // --- bodies ---

    /// Lends body buffers to the connections that wait for one, in their order.
    pub(super) fn lend_bodies<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) {
        while let Some(slot) = self.table.longest_waiting(State::AwaitingBuffer) {
            let is_free = self.pool.bodies.buffers.has_spare() || self.end_slow_body(handler);
            if !is_free {
                return;
            }
            if let Some(id) = self.table[slot].exchange {
                self.pool.lend_body(id, self.shared.clock.now());
            }
            // This changes only its state. It reads in its own turn, because it has no quota here.
            let mut quota = Quota::default();
            self.run_driver(slot, &mut quota, |driver| driver.run(), handler);
        }
    }

    /// Takes the buffer of a body that is too slow while others wait. Returns whether a buffer is spare then.
    fn end_slow_body<H: Host<N::Stream> + ?Sized>(&mut self, handler: &mut H) -> bool {
        let now = self.shared.clock.now();
        let slow = self.slow_bodies().find(|&(_, until)| until <= now);
        if let Some((slot, _)) = slow {
            self.take_from(slot, handler);
        }
        self.pool.bodies.buffers.has_spare()
    }

    /// Returns when the next body becomes too slow while others wait, or [`NEVER`].
    pub(crate) fn next_slow_body(&self) -> u64 {
        if self.table.waiting_len(State::AwaitingBuffer) == 0 {
            return NEVER;
        }
        self.slow_bodies().map(|(_, until)| until).min().unwrap_or(NEVER)
    }

    /// Returns the holders of body buffers that become too slow next, and when each does. Returns up to
    /// three: one in `Body` and one in `Sending`, each the longest without progress, and the one that has
    /// held its buffer longest. None of them is in the ready queue.
    fn slow_bodies(&self) -> impl Iterator<Item = (Slot, u64)> {
        let is_long = self.table.waiting_len(State::AwaitingBuffer) > self.pool.bodies.buffers.count();
        let stall = nanoseconds(if is_long { SHORT_STALL } else { STALL });
        let stalled = [State::Body, State::Sending].into_iter().filter_map(move |state| {
            let slot = first_quiet(&self.pool.bodies.buffers, &self.table, state)?;
            Some((slot, self.table.waiting_since(slot, state).saturating_add(stall)))
        });
        let longest = self.pool.bodies.first_lent().filter(|&(slot, _)| !self.table.is_ready(slot));
        stalled.chain(longest.map(|(slot, since)| (slot, since.saturating_add(nanoseconds(TENURE)))))
    }
}

/// Returns the oldest holder in the fullest list of a kind of buffer, if possible one without an event.
fn oldest_holder<S>(buffers: &Buffers, table: &Table<S>) -> Option<Slot> {
    let fullness = |&state: &State| {
        let oldest = buffers.oldest(state).next()?;
        Some((buffers.listed(state), Reverse(table.waiting_since(oldest, state))))
    };
    let fullest = BUFFER_HOLDERS.into_iter().max_by_key(fullness)?;
    first_quiet(buffers, table, fullest).or(buffers.oldest(fullest).next())
}

/// Returns the oldest holder without an event. It looks only at the first few, because a longer search costs too much.
fn first_quiet<S>(buffers: &Buffers, table: &Table<S>, state: State) -> Option<Slot> {
    buffers.oldest(state).take(MOST_IN_PASSING).find(|&slot| !table.is_ready(slot))
}

/// The handler of a driver that calls none.
pub(super) struct Unasked;

impl Handler for Unasked {
    fn request<'r>(&mut self, _: &Request<'_>, _: Responder<'r>) -> Reply<'r> {
        unreachable!("this driver calls no handler")
    }
}
