//! The states of a connection.
//!
//! ```text
//!          accept
//!             │
//!             ▼                answered
//!     ┌─── reading ──────────────────────────────► writing ───┐
//!     │ Idle, Head, Queued, Body              Sending, Deferred
//!     │       ▲                                    │          │
//!     │       └──────── all sent, keep alive ──────┘          │ all sent, close
//!     │ end of input, or reset                                ▼
//!     │                                                    Closing
//!     ▼                                                       │ peer's FIN, limit or deadline
//!  (gone: no slot, no socket) ◄───────────────────────────────┘
//! ```
//!
//! A state says what the connection waits for, so each has a deadline list of its own. The transitions are in
//! `connection::driver`.

/// What a connection is doing, which is what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Reading, between requests or before the first. It holds no buffer, except between the steps of a wave.
    Idle,
    /// Reading a head that has begun.
    Head,
    /// Waiting for a body buffer, because the body does not fit behind its head. It stays unread meanwhile.
    Queued,
    /// Reading the body of a head that is whole.
    Body,
    /// Writing what was answered.
    Sending,
    /// Waiting for the host's answer; the requests behind this one wait as well.
    Deferred,
    /// All is sent: waiting for the client's FIN.
    Closing,
}

impl State {
    /// In the order of a connection's life.
    pub(crate) const ALL: [State; 7] = [
        State::Idle,
        State::Head,
        State::Queued,
        State::Body,
        State::Sending,
        State::Deferred,
        State::Closing,
    ];
}
