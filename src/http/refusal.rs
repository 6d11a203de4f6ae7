//! Refusals: the errors that the server answers by itself.

use crate::status::ErrorStatus;

/// Why the server answers a request with an error. It closes the connection after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: ErrorStatus,
    /// A sentence for the client, without a full stop.
    pub(crate) why: &'static str,
}

impl Refusal {
    pub(crate) const BODY_TOO_LARGE: Refusal =
        Refusal { status: ErrorStatus::ContentTooLarge, why: "the body is too large" };

    pub(crate) const fn bad(why: &'static str) -> Self {
        Refusal { status: ErrorStatus::BadRequest, why }
    }
}
