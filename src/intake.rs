//! What a host does with the body of a request.

/// What the server is to do with a request's body. [`Handler::head`](crate::Handler::head) returns it.
///
/// ```
/// use fourway::{Handler, Intake, Reply, Request, RequestId, Responder};
///
/// struct Site;
///
/// impl Handler for Site {
///     fn head<'r>(
///         &mut self,
///         request: &Request<'_>,
///         _id: RequestId,
///         responder: Responder<'r>,
///     ) -> Result<Intake, Reply<'r>> {
///         match (request.header("Authorization"), request.path()) {
///             (None, _) => Err(responder.send(401, "text/plain", b"who are you?")),
///             (_, "/comments") => Ok(Intake::AtMost(4096)),
///             (_, "/speed-test") => Ok(Intake::Discard),
///             _ => Ok(Intake::Whole),
///         }
///     }
///
///     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///         responder.body_with(200, "text/plain", |body| writeln!(body, "{} bytes", request.body_received()))
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intake {
    /// It gathers the body, and passes all of it to [`Handler::request`](crate::Handler::request). A body longer than
    /// [`limits.body_bytes`](crate::Limits::body_bytes) gets 413.
    #[default]
    Whole,
    /// The same, but a body longer than this number of bytes gets 413 as well.
    AtMost(usize),
    /// It reads the body, however long, and throws it away. Then it calls `request`, whose
    /// [`body`](crate::Request::body) is empty.
    Discard,
    /// The same, but a body longer than this number of bytes gets 413.
    DiscardAtMost(u64),
    /// It passes each part to [`Handler::piece`](crate::Handler::piece) as it arrives, however long the body is. Then
    /// it calls `request`, whose [`body`](crate::Request::body) is empty.
    Pieces,
}

impl Intake {
    /// Returns how long a body may be, if the server gathers `limit` bytes at most.
    pub(crate) fn most(self, limit: usize) -> u64 {
        match self {
            Intake::Whole => limit as u64,
            Intake::AtMost(most) => most.min(limit) as u64,
            Intake::DiscardAtMost(most) => most,
            Intake::Discard | Intake::Pieces => u64::MAX,
        }
    }

    /// Returns whether the server keeps nothing of the body.
    pub(crate) fn drains(self) -> bool {
        self.discards() || self == Intake::Pieces
    }

    /// Returns whether nobody sees the body.
    pub(crate) fn discards(self) -> bool {
        matches!(self, Intake::Discard | Intake::DiscardAtMost(_))
    }
}
