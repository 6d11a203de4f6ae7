//! The place of a connection in the slab.

use std::fmt;

/// The index of a connection in the slab. Another connection gets it when this one has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// Returns the slot of an index below 2³². [`Config::max_connections`](crate::Config::max_connections) is below
    /// that.
    pub(crate) const fn new(index: usize) -> Self {
        Slot(index as u32)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns its place in a list of slots.
    pub(crate) const fn place(self) -> u32 {
        self.0
    }

    pub(crate) const fn at_place(place: u32) -> Self {
        Slot(place)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
