//! One connection: its states, and what is kept of it between visits.
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
//! A state says what the connection waits for, so each has a deadline list of its own. What leads
//! from one state to the next is in `driver`.

pub(crate) mod driver;
pub(crate) mod quota;
pub(crate) mod socket;

use crate::table::NONE;
use socket::Socket;

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

/// A slab entry: at most 32 bytes. With its links in the ready queue and in a deadline list (8 bytes each), a
/// million idle connections take 48 MB.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) socket: Socket<S>,
    /// The exchange that it keeps between visits, or [`NONE`].
    pub(crate) exchange: u32,
    pub(crate) generation: u16,
    /// When it began to close, in [`ticks`](crate::clock::ticks) of the server's clock.
    pub(crate) closing_since: u32,
    /// When its present wait ends, in nanoseconds of the server's clock.
    pub(crate) deadline: u64,
    /// Written by [`Visit::enter`](crate::connection::driver::Visit) alone.
    pub(crate) state: State,
}

/// In release, mio's stream is its file descriptor, or one of two kinds of it. The slab adds its
/// free list inside the entry.
#[cfg(all(unix, target_pointer_width = "64"))]
const _: () = {
    use std::os::fd::OwnedFd;
    assert!(size_of::<Connection<OwnedFd>>() <= 32);
    assert!(size_of::<Connection<Result<OwnedFd, OwnedFd>>>() <= 32);
};

impl<S> Connection<S> {
    /// A connection as accept returns it: perhaps a request is there already.
    pub(crate) fn new(stream: S, generation: u16) -> Self {
        Connection {
            socket: Socket::new(stream),
            exchange: NONE,
            generation,
            closing_since: 0,
            deadline: 0,
            state: State::Idle,
        }
    }
}
