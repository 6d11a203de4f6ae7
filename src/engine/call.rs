//! What a host can do with a server.
//!
//! Between two calls something may be unfinished: the host has begun a response, or has caught a panic of its
//! handler. Every call that could drive or end a connection finishes this first. So these calls are methods
//! of [`Call`], and only [`Engine::call`] creates one.
//!
//! The other calls neither drive nor end a connection, so they are methods of [`Engine`]: `add_listener`,
//! `remove_listener`, `pause_accepting`, `resume_accepting`, `handle` and `next_timeout`.

use std::time::{Duration, Instant};

use super::{Begun, Engine, Progress, gauges};
use crate::config::CloseMode;
use crate::deferred::{IdError, RequestId};
use crate::handler::request::Request;
use crate::handler::{Host, Reply, Responder};
use crate::intake::Intake;
use crate::names::ConnectionId;
use crate::net::{Net, Refused};

/// The engine during a call of its host. Nothing is unfinished.
pub(crate) struct Call<'e, N: Net> {
    engine: &'e mut Engine<N>,
    begun: Begun,
}

impl<N: Net> Engine<N> {
    /// Begins a call, at the time `now` if the host passes it.
    pub(crate) fn call(&mut self, now: Option<Instant>) -> Call<'_, N> {
        if let Some(now) = now {
            self.shared.clock.observe(now);
        }
        let begun = Begun { closed: self.shared.stats.closed, due: self.due() };
        // A panic comes first, because the handler may have taken the id of its request before it panicked.
        self.close_panicked();
        self.finish_response();
        gauges::fill(&mut self.shared.stats, &self.table);
        Call { engine: self, begun }
    }
}

impl<'e, N: Net> Call<'e, N> {
    /// Does one turn of work.
    pub(crate) fn process<H: Host<N::Stream> + ?Sized>(self, handler: &mut H) -> Progress {
        self.engine.turn(handler, self.begun)
    }

    /// Begins the response to a deferred request. The next turn sends it.
    pub(crate) fn respond(self, id: RequestId) -> Result<Responder<'e>, IdError> {
        self.engine.begin_response(id)
    }

    /// Lets the host respond to a deferred request that is kept. The next turn sends the response.
    pub(crate) fn respond_with(
        self,
        id: RequestId,
        respond: impl for<'r> FnOnce(&Request<'_>, Responder<'r>) -> Reply<'r>,
    ) -> Result<(), IdError> {
        self.engine.respond_with(id, respond)
    }

    /// Ends a deferred request without a response. The next turn closes its connection.
    pub(crate) fn cancel(self, id: RequestId) -> Result<(), IdError> {
        self.engine.cancel_deferred(id)
    }

    /// Lets the body of a request that was deferred at its head come in.
    pub(crate) fn take_in(self, id: RequestId, intake: Intake) -> Result<(), IdError> {
        self.engine.take_in(id, intake)
    }

    /// Lets a streamed response, or a body that is taken in pieces, go on.
    pub(crate) fn resume(self, id: RequestId) -> Result<(), IdError> {
        self.engine.resume(id)
    }

    /// Serves a stream that the host has accepted.
    pub(crate) fn adopt(self, stream: N::Stream) -> Result<Option<ConnectionId>, Refused<N::Stream>> {
        self.engine.admit_adopted(stream)
    }

    /// Ends a connection as `how` says.
    pub(crate) fn close(self, id: ConnectionId, how: CloseMode) -> Result<(), IdError> {
        self.engine.close_named(id, how)
    }

    /// Stops accepting, and ends what is open within `grace`.
    pub(crate) fn drain(self, grace: Duration) {
        self.engine.begin_drain(grace);
    }

    /// Ends everything at once.
    pub(crate) fn abort(self) {
        self.engine.end_all();
    }
}
