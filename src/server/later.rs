//! What a host can do with a deferred request besides responding.

use std::time::Instant;

use super::Server;
use crate::deferred::{IdError, RequestId};
use crate::handler::request::Request;
use crate::handler::{Reply, Responder};
use crate::intake::Intake;

impl Server {
    /// Shows a request that was [deferred and kept](crate::Responder::defer_keeping) to `look`, and returns what
    /// that returns.
    ///
    /// The request is as the handler has seen it, and has its [id](crate::Request::id). The server parses its
    /// head each time. Returns `None` if the request no longer waits for a response, was deferred without
    /// keeping, or belongs to another server.
    ///
    /// ```
    /// use fourway::{RequestId, Server};
    ///
    /// /// Serves the requests for this path first.
    /// fn sort_by_path(server: &Server, waiting: &mut [RequestId], first: &str) {
    ///     let is_first = |&id: &RequestId| server.with_request(id, |request| request.path() == first);
    ///     waiting.sort_by_key(|id| is_first(id) != Some(true));
    /// }
    /// # let _ = sort_by_path;
    /// ```
    pub fn with_request<R>(&self, id: RequestId, look: impl FnOnce(&Request<'_>) -> R) -> Option<R> {
        self.engine.with_request(id, look)
    }

    /// Responds to a request that was [deferred and kept](crate::Responder::defer_keeping), with the request at
    /// hand.
    ///
    /// Otherwise it is like [`respond`](Self::respond). The bytes of the request are free after that, unless
    /// `respond` defers it once more with [`defer_keeping`](crate::Responder::defer_keeping). If `respond`
    /// panics and the host goes on, the client gets a 500.
    ///
    /// ```
    /// use std::time::Instant;
    /// use fourway::{RequestId, Server};
    ///
    /// fn echo(server: &mut Server, id: RequestId) {
    ///     let echoed = server.respond_with(id, Instant::now(), |request, responder| {
    ///         responder.send(200, "application/octet-stream", request.body())
    ///     });
    ///     if let Err(error) = echoed {
    ///         println!("too late: {error}");
    ///     }
    /// }
    /// # let _ = echo;
    /// ```
    ///
    /// # Errors
    ///
    /// Fails like [`respond`](Self::respond). Fails with [`IdError::NotKept`] if the request waits, but was
    /// deferred without keeping. Then it still waits, and `respond` can answer it.
    pub fn respond_with(
        &mut self,
        id: RequestId,
        now: Instant,
        respond: impl for<'r> FnOnce(&Request<'_>, Responder<'r>) -> Reply<'r>,
    ) -> Result<(), IdError> {
        self.engine.call(Some(now)).respond_with(id, respond)
    }

    /// Takes in the body of a request that was [deferred](crate::Responder::defer) in
    /// [`Handler::head`](crate::Handler::head). The request goes on as if `head` had returned this intake.
    ///
    /// The next [`process`](Self::process) reads the body. A client that waits for `100 Continue` gets it then. The
    /// request keeps its [id](crate::Request::id), and the id ends with a call of
    /// [`Handler::request`](crate::Handler::request), with a reply of [`Handler::piece`](crate::Handler::piece), or with a
    /// call of [`Handler::gone`](crate::Handler::gone).
    ///
    /// To answer without reading the body, call [`respond`](Self::respond) instead.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::time::Instant;
    /// use fourway::{Handler, IdError, Intake, Reply, Request, RequestId, Responder, Server};
    ///
    /// /// Asks another service who may upload, before the body comes.
    /// #[derive(Default)]
    /// struct Uploads { asked: HashMap<RequestId, String> }
    ///
    /// impl Handler for Uploads {
    ///     fn head<'r>(
    ///         &mut self,
    ///         request: &Request<'_>,
    ///         _id: RequestId,
    ///         responder: Responder<'r>,
    ///     ) -> Result<Intake, Reply<'r>> {
    ///         let (id, reply) = responder.defer();
    ///         self.asked.insert(id, request.header_str("Authorization").unwrap_or_default().to_owned());
    ///         Err(reply)
    ///     }
    ///
    ///     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         responder.body_with(200, "text/plain", |body| writeln!(body, "{} bytes", request.body_received()))
    ///     }
    /// }
    ///
    /// /// The other service has answered.
    /// fn decide(server: &mut Server, id: RequestId, may_upload: bool, now: Instant) -> Result<(), IdError> {
    ///     if may_upload {
    ///         return server.take_in(id, Intake::Whole, now);
    ///     }
    ///     server.respond(id, now)?.send(403, "text/plain", b"not you");
    ///     Ok(())
    /// }
    /// # let _ = decide;
    /// ```
    ///
    /// # Errors
    ///
    /// Fails like [`respond`](Self::respond). Fails with [`IdError::Over`] if the request waits, but its body does not:
    /// it has none, or was deferred in another call than `head`. Then it still waits, and `respond` can answer it.
    pub fn take_in(&mut self, id: RequestId, intake: Intake, now: Instant) -> Result<(), IdError> {
        self.engine.call(Some(now)).take_in(id, intake)
    }

    /// Ends a request that was [deferred](crate::Responder::defer) without a response.
    ///
    /// The next [`process`](Self::process) sends what is left of the responses before it. Then it closes the
    /// connection like [`Responder::close`](crate::Responder::close): with a FIN, in every close mode. As at any
    /// close, the kernel adds a reset if the client has sent bytes that the server has not read.
    ///
    /// Requests that the client has sent after this one get no response.
    /// [`Handler::gone`](crate::Handler::gone) does not report the request.
    ///
    /// ```
    /// use std::time::Instant;
    /// use fourway::{RequestId, Server};
    ///
    /// /// The job behind these requests has failed, and their clients are to notice at once.
    /// fn give_up(server: &mut Server, parked: &mut Vec<RequestId>, now: Instant) {
    ///     for id in parked.drain(..) {
    ///         // It does not matter if a client has left meanwhile.
    ///         let _ = server.cancel(id, now);
    ///     }
    /// }
    /// # let _ = give_up;
    /// ```
    ///
    /// # Errors
    ///
    /// Fails like [`respond`](Self::respond): if the request no longer waits for a response, or if it belongs
    /// to another server.
    pub fn cancel(&mut self, id: RequestId, now: Instant) -> Result<(), IdError> {
        self.engine.call(Some(now)).cancel(id)
    }
}
