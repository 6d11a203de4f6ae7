//! The listeners, and what is remembered of them between two turns.

use crate::clock::NEVER;
use crate::tokens::LISTENERS;

/// The id of a listener, made by [`Server::listen`](crate::Server::listen) or
/// [`Server::add_listener`](crate::Server::add_listener).
///
/// It never names another listener, neither one of another server nor a later one in the same place.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fourway::{Config, Server, TokenRange, mio};
///
/// let poll = mio::Poll::new()?;
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// let listener = server.listen("127.0.0.1:0".parse()?)?;
/// assert_ne!(server.local_addr(listener).unwrap().port(), 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerId {
    pub(super) server: u32,
    pub(super) slot: u32,
    pub(super) serial: u64,
}

/// The listeners, and why they may have to wait.
#[derive(Debug)]
pub(super) struct Accepting<L> {
    pub(super) listeners: Vec<Option<Listening<L>>>,
    /// One bit per listener: no accept has said `WouldBlock` since the last sign of a client.
    pub(super) ready: u64,
    /// Whose turn it is to accept first.
    pub(super) first: usize,
    /// How many accepts have failed since one last gave a connection, or said that there is none.
    pub(super) failures: u32,
    /// While something has run out: when to try again, sooner if a connection ends.
    pub(super) retry_at: Option<u64>,
    /// Something has run out, and clients have been waiting since: logged once.
    pub(super) has_run_out: bool,
    /// Every slot was taken, no connection could make way, and clients have been waiting since: logged once.
    pub(super) is_full: bool,
    /// Since when they have, or [`NEVER`].
    pub(super) waits_since: u64,
}

#[derive(Debug)]
pub(super) struct Listening<L> {
    pub(super) listener: L,
    /// Of its tokens, which last for a batch of events.
    pub(super) generation: u16,
    /// Of its name, which lasts for ever.
    pub(super) serial: u64,
}

const _: () = assert!(LISTENERS <= u64::BITS as usize);

impl<L> Accepting<L> {
    pub(super) const fn new() -> Self {
        Accepting {
            listeners: Vec::new(),
            ready: 0,
            first: 0,
            failures: 0,
            retry_at: None,
            has_run_out: false,
            is_full: false,
            waits_since: NEVER,
        }
    }

    /// Sets a listener's ready bit; `false` if there is none of that slot and generation.
    pub(super) fn hint(&mut self, slot: usize, generation: usize) -> bool {
        let listening = self.listeners.get(slot).and_then(Option::as_ref);
        let is_current = listening.is_some_and(|listening| usize::from(listening.generation) == generation);
        if is_current {
            self.ready |= 1 << slot;
        }
        is_current
    }

    /// Whether a listener may have connections.
    pub(super) fn is_ready(&self) -> bool {
        self.ready != 0
    }
}
