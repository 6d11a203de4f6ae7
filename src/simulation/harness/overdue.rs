//! What the handler of the simulation does with deferred requests that are overdue.

use super::handler::{HandlerPanic, Site, repeated};
use super::script::Script;
use crate::deferred::RequestId;
use crate::handler::{Reply, Responder};

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
    const EACH: [Overdue; 8] = [
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

impl Site {
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
            Overdue::DeferAgain => match heard {
                Some(heard) if self.late.len() % 2 == 0 => self.keep(heard, responder),
                _ => self.park(responder).1,
            },
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
