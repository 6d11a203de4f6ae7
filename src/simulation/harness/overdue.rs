//! What the handler of the simulation does with deferred requests that are overdue.

/// What the handler does with a request that is overdue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Overdue {
    #[default]
    Refuse,
    Respond,
    RespondLong,
    Stream,
    DeferAgain,
    Close,
    Panic,
    DeferAndPanic,
    /// One after the other.
    Any,
}

impl Overdue {
    pub(super) const EACH: [Overdue; 8] = [
        Overdue::Respond,
        Overdue::Refuse,
        Overdue::DeferAgain,
        Overdue::RespondLong,
        Overdue::Stream,
        Overdue::Close,
        Overdue::Panic,
        Overdue::DeferAndPanic,
    ];
}
