//! The host's side of a request: the handler, and the ways to respond.
//!
//! Responding consumes the [`Responder`], and returns the [`Reply`] that the handler has to return. There is
//! no other way to get a reply. So a handler that forgets to respond does not compile, and neither does one
//! that returns the reply to another request.

mod body_writer;
mod control;
mod figures;
pub(crate) mod function;
mod later;
pub(crate) mod request;
mod responder;
mod stream;
mod take_over;

use crate::deferred::{GoneReason, RequestId};
use crate::intake::Intake;
use crate::names::ConnectionId;
use crate::net::sockets::Stream;
use crate::stats::Reason;

pub(crate) use body_writer::Piece;
pub use body_writer::{BodyWriter, WriteError};
use request::Request;
pub use responder::{Reply, Responder, ResponseHead};
pub use stream::More;

/// Responds to requests.
///
/// The host passes its handler to each call of [`Server::process`](crate::Server::process), so the host's
/// state is an ordinary `&mut`.
///
/// ```
/// use fourway::{Handler, Reply, Request, Responder};
///
/// struct Counter(u64);
///
/// impl Handler for Counter {
///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///         self.0 += 1;
///         responder.body_with(200, "text/plain", |body| {
///             let _ = writeln!(body, "request number {}", self.0);
///         })
///     }
/// }
/// ```
///
/// If one method is enough, a function or a closure is a handler too ([`handler_fn`](crate::handler_fn) says what the compiler expects of
/// them):
///
/// ```
/// use fourway::{Reply, Request, Responder};
///
/// fn hello<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///     responder.send(200, "text/plain", b"hello")
/// }
///
/// let mut handler = fourway::handler_fn(hello);
/// # let _ = &mut handler;
/// ```
///
/// The handler cannot reach the server that calls it:
///
/// ```compile_fail
/// fn turn(server: &mut fourway::Server) {
///     let mut ender = fourway::handler_fn(|_request, responder| {
///         server.abort();
///         responder.send(200, "text/plain", b"the last")
///     });
///     server.process(std::time::Instant::now(), &mut ender);
/// }
/// ```
///
/// The server may call the handler for several requests before it sends the first response
/// ([`Budget::wave_size`](crate::Budget::wave_size)).
///
/// If a handler panics, its own connection is lost and nothing else, provided that the host catches the panic
/// and calls `process` again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler",
    label = "this type does not implement `fourway::Handler`",
    note = "`fourway::handler_fn` makes a handler of a closure or a function"
)]
pub trait Handler {
    /// Responds to one request, which has arrived whole with its body.
    ///
    /// If [`head`](Self::head) has decided so, the body was thrown away or taken before.
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r>;

    /// Decides what the server does with the body of a request, before it comes.
    ///
    /// The server calls this exactly once for each request that has a body, and before it sends `100 Continue`. It
    /// does not call it for a request without a body, or in close mode `drop`. The request's
    /// [`body`](Request::body) is empty here. The default is [`Intake::Whole`].
    ///
    /// If the handler responds, it returns the reply as an error, and `request` is not called. If the body has not
    /// arrived whole by then, the server does not read it, and the response is the last of its connection. (A chunked
    /// body counts as not arrived here.)
    ///
    /// If the handler [defers](Responder::defer) the request, its body waits unread, and the client waits for
    /// `100 Continue`. The host decides later. [`Server::take_in`](crate::Server::take_in) goes on as if this had returned
    /// an intake, and [`Server::respond`](crate::Server::respond) responds without reading the body. Meanwhile the
    /// request holds a [head buffer](crate::Buffers::heads).
    ///
    /// `id` names the request from its head to its end ([`Request::id`]). If the handler returns [`Intake::Pieces`], or
    /// if the host takes the body in later, the id ends with a call of `request`, with a reply of `piece`, or with a call
    /// of [`gone`](Self::gone).
    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        let _ = (request, id, responder);
        Ok(Intake::Whole)
    }

    /// Takes a piece of a body, and returns how many of its bytes it has taken.
    ///
    /// If it takes fewer than all, the server reads no more of the body, and calls this again with the rest after
    /// [`Server::resume`](crate::Server::resume). Only the host's [own timeout](crate::Timeouts::piece) runs
    /// meanwhile. If it takes all, the next piece comes when it has arrived. A piece is never empty, and has at most what
    /// a head buffer has left: [`limits.head_bytes`](crate::Limits::head_bytes) and 4 KiB, less the head.
    ///
    /// If the handler responds, it returns the reply as an error, and the intake ends. `request` is not called. If the
    /// body has not arrived whole by then, the response is the last of its connection.
    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        let _ = id;
        log::error!("a handler that takes bodies in pieces has to implement `piece`");
        let _ = bytes;
        Err(responder.status(500).empty())
    }

    /// Writes the next piece of a [streamed](ResponseHead::stream) response, and returns what follows it.
    ///
    /// The server calls this when the kernel has taken the piece before. A piece has at most
    /// [`limits.out_bytes`](crate::Limits::out_bytes), and [`BodyWriter::room_left`] returns what fits. If the host
    /// writes more than that, or more than the length that it has announced, the server logs an error and resets the
    /// connection.
    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let _ = (id, piece);
        log::error!("a handler that streams has to implement `more`");
        More::Abort
    }

    /// Takes a connection that a response has [handed over](ResponseHead::take_over).
    ///
    /// The response has been sent, and the server has forgotten the connection. The stream is non-blocking, and not
    /// registered with any poller. `read_ahead` is what the client has sent after its request, as far as the server has
    /// read it, so use it before anything that is read from the stream. The server counts the connection as closed, for the reason
    /// [`TakenOver`](crate::Reason::TakenOver).
    ///
    /// The default closes the stream.
    fn taken(&mut self, id: RequestId, stream: Stream, read_ahead: &[u8]) {
        let _ = (id, stream, read_ahead);
        log::error!("a handler that takes connections over has to implement `taken`");
    }

    /// Takes note that a [deferred](Responder::defer) or [streamed](ResponseHead::stream) request can no longer
    /// be answered.
    ///
    /// A reset by the client is reported. A client's FIN does not end its request, and is not reported, unless
    /// [`Config::half_close`](crate::Config::half_close) is `false`. A client that has closed its half may still
    /// wait for its response, and one that has closed completely looks the same.
    ///
    /// The server calls this exactly once for each deferred request that was not answered, for each streamed one that
    /// the host has not ended, for each one whose body the host was taking in [pieces](Intake::Pieces) or has taken in
    /// [later](crate::Server::take_in), and for each connection that was to be [handed over](ResponseHead::take_over) and has ended before. It does so in the
    /// call of [`process`](crate::Server::process) that finds out. If another call has ended the request, such as
    /// [`close`](crate::Server::close) or [`abort`](crate::Server::abort), the next `process` reports it. A server
    /// that is dropped reports nothing.
    fn gone(&mut self, id: RequestId, why: GoneReason) {
        let _ = (id, why);
    }

    /// Takes note that a connection has ended. It is called only if [`Config::names`](crate::Config::names) is
    /// `true`.
    ///
    /// The server calls this exactly once for each connection, even if the handler has seen no request of it.
    /// It does so in the call of [`process`](crate::Server::process) that finds out. If another call has ended
    /// the connection, such as [`close`](crate::Server::close), [`adopt`](crate::Server::adopt) or
    /// [`abort`](crate::Server::abort), the next `process` reports it. [`gone`](Self::gone) comes first if the
    /// connection had a deferred request. A server that is dropped reports nothing.
    fn closed(&mut self, id: ConnectionId, why: Reason) {
        let _ = (id, why);
    }

    /// Responds to a [deferred](Responder::defer) request whose time is over
    /// ([`Timeouts::deferred`](crate::Timeouts::deferred)).
    ///
    /// By default this calls [`Responder::refuse`]. Then the client gets a 503, and [`gone`](Self::gone)
    /// reports the request with [`GoneReason::Timeout`]. If the handler responds in another way, the request
    /// is answered, and `gone` does not report it.
    ///
    /// The handler can also defer the request again. The request then has a new id and a new deadline, and the
    /// old id is over.
    ///
    /// If this panics, the connection is lost, and `gone` reports the request.
    fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        let _ = id;
        responder.refuse()
    }
}

impl<H: Handler + ?Sized> Handler for &mut H {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        (**self).request(request, responder)
    }

    fn head<'r>(
        &mut self,
        request: &Request<'_>,
        id: RequestId,
        responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        (**self).head(request, id, responder)
    }

    fn piece<'r>(
        &mut self,
        id: RequestId,
        bytes: &[u8],
        responder: Responder<'r>,
    ) -> Result<usize, Reply<'r>> {
        (**self).piece(id, bytes, responder)
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        (**self).more(id, piece)
    }

    fn taken(&mut self, id: RequestId, stream: Stream, read_ahead: &[u8]) {
        (**self).taken(id, stream, read_ahead);
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        (**self).gone(id, why);
    }

    fn closed(&mut self, id: ConnectionId, why: Reason) {
        (**self).closed(id, why);
    }

    fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        (**self).overdue(id, responder)
    }
}

/// A handler that can take the streams of a network. Every [`Handler`] takes those of mio.
pub(crate) trait Host<S>: Handler {
    fn take(&mut self, id: RequestId, stream: S, read_ahead: &[u8]);
}

impl<H: Handler + ?Sized> Host<Stream> for H {
    fn take(&mut self, id: RequestId, stream: Stream, read_ahead: &[u8]) {
        self.taken(id, stream, read_ahead);
    }
}
