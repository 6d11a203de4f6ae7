//! Responses that come later, or not at all.

use super::responder::{Reply, Responder};
use crate::deferred::RequestId;

impl<'r> Responder<'r> {
    /// Defers the response like [`defer`](Self::defer), and keeps the request, so that the host can look at it
    /// again until it is answered.
    ///
    /// [`Server::with_request`](crate::Server::with_request) shows the request, and
    /// [`Server::respond_with`](crate::Server::respond_with) does so together with the responder. Nothing is
    /// copied, because the bytes stay in the buffer that they are in:
    ///
    /// - Usually that is a [head buffer](crate::Buffers::heads). If the head buffers run out, the server can
    ///   refuse the request with 503, like any deferred request that holds one.
    /// - If the body did not fit there, it is a [body buffer](crate::Buffers::bodies). The request keeps it
    ///   until the host has responded. Meanwhile other large bodies may wait, so keep few requests, or
    ///   set `bodies` accordingly.
    ///
    /// What is kept is what the handler was called with. So in [`Handler::head`](crate::Handler::head) and
    /// [`Handler::piece`](crate::Handler::piece), and for a body that was discarded or taken, it is the head.
    ///
    /// A responder of [`Server::respond`](crate::Server::respond) or
    /// [`Handler::overdue`](crate::Handler::overdue) can defer its request again. If it was kept, it stays so
    /// only with `defer_keeping`. If it was not, its bytes are gone, and this is the same as `defer`.
    ///
    /// ```
    /// use std::time::Instant;
    /// use fourway::{Handler, Reply, Request, RequestId, Responder, Server};
    ///
    /// struct Jobs { waiting: Vec<RequestId> }
    ///
    /// impl Handler for Jobs {
    ///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         let (id, reply) = responder.defer_keeping();
    ///         self.waiting.push(id);
    ///         reply
    ///     }
    /// }
    ///
    /// /// The host has time for a job.
    /// fn work(jobs: &mut Jobs, server: &mut Server) {
    ///     let Some(id) = jobs.waiting.pop() else { return };
    ///     // If the client has left meanwhile, there is nothing to do.
    ///     let _ = server.respond_with(id, Instant::now(), |request, responder| {
    ///         let words = request.body().split(u8::is_ascii_whitespace).count();
    ///         responder.body_with(200, "text/plain", |body| writeln!(body, "{words} words"))
    ///     });
    /// }
    /// # let _ = work;
    /// ```
    pub fn defer_keeping(self) -> (RequestId, Reply<'r>) {
        self.shared.draft.make_special().keeps = true;
        self.defer()
    }

    /// Leaves the response to the server: the client gets the server's own 503, and the connection closes after
    /// it.
    ///
    /// [`Stats::errors`](crate::Stats::errors) counts it. To choose the status, the text or the headers, send a
    /// response instead.
    ///
    /// In [`Handler::overdue`](crate::Handler::overdue), a request that is refused counts as not answered, so
    /// [`Handler::gone`](crate::Handler::gone) reports it. Elsewhere it counts as answered.
    ///
    /// ```
    /// use fourway::{Handler, Reply, Request, RequestId, Responder};
    ///
    /// struct News { parked: Vec<RequestId> }
    ///
    /// impl Handler for News {
    ///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         if self.parked.len() >= 1_000 {
    ///             return responder.refuse();
    ///         }
    ///         let (id, reply) = responder.defer();
    ///         self.parked.push(id);
    ///         reply
    ///     }
    ///
    ///     /// There was no news in time. The client asks again on the same connection.
    ///     fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
    ///         self.parked.retain(|&parked| parked != id);
    ///         responder.status(204).empty()
    ///     }
    /// }
    /// # let _ = News { parked: Vec::new() };
    /// ```
    pub fn refuse(self) -> Reply<'r> {
        self.shared.draft.make_special().refused = true;
        Reply::given()
    }
}
