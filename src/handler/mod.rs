//! The host's side of a request: what it is asked, and the ways in which it can answer.
//!
//! A [`Responder`] is consumed by answering, each way of answering returns the [`Reply`] that the
//! handler has to return, and there is no other way to get one: a forgotten answer does not
//! compile, and neither does the answer to another request.

mod body_writer;
pub(crate) mod request;

use std::marker::PhantomData;

use crate::body::Body;
use crate::deferred::{Deferrals, GoneReason, RequestId};
use crate::handler::request::Request;
use crate::http::date::DateLine;
use crate::http::response::{Draft, Writer};

pub use body_writer::{BodyWriter, WriteError};

/// Answers requests; passed to each call of [`Server::process`](crate::Server::process), so that
/// the host's state is an ordinary `&mut`.
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
/// It has no way to the server that is calling it:
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
/// Several requests may be answered before the first answer is sent
/// ([`Budget::wave_size`](crate::Budget::wave_size)).
///
/// A handler that panics loses its own connection and nothing else, if the host catches the panic
/// and calls `process` again.
pub trait Handler {
    /// Answers one request, whole with its body.
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r>;

    /// Hears that a request which was [deferred](Responder::defer) can no longer be answered.
    ///
    /// A client's FIN is no such end, and is not reported: a client that has closed its half may still wait for its answer,
    /// and one that has closed altogether looks the same. A reset is reported.
    ///
    /// Told exactly once of each that was not answered, by the call of
    /// [`process`](crate::Server::process) that finds out, or by the next one after
    /// [`abort`](crate::Server::abort). Nothing is told once the server has been dropped.
    fn gone(&mut self, id: RequestId, why: GoneReason) {
        let _ = (id, why);
    }
}

impl<H: Handler + ?Sized> Handler for &mut H {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        (**self).request(request, responder)
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        (**self).gone(id, why);
    }
}

/// A closure as a [`Handler`]; made by [`handler_fn`].
///
/// ```
/// use fourway::{Handler, handler_fn};
///
/// fn any_handler() -> impl Handler {
///     handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello"))
/// }
/// # let _ = any_handler();
/// ```
#[derive(Debug, Clone)]
pub struct HandlerFn<F>(F);

impl<F> Handler for HandlerFn<F>
where
    F: for<'r> FnMut(&Request<'_>, Responder<'r>) -> Reply<'r>,
{
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        (self.0)(request, responder)
    }
}

/// Makes a closure a [`Handler`].
///
/// ```
/// let mut hello = fourway::handler_fn(|_request, responder| {
///     responder.send(200, "text/plain", b"hello")
/// });
/// # let _ = &mut hello;
/// ```
pub fn handler_fn<F>(function: F) -> HandlerFn<F>
where
    F: for<'r> FnMut(&Request<'_>, Responder<'r>) -> Reply<'r>,
{
    HandlerFn(function)
}

/// The proof that a request was answered.
///
/// ```
/// use fourway::{Reply, Responder};
///
/// /// One of the ways out of a handler.
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
/// and leaving it out is an error:
///
/// ```compile_fail
/// fourway::handler_fn(|_request, responder| { drop(responder); });
/// ```
#[derive(Debug)]
pub struct Reply<'r> {
    _request: Invariant<'r>,
}

/// Keeps `'r` from being stretched or shrunk to that of another request.
type Invariant<'r> = PhantomData<fn(&'r ()) -> &'r ()>;

/// The right and the duty to answer one request.
///
/// `Content-Length`, `Date` and `Connection` are added by the server. To HEAD, and with 204 and
/// 304, the body is left out. An answer that cannot be sent (too large to copy, a status outside
/// 200 to 599, a control byte in a header) becomes a 500, counted in
/// [`Stats::handler_errors`](crate::Stats::handler_errors) and logged.
///
/// ```
/// fourway::handler_fn(|request, responder| match request.path() {
///     "/old" => responder.status(301).header("Location", "/new").empty(),
///     _ => responder.send(200, "text/plain", b"here"),
/// });
/// ```
#[derive(Debug)]
#[must_use = "a responder that is dropped answers 500"]
pub struct Responder<'r> {
    writer: Writer<'r>,
    draft: &'r mut Draft,
    date: &'r DateLine,
    deferrals: &'r mut Deferrals,
    _request: Invariant<'r>,
}

impl<'r> Responder<'r> {
    pub(crate) fn new(
        writer: Writer<'r>,
        draft: &'r mut Draft,
        date: &'r DateLine,
        deferrals: &'r mut Deferrals,
    ) -> Self {
        Responder { writer, draft, date, deferrals, _request: PhantomData }
    }

    /// Answers with a copy of `body`, at most
    /// [`limits.out_bytes`](crate::Limits::out_bytes) with its headers.
    pub fn send(self, status: u16, content_type: &str, body: &[u8]) -> Reply<'r> {
        self.status(status).content_type(content_type).send(body)
    }

    /// Answers with what `write` writes; the length is filled in afterwards.
    ///
    /// What `write` returns is of no consequence: an error of writing shows without it.
    pub fn body_with<R>(
        self,
        status: u16,
        content_type: &str,
        write: impl FnOnce(&mut BodyWriter<'_>) -> R,
    ) -> Reply<'r> {
        let ResponseHead { mut writer, draft, .. } = self.status(status).content_type(content_type);
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

    /// Begins an answer that has headers of its own.
    pub fn status(mut self, status: u16) -> ResponseHead<'r> {
        self.writer.begin(self.draft, self.date, status);
        ResponseHead { writer: self.writer, draft: self.draft, _request: PhantomData }
    }

    /// Answers later, with [`Server::respond`](crate::Server::respond).
    ///
    /// Until then the connection waits, for at most
    /// [`Timeouts::deferred`](crate::Timeouts::deferred) from when the answers in front of this one
    /// have left, and so do the requests that its client has
    /// sent behind this one. A client that closes its half is still answered; of one that resets
    /// the connection [`Handler::gone`] is told. (One that has closed altogether looks like one that
    /// has closed its half, until something is sent to it.)
    ///
    /// Each request that waits holds a slot and one of [`Config::exchanges`](crate::Config::exchanges), and a head buffer
    /// if its client has sent more behind it. Neither is taken from it. If it takes the last exchange, another
    /// connection makes way; if all others wait for answers too, this one gets a 503 at once, and `gone` is told of it.
    /// A host that defers for long sets `exchanges` lower than `max_connections`, or requests that wait come to hold
    /// all slots, and none of them makes room for a new client.
    ///
    /// An answer that was deferred before can be deferred again, under a new name; its deadline
    /// stays.
    pub fn defer(self) -> (RequestId, Reply<'r>) {
        (self.deferrals.take(), Reply { _request: PhantomData })
    }

    /// Closes the connection at once, without an answer.
    pub fn close(self) -> Reply<'r> {
        self.draft.dropped = true;
        Reply { _request: PhantomData }
    }
}

/// A response's head, to which headers can be added until its body is given.
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
    draft: &'r mut Draft,
    _request: Invariant<'r>,
}

impl<'r> ResponseHead<'r> {
    /// Bodies up to this size are cheaper to copy than to send from two places.
    const COPIED: usize = 4096;

    /// Whether to copy a body that need not be: what the server adds to the head must still fit.
    fn is_cheaper_copied(&self, len: usize) -> bool {
        const REST_OF_HEAD: usize = 128;
        len <= Self::COPIED && len + REST_OF_HEAD <= self.writer.room_left()
    }

    /// Adds a header.
    ///
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's: one of these, a name that is no
    /// token, or a control byte in the value makes the answer a 500, counted in
    /// [`Stats::handler_errors`](crate::Stats::handler_errors). To close the connection, there is
    /// [`close_after`](Self::close_after).
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.writer.field(self.draft, name, value.as_ref());
        self
    }

    /// Adds the header `Content-Type`.
    pub fn content_type(mut self, value: &str) -> Self {
        self.writer.content_type(self.draft, value);
        self
    }

    /// Makes this the connection's last response.
    pub fn close_after(self) -> Self {
        self.draft.terms.close = true;
        self
    }

    /// Ends with a copy of `body`.
    pub fn send(mut self, body: &[u8]) -> Reply<'r> {
        self.writer.end_head(self.draft, body.len() as u64);
        if self.draft.has_body() {
            self.writer.push(body);
        }
        self.writer.finish(self.draft);
        Reply { _request: PhantomData }
    }

    /// Ends with a body of any length that is sent from where it is. One of a few KiB is copied
    /// all the same where there is room for it, which is cheaper.
    pub fn body(mut self, body: impl Into<Body>) -> Reply<'r> {
        let body = body.into();
        if let Some(bytes) = body.bytes().filter(|bytes| self.is_cheaper_copied(bytes.len())) {
            return self.send(bytes);
        }
        self.writer.end_head(self.draft, body.len());
        if body.is_impossible() {
            self.draft.fault = Some("an empty page cannot be repeated");
        } else if self.draft.has_body() {
            self.draft.tail = body;
        }
        self.writer.finish(self.draft);
        Reply { _request: PhantomData }
    }

    /// Ends without a body.
    pub fn empty(self) -> Reply<'r> {
        self.send(b"")
    }
}
