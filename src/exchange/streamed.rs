//! A response that the host gives piece by piece.

use super::{Later, OnSent};
use crate::http::response::stream::StreamFraming;
use crate::http::response::{Draft, Rest};

/// A streamed response whose head has been given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streamed {
    pub(crate) framing: StreamFraming,
    /// Whether the host has not been asked for a piece yet.
    pub(crate) is_new: bool,
    /// Whether the host has no piece now, and will say when it has one.
    pub(crate) is_paused: bool,
    /// What the connection does after the last piece.
    pub(crate) then: OnSent,
}

impl Streamed {
    /// Returns the stream whose head has just been written, if it is one.
    pub(crate) fn begun(draft: &Draft) -> Option<Self> {
        let Rest::Pieces(framing) = draft.special().rest else { return None };
        Some(Streamed { framing, is_new: true, is_paused: false, then: OnSent::after(draft) })
    }
}

impl Later {
    /// Returns the streamed response, if it is one.
    pub(crate) fn streamed(self) -> Option<Streamed> {
        match self {
            Later::Streamed(streamed) => Some(streamed),
            _ => None,
        }
    }

    /// Returns the streamed response, to change it.
    pub(crate) fn streamed_mut(&mut self) -> Option<&mut Streamed> {
        match self {
            Later::Streamed(streamed) => Some(streamed),
            _ => None,
        }
    }
}
