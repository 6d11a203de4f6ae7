//! Descriptors that clients have passed over Unix sockets (SCM_RIGHTS), until their requests are answered.
//!
//! A message that carries descriptors is a barrier (unix(7)): a read ends after it, although more bytes may be there.
//! So the descriptors of a read came with the last message in it. Nothing says where in the read that message begins. So
//! they belong to the first request that has a byte in the read, and that request keeps them until it is answered.
//!
//! Each connection has a place for as many descriptors as one request may have. The places stand beside the slab, because
//! an entry there has no byte left. There are none if the settings allow no descriptors.

use crate::config::{Config, MAX_DESCRIPTORS, PASSES_DESCRIPTORS};
use crate::slot::Slot;

#[cfg(unix)]
pub(crate) use std::os::fd::OwnedFd as Descriptor;

/// Elsewhere nothing is passed.
#[cfg(not(unix))]
pub(crate) type Descriptor = std::convert::Infallible;

/// The descriptors of all connections.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// The most for one request.
    limit: usize,
    /// `limit` places for each connection. It grows with the slots that are used, so that the rest of it does not
    /// become resident.
    places: Vec<Option<Descriptor>>,
    /// What each connection holds.
    held: Vec<Held>,
    /// How many connections hold something.
    holders: usize,
}

/// What a connection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// This number of descriptors.
    Some(u8),
    /// Nothing any more, because its request cannot have what was passed with it.
    Failed(Fault),
}

const NOTHING: Held = Held::Some(0);

impl Held {
    fn len(self) -> usize {
        match self {
            Held::Some(len) => len.into(),
            Held::Failed(_) => 0,
        }
    }
}

/// Why a request cannot have what was passed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// More than the settings allow.
    TooMany,
    /// The process can have no more descriptors, or may not have these.
    Lost,
}

/// The descriptors of one request while the handler is called. It closes them when it is dropped.
pub(crate) struct Lent {
    places: [Option<Descriptor>; MAX_DESCRIPTORS],
    len: usize,
}

impl Lent {
    pub(crate) fn get(&self) -> &[Option<Descriptor>] {
        &self.places[..self.len]
    }
}

impl Descriptors {
    const PER_SLOT: usize = size_of::<Held>();

    /// Returns the bytes that these settings reserve.
    pub(crate) fn reserved(config: &Config) -> usize {
        let limit = config.limits.descriptors;
        let per_slot = limit * size_of::<Option<Descriptor>>() + Self::PER_SLOT;
        if limit > 0 { config.max_connections.saturating_mul(per_slot) } else { 0 }
    }

    pub(crate) fn new(config: &Config) -> Self {
        let limit = config.limits.descriptors;
        let slots = if limit > 0 { config.max_connections } else { 0 };
        Descriptors {
            limit,
            places: Vec::with_capacity(slots.saturating_mul(limit)),
            held: Vec::with_capacity(slots),
            holders: 0,
        }
    }

    /// Returns whether the settings allow any.
    pub(crate) fn are_wanted(&self) -> bool {
        self.limit > 0
    }

    /// Returns whether a connection holds anything. If not, there is nothing to lend and nothing to close.
    #[inline(always)]
    pub(crate) fn are_held(&self) -> bool {
        PASSES_DESCRIPTORS && self.holders > 0
    }

    /// Closes the descriptors of a connection.
    #[inline]
    pub(crate) fn close(&mut self, slot: Slot) {
        if self.are_held() {
            self.set(slot, NOTHING);
        }
    }

    /// Takes the descriptors of a connection, to lend them to the handler. Returns `None` if it holds nothing.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Result<Lent, Fault>> {
        let len = match self.of(slot) {
            NOTHING => return None,
            Held::Some(len) => usize::from(len),
            Held::Failed(fault) => {
                self.set(slot, NOTHING);
                return Some(Err(fault));
            }
        };
        let mut lent = Lent { places: [const { None }; MAX_DESCRIPTORS], len };
        lent.places[..len].swap_with_slice(&mut self.places_of(slot)[..len]);
        self.set(slot, NOTHING);
        Some(Ok(lent))
    }

    /// Puts back what was [taken](Self::take), because more of the request has to arrive.
    pub(crate) fn put_back(&mut self, slot: Slot, mut lent: Lent) {
        self.set(slot, Held::Some(lent.len as u8));
        self.places_of(slot)[..lent.len].swap_with_slice(&mut lent.places[..lent.len]);
    }

    /// Adds a descriptor. If the request has too many, it gets none, and they are closed.
    fn add(&mut self, slot: Slot, descriptor: Descriptor) {
        match self.of(slot) {
            Held::Some(len) if usize::from(len) < self.limit => {
                self.set(slot, Held::Some(len + 1));
                self.places_of(slot)[usize::from(len)] = Some(descriptor);
            }
            Held::Some(_) => self.set(slot, Held::Failed(Fault::TooMany)),
            Held::Failed(_) => {}
        }
    }

    /// Notes what a connection holds. Closes what it held beyond that.
    fn set(&mut self, slot: Slot, held: Held) {
        if self.held.len() <= slot.index() {
            if held == NOTHING {
                return;
            }
            self.held.resize(slot.index() + 1, NOTHING);
            self.places.resize_with(self.held.len() * self.limit, || None);
        }
        let before = std::mem::replace(&mut self.held[slot.index()], held);
        self.holders -= usize::from(before != NOTHING);
        self.holders += usize::from(held != NOTHING);
        let (had, has) = (before.len(), held.len());
        if has < had {
            self.places_of(slot)[has..had].fill_with(|| None);
        }
    }

    fn of(&self, slot: Slot) -> Held {
        self.held.get(slot.index()).copied().unwrap_or(NOTHING)
    }

    fn places_of(&mut self, slot: Slot) -> &mut [Option<Descriptor>] {
        &mut self.places[slot.index() * self.limit..][..self.limit]
    }

    /// Returns how many descriptors a connection holds, or `None` if its request cannot have them.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn count(&self, slot: Slot) -> Option<usize> {
        match self.of(slot) {
            Held::Some(len) => Some(len.into()),
            Held::Failed(_) => None,
        }
    }

    /// Returns how many descriptors are open, wherever they are.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn open(&self) -> usize {
        self.places.iter().flatten().count()
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacities(&self) -> [usize; 2] {
        [self.places.capacity(), self.held.capacity()]
    }
}

/// Where a read puts the descriptors that it has received.
#[derive(Debug)]
pub(crate) struct Passed<'a> {
    pub(crate) descriptors: &'a mut Descriptors,
    pub(crate) slot: Slot,
}

impl Passed<'_> {
    /// Returns whether the server wants any.
    pub(crate) fn are_wanted(&self) -> bool {
        self.descriptors.are_wanted()
    }

    /// Returns how many more the request may have.
    pub(crate) fn room(&self) -> usize {
        match self.descriptors.of(self.slot) {
            Held::Some(len) => self.descriptors.limit - usize::from(len),
            Held::Failed(_) => 0,
        }
    }

    /// Adds one. If the request has too many, all of them are closed.
    pub(crate) fn add(&mut self, descriptor: Descriptor) {
        self.descriptors.add(self.slot, descriptor);
    }

    /// Notes that the kernel has left out some, and closes the others. It leaves out those that do not fit into the room
    /// that it was given, and all after one that the process cannot have.
    pub(crate) fn are_cut(&mut self) {
        let fault = if self.room() > 0 { Fault::Lost } else { Fault::TooMany };
        if let Held::Some(_) = self.descriptors.of(self.slot) {
            self.descriptors.set(self.slot, Held::Failed(fault));
        }
    }
}
