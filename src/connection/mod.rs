//! One connection: what is kept of it while it waits. Its states are in `state`.

pub(crate) mod driver;
pub(crate) mod quota;
pub(crate) mod socket;

use log::trace;

use crate::exchange::ExchangeId;
use crate::slot::Slot;
use crate::state::State;
use socket::Socket;

/// A slab entry: at most 32 bytes. With its links in the ready queue and in a deadline list (8 bytes each), a
/// million idle connections take 48 MB.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) socket: Socket<S>,
    /// The exchange that it keeps while it waits.
    pub(crate) exchange: Option<ExchangeId>,
    pub(crate) generation: u16,
    /// When it began to close, in [`ticks`](crate::clock::ticks) of the server's clock.
    pub(crate) closing_since: u32,
    /// Written by [`enter`](Self::enter) alone.
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

/// The log target of one line per change of state.
pub(crate) const STATES: &str = "fourway::state";

impl<S> Connection<S> {
    /// A connection as accept returns it: perhaps a request is there already.
    pub(crate) fn new(stream: S, generation: u16) -> Self {
        Connection {
            socket: Socket::new(stream),
            exchange: None,
            generation,
            closing_since: 0,
            state: State::Idle,
        }
    }

    /// The only place that writes the state.
    #[inline]
    fn enter(&mut self, slot: Slot, state: State, why: &str) {
        trace!(target: STATES, "slot {slot}: {:?} -> {state:?} ({why})", self.state);
        self.state = state;
    }
}
