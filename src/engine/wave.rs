//! A wave: connections that are served together.

use crate::connection::quota::Share;

/// A connection of a wave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) slot: u32,
    pub(super) share: Share,
    pub(super) has_input: bool,
}
