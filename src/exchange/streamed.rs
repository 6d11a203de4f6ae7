//! A response that the host gives piece by piece.

use super::on_sent::OnSent;
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
