//! The states of a connection.
//!
//! ```text
//!                 accept
//!                   │
//!                   ▼
//!        ┌─────── reading ───────► responding ──► host
//!        │         │   ▲            │  │   │
//!        │         │   └────────────┘  │   │
//!        │         └──► closing ◄──────┘   │
//!        │                 │               │
//!        │                 ▼               │
//!        └──────────────► gone ◄───────────┘
//!
//! reading:    Idle, Received, Head, AwaitingBuffer, Body, Holding
//! responding: Sending, Deferred, Streaming
//! closing:    Closing
//! ```
//!
//! A connection that is gone has no slot and no socket. A connection that the host has taken over has no slot, and the
//! host has its socket.
//!
//! A state says what the connection waits for, so each state that waits has a deadline list of its own. The driver
//! (`connection::driver`) makes the transitions. [`transitions`] has the table of all that can happen, and the tests hold
//! this drawing to it.

pub(crate) mod transitions;

/// What a connection is doing, which is what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Reading, between requests or before the first. It owns no buffer.
    Idle,
    /// Reading a head that has begun. Or a whole request waits for its turn.
    Head,
    /// Waiting for a body buffer, because the body does not fit into the rest of the head buffer. The rest
    /// stays unread meanwhile.
    AwaitingBuffer,
    /// Reading the body of a head that is whole.
    Body,
    /// Waiting until the host takes the rest of a piece of a body. More of the body stays unread meanwhile.
    Holding,
    /// Writing responses.
    Sending,
    /// Waiting for the host's response, or until the host takes the body in. The requests after this one wait as well.
    Deferred,
    /// Waiting for the host's next piece of a streamed response.
    Streaming,
    /// Waiting for the client's FIN, after all is sent.
    Closing,
    /// Between two steps of a wave: input has been read, and perhaps answered. It waits for nothing, so it has no
    /// deadline list of its own and keeps its place among the idle until the last step.
    Received,
}

impl State {
    /// How many states there are. An array that is indexed by a state has this length.
    pub(crate) const COUNT: usize = State::Received as usize + 1;

    /// The states that wait, each with a deadline list, in the order of a connection's life.
    pub(crate) const WAITING: [State; 9] = [
        State::Idle,
        State::Head,
        State::AwaitingBuffer,
        State::Body,
        State::Holding,
        State::Sending,
        State::Deferred,
        State::Streaming,
        State::Closing,
    ];

    /// Returns the state in whose deadline list a connection is.
    #[inline]
    pub(crate) fn waits_as(self) -> State {
        if self == State::Received { State::Idle } else { self }
    }
}
