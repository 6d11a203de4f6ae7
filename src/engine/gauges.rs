//! The gauges: how many connections are in each state.
//!
//! The deadline lists know it at any time. [`Stats`] has a copy, which handlers see. It is made when a call
//! of the host begins, because a handler runs in the middle of the work that changes these numbers.

use crate::state::State;
use crate::stats::Stats;
use crate::table::Table;

/// Writes the present number of connections in each state into the counters.
#[inline]
pub(super) fn fill<S>(stats: &mut Stats, table: &Table<S>) {
    stats.open = table.len();
    for state in State::WAITING {
        *gauge(stats, state) = table.waiting_len(state);
    }
}

/// Returns the gauge of a state.
#[inline]
fn gauge(stats: &mut Stats, state: State) -> &mut usize {
    match state {
        State::Idle | State::Received => &mut stats.idle,
        State::Head => &mut stats.reading_head,
        State::AwaitingBuffer => &mut stats.awaiting_buffer,
        State::Body => &mut stats.reading_body,
        State::Holding => &mut stats.holding,
        State::Sending => &mut stats.sending,
        State::Deferred => &mut stats.deferred,
        State::Streaming => &mut stats.streaming,
        State::Closing => &mut stats.closing,
    }
}
