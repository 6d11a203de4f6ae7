//! A body that is arriving, and what the host does with it.

use std::num::NonZeroU64;

use crate::http::body::BodyReader;
use crate::http::response::Terms;
use crate::intake::Intake;

/// The body of a request whose head has been accepted.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) reader: BodyReader,
    pub(crate) intake: Intake,
    /// The serial of the request's id.
    pub(crate) serial: NonZeroU64,
    /// What the request demands of its response.
    pub(crate) terms: Terms,
    /// Whether the host has not taken all of a piece, and will say when it takes more.
    pub(crate) is_paused: bool,
    /// Whether the host has deferred the request at its head. It was counted then.
    pub(crate) was_deferred: bool,
}

impl Incoming {
    /// Returns the serial of the request whose end the host has to learn: it has begun to take pieces, or has deferred
    /// the request.
    pub(crate) fn held_serial(&self) -> Option<NonZeroU64> {
        (self.intake == Intake::Pieces || self.was_deferred).then_some(self.serial)
    }
}
