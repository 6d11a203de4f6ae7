//! What the host of the simulated server does between two turns.

use super::script::Script;
use super::sim::Sim;
use crate::deferred::{IdError, RequestId};
use crate::handler::{Reply, Responder};

impl Sim {
    /// Answers the request that the handler has deferred first, if that still waits.
    pub(crate) fn answer(&mut self, body: &str) -> Result<(), IdError> {
        let id = self.site.parked.remove(0);
        self.respond(id, |responder| responder.send(200, "text/plain", body.as_bytes()))
    }

    pub(crate) fn respond(
        &mut self,
        id: RequestId,
        answer: impl for<'r> FnOnce(Responder<'r>) -> Reply<'r>,
    ) -> Result<(), IdError> {
        let (now, figures) = (self.now(), self.figures());
        let responder = self.engine.call(Some(now)).respond(id)?;
        figures.check(&responder);
        let _ = answer(responder);
        self.site.kept.remove(&id);
        Ok(())
    }

    /// Answers a deferred request with a stream.
    pub(crate) fn stream(&mut self, id: RequestId, path: &str) -> Result<(), IdError> {
        let script = Script::of(path).expect("a stream has a script");
        let (now, figures) = (self.now(), self.figures());
        let responder = self.engine.call(Some(now)).respond(id)?;
        figures.check(&responder);
        let (streamed, _) = responder.status(200).stream(script.len);
        self.site.streams.push((streamed, script));
        self.site.kept.remove(&id);
        Ok(())
    }

    /// Lets the stream that the handler has begun first go on.
    pub(crate) fn resume(&mut self) -> Result<(), IdError> {
        let id = self.site.streams[0].0;
        self.resume_of(id)
    }

    pub(crate) fn resume_of(&mut self, id: RequestId) -> Result<(), IdError> {
        let now = self.now();
        let is_going_on = self.engine.call(Some(now)).resume(id);
        self.site.resumed.extend(is_going_on.is_ok().then_some(id));
        is_going_on
    }
}
