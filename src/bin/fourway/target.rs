//! The target of the load: it gives the usual response, or one that is steered.

use std::time::{Duration, Instant};

use fourway::{
    BodyWriter, Config, ConnectionId, GoneReason, Handler, Intake, More, Progress, Reason, Reply, Request,
    RequestId, Responder, Server,
};

use super::options::Options;
use super::page::Page;
use super::steering::{Counts, Settings, Steering};

pub struct Target {
    page: Page,
    steering: Steering,
    /// What becomes of a body, unless the URL says something else.
    intake: Intake,
    is_steered: bool,
}

/// Sets what the target needs of the server.
pub fn prepare(config: &mut Config, is_steered: bool) {
    // Bodies of requests are never kept.
    config.buffers.bodies = 1;
    config.limits.body_bytes = 0;
    if is_steered {
        // A connection that has its idle time from its URL is closed by its name.
        config.names = true;
        // The target has timers of its own for what it delays.
        config.timeouts.deferred = Duration::MAX;
        config.timeouts.stream = Duration::MAX;
        // A client that leaves takes its delay along.
        config.half_close = false;
    }
}

impl Target {
    pub fn new(page: Page, options: &Options, connections: usize) -> Self {
        let settings = Settings {
            everywhere: options.steering.everywhere(),
            reads_urls: options.steering.steer,
            close: options.connections.close.into(),
            body: page.body(),
            content_type: page.content_type().to_owned(),
        };
        let is_steered = options.steering.is_used();
        let head_limit = options.limits.head_limit;
        let steering = Steering::new(settings, if is_steered { connections } else { 0 }, head_limit);
        Target { page, steering, intake: options.limits.intake(), is_steered }
    }

    /// Returns what was steered, if anything can be.
    pub fn counts(&self) -> Option<&Counts> {
        self.is_steered.then(|| self.steering.counts())
    }

    /// Returns the time until the next timer of a steered response.
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        self.steering.next_timeout(now)
    }

    /// Processes the events of a turn. `last_end` is the end of the turn before.
    pub fn process(&mut self, server: &mut Server, now: Instant, last_end: Instant) -> Progress {
        self.steering.fire(server, now, last_end);
        server.process(now, self)
    }
}

impl Target {
    #[cold]
    #[inline(never)]
    fn steer<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.steering.respond(request, responder, &self.page)
    }
}

impl Handler for Target {
    #[inline]
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if self.steering.concerns(request) {
            self.steer(request, responder)
        } else {
            self.page.respond(request, responder)
        }
    }

    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        let intake = self.steering.head(request, id, responder)?;
        Ok(if intake == Intake::Discard { self.intake } else { intake })
    }

    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        self.steering.piece(id, bytes, responder)
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        self.steering.more(id, piece)
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.steering.gone(id, why);
    }

    fn closed(&mut self, id: ConnectionId, _why: Reason) {
        self.steering.closed(id);
    }
}
