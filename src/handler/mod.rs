//! The host's side of a request: the handler, and the ways to respond.
//!
//! Responding consumes the [`Responder`], and returns the [`Reply`] that the handler has to return. There is
//! no other way to get a reply. So a handler that forgets to respond does not compile, and neither does one
//! that returns the reply to another request.

mod body_writer;
mod control;
mod figures;
mod function;
mod later;
pub(crate) mod request;
mod stream;
mod take_over;

use std::marker::PhantomData;

use crate::body::Body;
use crate::deferred::{GoneReason, RequestId};
use crate::handler::request::Request;
use crate::http::response::Writer;
use crate::intake::Intake;
use crate::names::ConnectionId;
use crate::net::sockets::Stream;
use crate::shared::Shared;
use crate::stats::Reason;

pub(crate) use body_writer::Piece;
pub use body_writer::{BodyWriter, WriteError};
pub use function::{HandlerFn, handler_fn};
pub use stream::More;
pub(crate) use take_over::Host;

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
/// If one method is enough, a function or a closure is a handler too ([`handler_fn`] says what the compiler expects of
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
    /// arrived whole by then, the server does not read it, and the response is the last of its connection.
    ///
    /// `id` names the request from its head to its end ([`Request::id`]). If the handler returns
    /// [`Intake::Pieces`], the id ends with a call of `request`, with a reply of `piece`, or with a call of
    /// [`gone`](Self::gone).
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
    /// meanwhile. If it takes all, the next piece comes when it has arrived. A piece is never empty.
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
    /// read it. The server counts the connection as closed, for the reason
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
    /// the host has not ended, for each one whose body the host was taking in [pieces](Intake::Pieces), and for each
    /// connection that was to be [handed over](ResponseHead::take_over) and has ended before. It does so in the
    /// call of [`process`](crate::Server::process) that finds out, or in the next one after
    /// [`abort`](crate::Server::abort). A server that is dropped reports nothing.
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
    ///
    /// ```
    /// use fourway::{Handler, Reply, Request, RequestId, Responder};
    ///
    /// struct News { parked: Vec<RequestId> }
    ///
    /// impl Handler for News {
    ///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         let (id, reply) = responder.defer();
    ///         self.parked.push(id);
    ///         reply
    ///     }
    ///
    ///     /// There was no news in time, so the client asks again on the same connection.
    ///     fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
    ///         self.parked.retain(|&parked| parked != id);
    ///         responder.status(204).empty()
    ///     }
    /// }
    /// # let _ = News { parked: Vec::new() };
    /// ```
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

/// The proof that a request was answered.
///
/// ```
/// use fourway::{Reply, Responder};
///
/// /// A handler can end with this.
/// fn not_found(responder: Responder<'_>) -> Reply<'_> {
///     responder.send(404, "text/plain", b"not here")
/// }
/// # let _ = not_found;
/// ```
///
/// Only a [`Responder`] makes one:
///
/// ```compile_fail
/// fourway::handler_fn(|_request, _responder| fourway::Reply { });
/// ```
///
/// A handler that returns none does not compile:
///
/// ```compile_fail
/// fourway::handler_fn(|_request, responder| { drop(responder); });
/// ```
#[derive(Debug)]
pub struct Reply<'r> {
    _request: Invariant<'r>,
}

impl Reply<'_> {
    fn given() -> Self {
        Reply { _request: PhantomData }
    }
}

/// Ties a reply to its request: the compiler neither lengthens nor shortens `'r` to the lifetime of another.
type Invariant<'r> = PhantomData<fn(&'r ()) -> &'r ()>;

/// The right and the duty to respond to one request.
///
/// The server adds `Content-Length`, `Date` and `Connection`. It leaves out the body in a response to HEAD,
/// and in one with the status 204, 205 or 304.
///
/// If a response cannot be sent, the client gets a 500. The server logs that, and counts it in
/// [`Stats::handler_errors`](crate::Stats::handler_errors). A response cannot be sent if it is too large to
/// copy, if its status is not between 200 and 599, or if a header holds a control byte.
///
/// ```
/// fourway::handler_fn(|request, responder| match request.path() {
///     "/old" => responder.status(301).header("Location", "/new").empty(),
///     _ => responder.send(200, "text/plain", b"here"),
/// });
/// ```
#[derive(Debug)]
#[must_use = "if a responder is dropped, the client gets a 500"]
pub struct Responder<'r> {
    writer: Writer<'r>,
    shared: &'r mut Shared,
    _request: Invariant<'r>,
}

impl<'r> Responder<'r> {
    pub(crate) fn new(writer: Writer<'r>, shared: &'r mut Shared) -> Self {
        Responder { writer, shared, _request: PhantomData }
    }

    /// Responds with a copy of `body`. Together with its headers it has at most
    /// [`limits.out_bytes`](crate::Limits::out_bytes).
    ///
    /// ```
    /// fourway::handler_fn(|request, responder| match request.path() {
    ///     "/text" => responder.send(200, "text/plain", "a text"),
    ///     "/made" => responder.send(200, "text/plain", format!("a text of {}", request.host())),
    ///     _ => responder.send(404, "text/plain", b"bytes"),
    /// });
    /// ```
    pub fn send(self, status: u16, content_type: &str, body: impl AsRef<[u8]>) -> Reply<'r> {
        self.status(status).content_type(content_type).send(body)
    }

    /// Responds with the body that `write` writes. The server fills in the length afterwards.
    ///
    /// The result of `write` is ignored, because the server notices a failed write without it.
    pub fn body_with<R>(
        self,
        status: u16,
        content_type: &str,
        write: impl FnOnce(&mut BodyWriter<'_>) -> R,
    ) -> Reply<'r> {
        let ResponseHead { mut writer, shared, .. } = self.status(status).content_type(content_type);
        let draft = &mut shared.draft;
        let gap = writer.end_head_unsized(draft);
        let start = writer.len();
        let mut body = BodyWriter::new(writer);
        write(&mut body);
        let mut writer = body.into_writer();
        let length = writer.len() - start;
        if let Some(gap) = gap {
            writer.fill_length(draft, gap, length as u64);
        }
        if !draft.has_body() {
            writer.truncate(writer.len() - length);
        }
        writer.finish(draft);
        Reply { _request: PhantomData }
    }

    /// Begins a response that has headers of its own.
    pub fn status(mut self, status: u16) -> ResponseHead<'r> {
        let Shared { draft, date, clock, .. } = &mut *self.shared;
        self.writer.begin(draft, date.line(clock.now()), status);
        ResponseHead { writer: self.writer, shared: self.shared, _request: PhantomData }
    }

    /// Defers the response, which the host gives later with [`Server::respond`](crate::Server::respond).
    ///
    /// Until then the connection waits, and so do the requests that its client has sent after this one. It
    /// waits for at most [`Timeouts::deferred`](crate::Timeouts::deferred), starting when the responses
    /// before this one have been sent. Then [`Handler::overdue`] responds, by default with a 503.
    ///
    /// A client that closes its half still gets the response. If it resets the connection, [`Handler::gone`]
    /// reports that. (A client that has closed completely looks like one that has closed its half, until the
    /// server sends something.) If [`Config::half_close`](crate::Config::half_close) is `false`, the client's FIN
    /// ends the connection, and `gone` reports that too.
    ///
    /// Each deferred request holds a slot and one of [`Config::exchanges`](crate::Config::exchanges), and the
    /// server does not take them away. It also holds a head buffer if its client has sent more after it. If
    /// the head buffers run out, the server can refuse the request with 503 ([`Buffers`](crate::Buffers)).
    ///
    /// If the request takes the last exchange, another connection makes way. If all other exchanges hold
    /// deferred requests too, this one gets a 503 at once, and `gone` reports it. If requests can wait for
    /// long, set `exchanges` lower than `max_connections`. Otherwise deferred requests can come to hold all
    /// slots, and none of them makes way for a new client.
    ///
    /// The responder of [`Server::respond`](crate::Server::respond) can defer the request again. The request
    /// then has a new id, and keeps its deadline.
    pub fn defer(self) -> (RequestId, Reply<'r>) {
        // An interim response may have been written.
        self.writer.finish(&mut self.shared.draft);
        self.shared.draft.make_special();
        (self.shared.deferrals.take(), Reply { _request: PhantomData })
    }

    /// Closes the connection at once, without a response.
    pub fn close(self) -> Reply<'r> {
        self.shared.draft.make_special().dropped = true;
        Reply { _request: PhantomData }
    }
}

/// A response's head. Add headers to it, then give the body.
///
/// ```
/// fourway::handler_fn(|_request, responder| {
///     responder.status(503).header("Retry-After", "1").close_after().send(b"later")
/// });
/// ```
#[derive(Debug)]
#[must_use = "a response ends with send, body or empty"]
pub struct ResponseHead<'r> {
    writer: Writer<'r>,
    shared: &'r mut Shared,
    _request: Invariant<'r>,
}

impl<'r> ResponseHead<'r> {
    /// Bodies up to this size are cheaper to copy than to send from two places.
    const COPIED: usize = 4096;

    /// Returns whether to copy a body that need not be copied. What the server adds to the head must still
    /// fit.
    fn is_cheaper_copied(&self, len: usize) -> bool {
        const REST_OF_HEAD: usize = 128;
        len <= Self::COPIED && len + REST_OF_HEAD <= self.writer.room_left()
    }

    /// Adds a header.
    ///
    /// The server writes four headers by itself:
    ///
    /// - `Date`: a date of the host's replaces it. The host answers for its form.
    /// - `Connection`: the option `close`, in any case and alone or in a list, does what
    ///   [`close_after`](Self::close_after) does. The option `keep-alive` has no effect, and neither has
    ///   `upgrade` in a 101.
    /// - `Content-Length` and `Transfer-Encoding`: the host cannot add them.
    ///
    /// The client gets a 500 if the host adds one of the last two, another option of `Connection` (RFC 9110
    /// §7.6.1), a name that is not a token, or a value that holds a control byte.
    /// [`Stats::handler_errors`](crate::Stats::handler_errors) counts it.
    ///
    /// ```
    /// fourway::handler_fn(|_request, responder| {
    ///     let cached = responder.status(200).header("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    ///     cached.header("Connection", "close").send(b"an old page")
    /// });
    /// ```
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.writer.field(&mut self.shared.draft, name, value.as_ref());
        self
    }

    /// Adds the header `Content-Type`.
    pub fn content_type(mut self, value: &str) -> Self {
        self.writer.content_type(&mut self.shared.draft, value);
        self
    }

    /// Makes this the connection's last response.
    pub fn close_after(self) -> Self {
        self.shared.draft.terms.close = true;
        self
    }

    /// Ends the response with a copy of `body`.
    pub fn send(mut self, body: impl AsRef<[u8]>) -> Reply<'r> {
        self.copy(body.as_ref());
        Reply::given()
    }

    #[inline]
    fn copy(&mut self, body: &[u8]) {
        let draft = &mut self.shared.draft;
        self.writer.end_head(draft, body.len() as u64);
        if draft.has_body() {
            self.writer.push(body);
        }
        self.writer.finish(draft);
    }

    /// Ends the response with a body of any length, which is sent from where it is.
    ///
    /// A body of at most 4 KiB in one piece is copied if there is space for it, because that is cheaper.
    pub fn body(mut self, body: impl Into<Body>) -> Reply<'r> {
        let body = body.into();
        if let Some(bytes) = body.bytes().filter(|bytes| self.is_cheaper_copied(bytes.len())) {
            self.copy(bytes);
            return Reply::given();
        }
        self.writer.end_head(&self.shared.draft, body.len());
        if let Some(fault) = body.fault() {
            self.shared.draft.fault = Some(fault);
        } else if self.shared.draft.has_body() {
            self.shared.draft.tail = body;
        }
        self.writer.finish(&mut self.shared.draft);
        Reply { _request: PhantomData }
    }

    /// Ends the response without a body.
    pub fn empty(self) -> Reply<'r> {
        self.send(b"")
    }
}
