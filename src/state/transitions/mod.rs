//! The transitions of a connection: one table of all that are allowed.
//!
//! The driver decides on a transition. This table repeats none of its conditions, and says only which transitions can
//! happen at all, and for which reasons. It is held against the server, and everything that draws the states is held
//! against it:
//!
//! - A transition that is not in the table fails an assertion, in each build that has debug assertions and in the
//!   tests. Another build pays nothing.
//! - The stories of the simulation take every row (`simulation::transitions`).
//! - A test of this module holds `transitions.json` to it. The player of traces draws what is in that file, and
//!   `tests/library/states.rs` holds the other drawings to it: the one in [`state`](crate::state), those in
//!   `docs/STATES.md`, and the diagram of the status page.
//!
//! A connection that does not wait is in one of three further places: it is new, or it is gone, or the host has taken it
//! over.

use super::State;
use crate::stats::Reason;

/// A change of state, and the reasons that the driver gives for it.
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) why: &'static [&'static str],
}

const fn change(from: State, to: State, why: &'static [&'static str]) -> Change {
    Change { from, to, why }
}

/// The state in which each connection begins.
pub(crate) const FIRST: State = State::Idle;

/// The state from which the host takes a connection over.
pub(crate) const HANDED_OVER_FROM: State = State::Sending;

const HOST_CLOSES: [&str; 2] = ["the host closes, our FIN", "the host closes, the client first"];
const ANSWERED: &str = "there is something to send";
const NEEDS_BODY_BUFFER: &str = "the body needs a buffer";
const BODY_FOLLOWS: &str = "more of the body has to arrive";
const HEAD_FOLLOWS: &str = "more of the head has to arrive";
const WAITS_FOR_TURN: &str = "the request waits for its turn";
const REST_LATER: &str = "the host takes the rest later";
const TOO_MANY: &str = "there are too many requests at once";
const HOST_RESPONDS: &str = "the host has responded";
const ALL_SENT: &str = "all sent";

/// Every change of state, in the order of a connection's life.
pub(crate) static CHANGES: [Change; 45] = [
    change(State::Idle, State::Received, &["input has arrived"]),
    change(State::Idle, State::Head, &[HEAD_FOLLOWS, WAITS_FOR_TURN]),
    change(State::Idle, State::AwaitingBuffer, &[NEEDS_BODY_BUFFER]),
    change(State::Idle, State::Body, &[BODY_FOLLOWS]),
    change(State::Idle, State::Holding, &[REST_LATER]),
    change(State::Idle, State::Sending, &[ANSWERED]),
    change(State::Idle, State::Closing, &[HOST_CLOSES[0], HOST_CLOSES[1], "idle in a drain, our FIN"]),
    change(State::Received, State::Idle, &["nothing but line breaks has arrived"]),
    change(State::Received, State::Head, &[HEAD_FOLLOWS, WAITS_FOR_TURN]),
    change(State::Received, State::AwaitingBuffer, &[NEEDS_BODY_BUFFER]),
    change(State::Received, State::Body, &[BODY_FOLLOWS]),
    change(State::Received, State::Holding, &[REST_LATER]),
    change(
        State::Received,
        State::Sending,
        &[ANSWERED, HOST_RESPONDS, "the host closes after this response"],
    ),
    change(State::Received, State::Closing, &HOST_CLOSES),
    change(State::Head, State::Idle, &[HEAD_FOLLOWS]),
    change(State::Head, State::AwaitingBuffer, &[NEEDS_BODY_BUFFER]),
    change(State::Head, State::Body, &[BODY_FOLLOWS]),
    change(State::Head, State::Holding, &[REST_LATER]),
    change(State::Head, State::Sending, &[ANSWERED, "the head did not arrive in time", TOO_MANY]),
    change(State::Head, State::Closing, &HOST_CLOSES),
    change(State::AwaitingBuffer, State::Body, &["a body buffer is lent"]),
    change(State::AwaitingBuffer, State::Sending, &["no buffer for the body became free in time", TOO_MANY]),
    change(State::AwaitingBuffer, State::Closing, &HOST_CLOSES),
    change(State::Body, State::AwaitingBuffer, &[NEEDS_BODY_BUFFER]),
    change(State::Body, State::Holding, &[REST_LATER]),
    change(
        State::Body,
        State::Sending,
        &[
            ANSWERED,
            "the body did not arrive in time",
            "the body stalled, and others wait for its buffer",
            TOO_MANY,
        ],
    ),
    change(State::Body, State::Closing, &HOST_CLOSES),
    change(State::Holding, State::Body, &["the host takes more of the body"]),
    change(State::Holding, State::Sending, &["the body was not taken in time", TOO_MANY]),
    change(State::Holding, State::Closing, &HOST_CLOSES),
    change(State::Sending, State::Idle, &[ALL_SENT]),
    change(State::Sending, State::Head, &[ALL_SENT]),
    change(State::Sending, State::AwaitingBuffer, &[ALL_SENT]),
    change(State::Sending, State::Body, &[ALL_SENT]),
    change(State::Sending, State::Holding, &[ALL_SENT]),
    change(State::Sending, State::Deferred, &["the response comes later"]),
    change(State::Sending, State::Streaming, &["the next piece is the host's to give"]),
    change(
        State::Sending,
        State::Closing,
        &["all sent, our FIN", "all sent, the client closes first", HOST_CLOSES[0], HOST_CLOSES[1]],
    ),
    change(State::Deferred, State::Body, &["the host takes the body in"]),
    change(
        State::Deferred,
        State::Sending,
        &[HOST_RESPONDS, "the host has informed the client", "the response did not come in time", TOO_MANY],
    ),
    change(State::Deferred, State::Deferred, &["deferred again"]),
    change(State::Deferred, State::Closing, &HOST_CLOSES),
    change(
        State::Streaming,
        State::Sending,
        &["the host has given a piece", "the streamed response is over"],
    ),
    change(State::Streaming, State::Streaming, &["the host has no piece yet"]),
    change(State::Closing, State::Closing, &["the client did not close first, our FIN", HOST_CLOSES[0]]),
];

/// The reasons for which a connection ends in each state.
pub(crate) const ENDS: [(State, &[Reason]); State::COUNT] = {
    use Reason::*;
    [
        (
            State::Idle,
            &[PeerClosed, PeerReset, IdleTimeout, Evicted, ClosedByHost, Shutdown, HandlerPanic, Unpollable],
        ),
        (State::Received, &[PeerReset, Evicted, ClosedByHost, Shutdown, HandlerPanic]),
        (
            State::Head,
            &[PeerClosedEarly, PeerReset, Evicted, ClosedByHost, Shutdown, HandlerPanic, Unpollable],
        ),
        (State::AwaitingBuffer, &[PeerReset, Evicted, ClosedByHost, Shutdown, Unpollable]),
        (
            State::Body,
            &[PeerClosedEarly, PeerReset, Evicted, ClosedByHost, Shutdown, HandlerPanic, Unpollable],
        ),
        (State::Holding, &[PeerReset, Evicted, ClosedByHost, Shutdown, Unpollable]),
        (
            State::Sending,
            &[
                PeerReset,
                Answered,
                Dropped,
                WriteTimeout,
                StreamAborted,
                Evicted,
                ClosedByHost,
                Shutdown,
                HandlerPanic,
                Unpollable,
            ],
        ),
        (
            State::Deferred,
            &[PeerClosedEarly, PeerReset, Evicted, ClosedByHost, Shutdown, HandlerPanic, Unpollable],
        ),
        (
            State::Streaming,
            &[
                PeerClosedEarly,
                PeerReset,
                StreamAborted,
                StreamTimeout,
                Evicted,
                ClosedByHost,
                Shutdown,
                HandlerPanic,
                Unpollable,
            ],
        ),
        (
            State::Closing,
            &[PeerReset, Answered, LingerTimeout, LingerLimit, Evicted, ClosedByHost, Shutdown, Unpollable],
        ),
    ]
};

/// The row in [`CHANGES`] of each pair of states, so that the check takes no search. It is 255 for pairs without one.
static ROWS: [[u8; State::COUNT]; State::COUNT] = {
    let mut rows = [[u8::MAX; State::COUNT]; State::COUNT];
    let mut row = 0;
    while row < CHANGES.len() {
        rows[CHANGES[row].from as usize][CHANGES[row].to as usize] = row as u8;
        row += 1;
    }
    rows
};

/// Whether transitions are held against the table.
const IS_CHECKED: bool = cfg!(any(test, debug_assertions));

/// Checks that a change of state is in the table.
#[inline(always)]
pub(crate) fn check_change(from: State, to: State, why: &str) {
    if IS_CHECKED {
        let row = usize::from(ROWS[from as usize][to as usize]);
        assert!(row < CHANGES.len(), "{from:?} -> {to:?} is not in the table");
        assert!(CHANGES[row].why.contains(&why), "{from:?} -> {to:?} ({why}) is not in the table");
        #[cfg(test)]
        seen::note(row);
    }
}

/// Checks that the end of a connection is in the table.
#[inline(always)]
pub(crate) fn check_end(from: State, reason: Reason) {
    if IS_CHECKED {
        let row = ENDS.iter().position(|(state, reasons)| *state == from && reasons.contains(&reason));
        assert!(row.is_some(), "{from:?} -> gone ({}) is not in the table", reason.as_str());
        #[cfg(test)]
        row.into_iter().for_each(|row| seen::note(CHANGES.len() + row));
    }
}

/// Checks that the host takes a connection over from the state of the table.
#[inline(always)]
pub(crate) fn check_hand_over(from: State) {
    if IS_CHECKED {
        assert!(from == HANDED_OVER_FROM, "{from:?} -> the host is not in the table");
        #[cfg(test)]
        seen::note(CHANGES.len() + ENDS.len());
    }
}

#[cfg(test)]
pub(crate) mod seen;

#[cfg(test)]
mod tests;
