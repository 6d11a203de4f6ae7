//! One connection: what the server keeps of it while it waits. Its states are in `state`.

pub(crate) mod driver;
pub(crate) mod quota;
pub(crate) mod socket;

use log::kv::Value;

use crate::exchange::ExchangeId;
use crate::slot::Slot;
use crate::state::State;
use crate::state::transitions;
use crate::trace::{self, Why};
use socket::Socket;

/// A connection's entry in the slab, of at most 24 bytes. With its entries in the ready queue (8 bytes) and in the
/// deadline lists (16 bytes), a million idle connections take 48 MB.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) socket: Socket<S>,
    /// The exchange that it keeps while it waits.
    pub(crate) exchange: Option<ExchangeId>,
    pub(crate) generation: u16,
    /// When the connection entered `Closing`, in [`ticks`](crate::clock::ticks) of the server's clock.
    pub(crate) closing_since: u32,
    /// Only [`enter`](Self::enter) writes it.
    pub(crate) state: State,
}

/// In a release build, mio's stream is a file descriptor, or one of two kinds of it. The slab keeps its free list
/// inside the entries.
#[cfg(all(unix, target_pointer_width = "64"))]
const _: () = {
    use std::os::fd::OwnedFd;
    assert!(size_of::<Connection<OwnedFd>>() <= MOST_BYTES);
    assert!(size_of::<Connection<Result<OwnedFd, OwnedFd>>>() <= MOST_BYTES);
};

/// The most bytes of a connection.
pub(crate) const MOST_BYTES: usize = 24;

impl<S> Connection<S> {
    /// Returns a connection as accept returns it. It is ready, because a request may have arrived already.
    pub(crate) fn new(stream: S, generation: u16) -> Self {
        Connection {
            socket: Socket::new(stream),
            exchange: None,
            generation,
            closing_since: 0,
            state: transitions::FIRST,
        }
    }

    /// Enters a state, and logs it. No other function writes the state.
    #[inline]
    fn enter(&mut self, slot: Slot, state: State, why: &'static Why) {
        transitions::check_change(self.state, state, why.text);
        if trace::is_on() {
            trace_entry(slot, self.state, state, why);
        }
        self.state = state;
    }
}

#[cold]
fn trace_entry(slot: Slot, from: State, to: State, why: &'static Why) {
    let fields = [
        ("kind", "state".into()),
        ("slot", slot.index().into()),
        ("from", Value::from_debug(&from)),
        ("to", Value::from_debug(&to)),
        ("why", why.text.into()),
    ];
    trace::step(
        trace::STATES,
        why.at,
        &fields,
        format_args!("slot {slot}: {from:?} -> {to:?} ({})", why.text),
    );
}
