//! The result of an attempt to answer.

/// The need that has to be met before the next request can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// More of a head has to arrive, or a first byte.
    Head,
    /// A body buffer has to be lent.
    BodyBuffer,
    /// More of a body has to arrive.
    Body,
    /// The host has to take the rest of a piece of a body.
    Host,
    /// The responses have to be sent: the buffer is full, the budget is used, or this was the last response.
    Sending,
}

impl Need {
    /// Returns the need in a few words, for the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Need::Head => "more of the head has to arrive",
            Need::BodyBuffer => "the body needs a buffer",
            Need::Body => "more of the body has to arrive",
            Need::Host => "the host takes the rest later",
            Need::Sending => "the request waits for its turn",
        }
    }
}

/// The result of an attempt to answer the next request.
pub(super) enum Attempt {
    Answered,
    BodyFollows,
    /// The head has to be parsed again.
    Again,
    NotYet(Need),
}
