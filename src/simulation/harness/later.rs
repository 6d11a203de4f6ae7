//! What the host does with deferred requests, and whether those that it keeps stay as its handler has seen them.

use std::collections::HashSet;

use super::handler::Site;
use super::heard::Heard;
use super::overdue::Overdue;
use super::pages::repeated;
use super::panic::HandlerPanic;
use super::script::Script;
use super::sim::Sim;
use crate::deferred::{IdError, RequestId};
use crate::handler::{Reply, Responder};

impl Site {
    /// Defers a request.
    pub(super) fn park<'r>(&mut self, responder: Responder<'r>) -> (RequestId, Reply<'r>) {
        let now = responder.now();
        let (id, reply) = responder.defer();
        self.parked.push(id);
        self.deferred_at.insert(id, now);
        (id, reply)
    }

    /// Defers a request, and keeps it.
    pub(super) fn keep<'r>(&mut self, heard: Heard, responder: Responder<'r>) -> Reply<'r> {
        let now = responder.now();
        let (id, reply) = responder.defer_keeping();
        self.parked.push(id);
        self.deferred_at.insert(id, now);
        self.kept.insert(id, heard);
        reply
    }

    pub(super) fn respond_overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        let what = match self.overdue {
            // They begin with another in each story.
            Overdue::Any => Overdue::EACH[(self.asked + self.late.len()) % Overdue::EACH.len()],
            one => one,
        };
        self.late.push(id);
        let heard = self.kept.remove(&id);
        if !matches!(what, Overdue::Refuse | Overdue::Panic | Overdue::DeferAndPanic) {
            self.ended_late.push(id);
        }
        match what {
            Overdue::Respond => responder.send(200, "text/plain", b"better late"),
            Overdue::RespondLong => responder.status(200).body(repeated(70_000)),
            Overdue::Stream => {
                let script = Script::of("/stream/chunked/100a,50l,5000e").expect("a script");
                let (streamed, reply) = responder.status(200).stream(script.len);
                self.streams.push((streamed, script));
                reply
            }
            Overdue::DeferAgain => {
                let reply = match heard {
                    Some(heard) if self.late.len() % 2 == 0 => self.keep(heard, responder),
                    _ => self.park(responder).1,
                };
                let again = *self.parked.last().expect("it was deferred");
                self.unread.follow(id, again);
                reply
            }
            Overdue::Close => responder.close(),
            Overdue::Refuse | Overdue::Any => responder.refuse(),
            Overdue::DeferAndPanic => {
                self.park(responder);
                std::panic::resume_unwind(Box::new(HandlerPanic))
            }
            Overdue::Panic => std::panic::resume_unwind(Box::new(HandlerPanic)),
        }
    }
}

impl Sim {
    pub(crate) fn cancel(&mut self, id: RequestId) -> Result<(), IdError> {
        let now = self.now();
        self.engine.call(Some(now)).cancel(id)?;
        self.site.kept.remove(&id);
        Ok(())
    }

    /// Drops the responder of a deferred request.
    pub(crate) fn drop_responder(&mut self, id: RequestId) -> Result<(), IdError> {
        let now = self.now();
        self.engine.call(Some(now)).respond(id).map(drop)?;
        self.site.kept.remove(&id);
        Ok(())
    }

    /// Defers a deferred request again. Returns its new id.
    pub(crate) fn defer_again(&mut self, id: RequestId, keeps: bool) -> Result<RequestId, IdError> {
        let now = self.now();
        let responder = self.engine.call(Some(now)).respond(id)?;
        let (again, _) = if keeps { responder.defer_keeping() } else { responder.defer() };
        self.site.parked.push(again);
        self.site.unread.follow(id, again);
        if let Some(heard) = self.site.kept.remove(&id).filter(|_| keeps) {
            self.site.kept.insert(again, heard);
        }
        // It holds at once, and not only after the next call.
        assert_eq!(self.with_request(id), None);
        assert_eq!(self.with_request(again).as_ref(), self.site.kept.get(&again));
        Ok(again)
    }

    /// Responds to a request that is kept, and checks that it is as the handler has seen it.
    pub(crate) fn respond_with(
        &mut self,
        id: RequestId,
        answer: impl for<'r> FnOnce(Responder<'r>) -> Reply<'r>,
    ) -> Result<(), IdError> {
        let (now, figures) = (self.now(), self.figures());
        let heard = self.site.kept.get(&id);
        self.engine.call(Some(now)).respond_with(id, |request, responder| {
            figures.check(&responder);
            assert_eq!((Some(&Heard::new(request)), request.id()), (heard, Some(id)));
            answer(responder)
        })?;
        self.site.kept.remove(&id);
        assert_eq!(self.with_request(id), None, "it is answered");
        Ok(())
    }

    /// Returns a request that is kept.
    pub(crate) fn with_request(&self, id: RequestId) -> Option<Heard> {
        self.engine.with_request(id, |request| {
            assert_eq!(request.id(), Some(id));
            Heard::new(request)
        })
    }

    /// Checks that exactly the requests that the host keeps are kept, each as the handler has seen it.
    pub(super) fn check_kept(&self) {
        if self.engine.has_unreported() {
            return;
        }
        let kept: HashSet<RequestId> = self.engine.kept_requests().into_iter().collect();
        assert_eq!(kept, self.site.kept.keys().copied().collect());
        for (&id, heard) in &self.site.kept {
            assert_eq!(self.with_request(id).as_ref(), Some(heard), "{id:?} is shown as it came");
        }
    }
}
