//! What a host can do with a deferred request besides responding.

use std::time::Instant;

use super::Server;
use crate::deferred::{IdError, RequestId};

impl Server {
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
