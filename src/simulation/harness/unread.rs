//! What the host of the simulation knows of the bodies that it has not taken in.

use crate::deferred::RequestId;
use crate::intake::Intake;

/// The bodies that wait unread, and what has become of them.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    /// The requests that were deferred at their heads.
    pub(crate) waiting: Vec<RequestId>,
    /// Those whose body the host has taken in, and those of them that have gone on to the handler.
    pub(crate) taken_in: Vec<(RequestId, Intake)>,
    pub(crate) went_on: Vec<RequestId>,
}

impl Unread {
    /// Notes that a request has been deferred again.
    pub(super) fn follow(&mut self, id: RequestId, again: RequestId) {
        if self.waiting.contains(&id) {
            self.waiting.push(again);
        }
    }

    pub(crate) fn is_taken_in(&self, id: RequestId) -> bool {
        self.taken_in.iter().any(|&(taken, _)| taken == id)
    }
}
