//! A response that the host gives piece by piece.

use std::num::NonZeroU64;

use crate::http::response::stream::StreamFraming;

/// A streamed response whose head has been given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streamed {
    pub(crate) serial: NonZeroU64,
    pub(crate) framing: StreamFraming,
    /// Whether the host has not been asked for a piece yet.
    pub(crate) is_new: bool,
    /// Whether the host has no piece now, and will say when it has one.
    pub(crate) is_paused: bool,
    /// Whether the response is the connection's last, and whether the client has asked for that.
    pub(crate) close: bool,
    pub(crate) client_asked: bool,
}
