//! Responses that come later, or not at all.

use super::{Reply, Responder};

impl<'r> Responder<'r> {
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
    /// fourway::handler_fn(|_request, responder| match responder.stats().deferred {
    ///     0..1_000 => responder.defer().1,
    ///     _ => responder.refuse(),
    /// });
    /// ```
    pub fn refuse(self) -> Reply<'r> {
        self.shared.draft.make_special().refused = true;
        Reply::given()
    }
}
