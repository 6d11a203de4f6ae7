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
    /// The status of the head that has been written. A raw stream has 0.
    pub(crate) status: u16,
    /// The length of the head that has been written.
    pub(crate) head_len: u32,
    /// Whether the host has no piece now, and will say when it has one.
    pub(crate) is_paused: bool,
    /// What the connection does after the last piece.
    pub(crate) then: OnSent,
}

impl Streamed {
    /// Returns the stream whose head has just been written, if it is one.
    pub(crate) fn begun(draft: &Draft) -> Option<Self> {
        let Rest::Pieces(framing) = draft.special().rest else { return None };
        let head_len = u32::try_from(draft.len).unwrap_or(u32::MAX);
        let (status, then) = (draft.status, OnSent::after(draft));
        Some(Streamed { framing, is_new: true, status, head_len, is_paused: false, then })
    }
}
