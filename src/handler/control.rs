//! Control over the bytes and the close of one response. It is for test servers, and for hosts that pass on what another
//! server has written.

use super::responder::{Reply, Responder, ResponseHead};
use crate::config::CloseMode;
use crate::deferred::RequestId;
use crate::http::response::stream::StreamFraming;
use crate::http::response::{Announced, Rest};

impl<'r> Responder<'r> {
    /// Sends these bytes as they are, and nothing else. The host answers for every byte, and the connection closes
    /// after them.
    ///
    /// They have at most [`limits.out_bytes`](crate::Limits::out_bytes). Without a byte, the connection closes at once,
    /// as with [`close`](Self::close).
    ///
    /// ```
    /// fourway::handler_fn(|_request, responder| responder.raw(b"HTTP/1.0 200 OK\r\n\r\nno header at all"));
    /// ```
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Reply<'r> {
        let bytes = bytes.as_ref();
        self.writer.push(bytes);
        let draft = &mut self.shared.draft;
        draft.terms.close = true;
        draft.make_special().dropped = bytes.is_empty();
        self.writer.finish(draft);
        Reply::given()
    }

    /// Sends the bytes of the pieces that [`Handler::more`](crate::Handler::more) writes, and nothing else. The host
    /// answers for every byte, and the connection closes after them.
    ///
    /// Otherwise it is like [`ResponseHead::stream`].
    pub fn raw_stream(self) -> (RequestId, Reply<'r>) {
        let draft = &mut self.shared.draft;
        (draft.terms.close, draft.terms.head_only) = (true, false);
        draft.make_special().rest = Rest::Pieces(StreamFraming::UntilClose);
        self.writer.finish(draft);
        (self.shared.deferrals.take(), Reply::given())
    }

    /// Sends an interim response before the final one, such as a 103 with `Link` headers (RFC 8297). `status` is 100 to
    /// 199, but not 101, which [hands the connection over](ResponseHead::take_over).
    ///
    /// If the final response is given now, both leave together. If the request is [deferred](Self::defer), the interim
    /// response is sent at once. In [`head`](crate::Handler::head) and [`piece`](crate::Handler::piece) it is sent only
    /// with a reply: if the handler returns `Ok`, it is lost. A client of HTTP/1.0 knows none, so it gets none (RFC 9110 §15.2). If a header or the
    /// status cannot be sent, the client gets a 500 instead of all.
    ///
    /// ```
    /// fourway::handler_fn(|_request, mut responder| {
    ///     responder.inform(103, [("Link", "</style.css>; rel=preload")]);
    ///     responder.send(200, "text/html", b"<link rel=stylesheet href=/style.css>")
    /// });
    /// ```
    pub fn inform<'h>(&mut self, status: u16, headers: impl IntoIterator<Item = (&'h str, &'h str)>) {
        let draft = &mut self.shared.draft;
        if !draft.terms.http10 {
            self.writer.inform(draft, status, headers);
        }
    }
}

impl ResponseHead<'_> {
    /// Makes this the connection's last response, and closes the connection after it in this way, whatever
    /// [`Config::close`](crate::Config::close) says.
    ///
    /// With [`CloseMode::Drop`] the connection closes at once, without a response. An id that
    /// [`stream`](Self::stream) or [`take_over`](Self::take_over) has returned then ends with a call of
    /// [`gone`](crate::Handler::gone).
    ///
    /// ```
    /// use fourway::CloseMode;
    ///
    /// fourway::handler_fn(|_request, responder| responder.status(200).close_with(CloseMode::Rst).send(b"the last"));
    /// ```
    pub fn close_with(self, mode: CloseMode) -> Self {
        let draft = &mut self.shared.draft;
        draft.terms.close = true;
        let special = draft.make_special();
        (special.close, special.dropped) = (Some(mode), mode == CloseMode::Drop);
        self
    }

    /// Announces this Content-Length, true or not, or none. The connection closes after the response.
    ///
    /// It is for test servers: if the length is not that of the body, the response is not valid HTTP. A
    /// [streamed](Self::stream) response is not chunked then, and the close ends it.
    ///
    /// ```
    /// fourway::handler_fn(|_request, responder| responder.status(200).announce(Some(1000)).send(b"ten bytes\n"));
    /// ```
    pub fn announce(self, length: Option<u64>) -> Self {
        let draft = &mut self.shared.draft;
        draft.terms.close = true;
        draft.make_special().announced = length.map_or(Announced::No, Announced::This);
        self
    }
}
