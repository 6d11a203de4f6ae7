//! Requests that the host defers at their heads, and whose bodies it takes in later.

use super::handler::{Site, Taking};
use super::sim::Sim;
use crate::deferred::{IdError, RequestId};
use crate::handler::request::Request;
use crate::intake::Intake;

impl Site {
    /// Notes a request whose body was taken in, and checks that it is as the host has wanted it.
    pub(super) fn note_went_on(&mut self, request: &Request<'_>) {
        let taken = self.unread.taken_in.iter().find(|&&(id, _)| Some(id) == request.id());
        let Some(&(id, intake)) = taken else { return };
        let here = request.body().len() as u64;
        assert_eq!(here, if intake.drains() { 0 } else { request.body_received() });
        self.unread.went_on.push(id);
    }
}

impl Sim {
    /// Takes in the body of a request that was deferred at its head.
    pub(crate) fn take_in(&mut self, id: RequestId, intake: Intake) -> Result<(), IdError> {
        let now = self.now();
        self.engine.call(Some(now)).take_in(id, intake)?;
        assert!(self.site.unread.waiting.contains(&id), "a body is taken in that does not wait");
        self.site.unread.waiting.retain(|&waiting| waiting != id);
        self.site.unread.taken_in.push((id, intake));
        self.site.kept.remove(&id);
        if intake == Intake::Pieces {
            self.site.bodies.push((id, Vec::new(), Taking::All));
        }
        assert_eq!(self.with_request(id), None, "it is not shown any more");
        Ok(())
    }
}
