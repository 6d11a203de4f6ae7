//! A wave: connections that are served together.
//!
//! This is a file of its own because `serve` works with it, the engine keeps it, and `memory` counts its
//! bytes.

use crate::connection::quota::Quota;
use crate::slot::Slot;

/// A connection of a wave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) slot: Slot,
    pub(super) quota: Quota,
    pub(super) has_input: bool,
}
