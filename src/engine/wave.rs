//! A wave: connections that are served together.

use crate::connection::quota::Quota;
use crate::slot::Slot;

/// A connection of a wave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) slot: Slot,
    pub(super) quota: Quota,
    pub(super) has_input: bool,
}
