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

/// The result of an attempt to answer the next request.
pub(super) enum Attempt {
    Answered,
    BodyFollows,
    /// The head has to be parsed again.
    Again,
    NotYet(Need),
}
