//! Responding: the responder, a response's head, and the reply that proves that a request was answered.

use std::marker::PhantomData;

use super::body_writer::BodyWriter;
use crate::body::Body;
use crate::deferred::RequestId;
use crate::http::response::Writer;
use crate::shared::Shared;

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
    pub(super) fn given() -> Self {
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
    pub(super) writer: Writer<'r>,
    pub(super) shared: &'r mut Shared,
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
    /// before this one have been sent. Then [`Handler::overdue`](crate::Handler::overdue) responds, by default with a 503.
    /// [`defer_keeping`](Self::defer_keeping) also keeps the request.
    ///
    /// A client that closes its half still gets the response. If it resets the connection, [`Handler::gone`](crate::Handler::gone)
    /// reports that. (A client that has closed completely looks like one that has closed its half, until the
    /// server sends something.) If [`Config::half_close`](crate::Config::half_close) is `false`, the client's FIN
    /// ends the connection, and `gone` reports that too.
    ///
    /// Each deferred request holds a slot and one of [`Config::exchanges`](crate::Config::exchanges), and the
    /// server does not take them away. It also holds a head buffer if its client has sent more after it, or if it was
    /// deferred in [`Handler::head`](crate::Handler::head) and its body waits. If the head buffers run out, the
    /// server can refuse the request with 503 ([`Buffers`](crate::Buffers)).
    ///
    /// If the request takes the last exchange, another connection makes way. If all other exchanges hold
    /// deferred requests too, this one gets a 503 at once, and `gone` reports it. If requests can wait for
    /// long, set `exchanges` lower than `max_connections`. Otherwise deferred requests can come to hold all
    /// slots, and none of them makes way for a new client.
    ///
    /// The responder of [`Server::respond`](crate::Server::respond) can defer the request again. The request
    /// then has a new id, and keeps its deadline, unless an [interim response](Self::inform) is sent meanwhile.
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
    pub(super) writer: Writer<'r>,
    pub(super) shared: &'r mut Shared,
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
    ///   [`close_after`](Self::close_after) does. The option `upgrade` is sent, because it belongs to the header
    ///   `Upgrade` (RFC 9110 §7.8). To a 101 the server adds it by itself. The option `keep-alive` has no effect.
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

    #[inline(always)]
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
    // Inlined in each host that has several responses as well: it saves one 50 instructions.
    #[inline(always)]
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
