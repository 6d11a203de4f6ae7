//! Handing the connection over: behind the response it speaks another protocol, and the host serves it.

use super::responder::{Reply, ResponseHead};
use crate::deferred::RequestId;

impl<'r> ResponseHead<'r> {
    /// Ends the head of a 101, or of a 2xx to CONNECT, and hands the connection over to the host when the client has
    /// been sent everything: the server calls [`Handler::taken`](crate::Handler::taken) with the socket. This is the
    /// mirror of [`Server::adopt`](crate::Server::adopt).
    ///
    /// The server adds `Connection: Upgrade` to a 101, and the host adds `Upgrade` (RFC 9110 §7.8). CONNECT reaches the
    /// handler only if [`limits.connect`](crate::Limits::connect) allows it. With any other status, the client gets a
    /// 500. It also gets one if the request has a body that has not been read, as in
    /// [`Handler::head`](crate::Handler::head), because the client is still sending it.
    ///
    /// The id ends with a call of `taken`, or with one of [`gone`](crate::Handler::gone) if the connection ends
    /// before.
    ///
    /// ```
    /// use fourway::{Handler, Reply, Request, RequestId, Responder, Stream};
    ///
    /// #[derive(Default)]
    /// struct Echo { taken: Vec<(Stream, Vec<u8>)> }
    ///
    /// impl Handler for Echo {
    ///     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         if request.header("Upgrade") != Some(b"echo") {
    ///             return responder.status(426).header("Upgrade", "echo").empty();
    ///         }
    ///         let (_id, reply) = responder.status(101).header("Upgrade", "echo").take_over();
    ///         reply
    ///     }
    ///
    ///     fn taken(&mut self, _id: RequestId, stream: Stream, read_ahead: &[u8]) {
    ///         // The host registers the stream with its own poller.
    ///         self.taken.push((stream, read_ahead.to_vec()));
    ///     }
    /// }
    /// ```
    pub fn take_over(mut self) -> (RequestId, Reply<'r>) {
        self.writer.end_head_handed_over(&mut self.shared.draft);
        self.writer.finish(&mut self.shared.draft);
        (self.shared.deferrals.take(), Reply::given())
    }
}
