//! The server's own figures, for a handler that reports them.

use std::time::Instant;

use super::responder::Responder;
use crate::stats::Stats;

impl Responder<'_> {
    /// Returns the server's counters, for a page of metrics or to decide how to respond.
    ///
    /// Counters include this request. The gauges, such as [`Stats::open`], are those of the moment when this
    /// call of [`process`](crate::Server::process) or [`respond`](crate::Server::respond) began. So they do
    /// not change while one call serves many requests.
    ///
    /// This copies nothing. Responding ends the reference, so a page that shows many of them clones them:
    ///
    /// ```
    /// fourway::handler_fn(|request, responder| {
    ///     if responder.stats().deferred > 1_000 {
    ///         return responder.status(503).header("Retry-After", "1").empty();
    ///     }
    ///     match request.path() {
    ///         "/metrics" => {
    ///             let stats = responder.stats().clone();
    ///             responder.body_with(200, "text/plain; version=0.0.4", |body| {
    ///                 let _ = writeln!(body, "http_requests_total {}", stats.requests);
    ///                 let _ = writeln!(body, "http_connections {}", stats.open);
    ///             })
    ///         }
    ///         _ => responder.send(404, "text/plain", b"try /metrics"),
    ///     }
    /// });
    /// ```
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Returns the time that the host has passed to this call of [`process`](crate::Server::process) or
    /// [`respond`](crate::Server::respond). This reads no clock.
    ///
    /// ```
    /// use std::time::Instant;
    /// use fourway::{Handler, Reply, Request, Responder};
    ///
    /// struct Uptime { start: Instant }
    ///
    /// impl Handler for Uptime {
    ///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         let uptime = responder.now().saturating_duration_since(self.start);
    ///         responder.body_with(200, "text/plain", |body| {
    ///             let _ = writeln!(body, "up for {} s", uptime.as_secs());
    ///         })
    ///     }
    /// }
    /// # let _ = Uptime { start: Instant::now() };
    /// ```
    pub fn now(&self) -> Instant {
        self.shared.clock.instant()
    }
}
