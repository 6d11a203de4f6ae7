//! The listeners, and what the engine remembers of them between two turns.

use crate::clock::NEVER;
use crate::tokens::LISTENERS;

/// The listeners, and why they may have to wait.
#[derive(Debug)]
pub(super) struct Accepting<L> {
    pub(super) listeners: Vec<Option<Listening<L>>>,
    /// One bit per listener. It is set if no accept has returned `WouldBlock` since the last sign of a client.
    pub(super) ready: u64,
    /// Whether the host has paused accepting.
    pub(super) is_paused: bool,
    /// The index of the listener that accepts first in the next turn.
    pub(super) first: usize,
    /// How many accepts have failed since one last returned a connection, or `WouldBlock`.
    pub(super) failures: u32,
    /// When to try again after something has run out. A connection that ends makes it sooner.
    pub(super) retry_at: Option<u64>,
    /// Whether something has run out, and clients have been waiting since. It is logged once.
    pub(super) has_run_out: bool,
    /// Whether every slot was taken, none could be freed, and clients have been waiting since. It is logged once.
    pub(super) is_full: bool,
    /// Since when clients have waited for a slot, or [`NEVER`].
    pub(super) waits_since: u64,
}

#[derive(Debug)]
pub(super) struct Listening<L> {
    pub(super) listener: L,
    /// The generation in its tokens, which last for a batch of events.
    pub(super) generation: u16,
    /// The serial number in its [`ListenerId`](crate::ListenerId), which lasts for ever.
    pub(super) serial: u64,
}

const _: () = assert!(LISTENERS <= u64::BITS as usize);

impl<L> Accepting<L> {
    pub(super) const fn new() -> Self {
        Accepting {
            listeners: Vec::new(),
            ready: 0,
            is_paused: false,
            first: 0,
            failures: 0,
            retry_at: None,
            has_run_out: false,
            is_full: false,
            waits_since: NEVER,
        }
    }

    /// Sets a listener's ready bit. Returns `false` if no listener has this slot and generation.
    pub(super) fn hint(&mut self, slot: usize, generation: usize) -> bool {
        let listening = self.listeners.get(slot).and_then(Option::as_ref);
        let is_current = listening.is_some_and(|listening| usize::from(listening.generation) == generation);
        if is_current {
            self.ready |= 1 << slot;
        }
        is_current
    }

    /// Returns whether clients may be waiting in the queue of a listener for the server, and not for the host.
    pub(super) fn is_ready(&self) -> bool {
        self.ready != 0 && !self.is_paused
    }
}
