//! Streamed responses: the host gives the body piece by piece, when it is asked.

use super::responder::{Reply, ResponseHead};
use crate::config::CloseMode;
use crate::deferred::RequestId;

/// What follows a piece of a streamed response. [`Handler::more`](crate::Handler::more) returns it.
///
/// ```
/// use fourway::{BodyWriter, More};
///
/// /// Writes the numbers from `next` to 999,999, as many as fit.
/// fn count(next: &mut u32, piece: &mut BodyWriter<'_>) -> More {
///     while *next < 1_000_000 && piece.room_left() > 10 {
///         let _ = writeln!(piece, "{next}");
///         *next += 1;
///     }
///     if *next < 1_000_000 { More::Again } else { More::End }
/// }
/// # let _ = count;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// There is more. The server asks again as soon as the kernel has taken this piece.
    ///
    /// If the host has written nothing, this is taken for [`Later`](Self::Later), and the server logs an error.
    Again,
    /// There will be more. The server asks again after the host's call of
    /// [`Server::resume`](crate::Server::resume). What the host has written is sent now.
    Later,
    /// This was the last piece. What the host has written is sent, and the connection goes on.
    ///
    /// If a length was announced and not kept, the server resets the connection instead. If nothing of the response has
    /// been sent, which is usual in the first piece, the client gets a 500. Either way the id has ended, and
    /// [`gone`](crate::Handler::gone) is not called.
    End,
    /// The response cannot be finished. The server resets the connection, so that the client notices. (On a Unix socket
    /// a reset looks like an end. There a client notices by the length, or by the missing last chunk.)
    Abort,
    /// The response ends here, whatever its length: this was the last piece, and no last chunk follows it. When it is
    /// sent, the connection closes in this way. With [`CloseMode::Drop`] the server closes the socket at once, without
    /// waiting for the client.
    ///
    /// It is for test servers, and for hosts that pass on what another server has cut off. A client notices by the
    /// length, or by the missing last chunk. A body that only the close ends looks whole.
    Cut(CloseMode),
}

impl<'r> ResponseHead<'r> {
    /// Ends the head, and gives the body piece by piece: the server calls [`Handler::more`](crate::Handler::more)
    /// for each piece, and asks for the next one only when the kernel has taken the one before. So a client that
    /// reads slowly slows the host down, and a stream needs one out buffer at most.
    ///
    /// `len` is the length of the body in bytes, if the host knows it. Otherwise the body is sent in chunks (RFC
    /// 9112 §7.1). A client of HTTP/1.0 does not know chunks, so the close ends its body. If the announced length is
    /// reached, the server still waits for [`More::End`], and so does the client's next request.
    ///
    /// Each id ends exactly once: with [`More::End`], [`More::Abort`] or [`More::Cut`], or with a call of
    /// [`Handler::gone`](crate::Handler::gone). If the client wants no body, because it has sent HEAD or the status
    /// is 204, 205 or 304, `more` is never called, and `gone` reports
    /// [`NoBody`](crate::GoneReason::NoBody) at once.
    ///
    /// A stream that waits for the host holds a slot and one of [`Config::exchanges`](crate::Config::exchanges),
    /// and the server does not take them away before [`Timeouts::stream`](crate::Timeouts::stream). If the client
    /// has sent further requests meanwhile, the stream also holds a head buffer. If the head buffers run out, the
    /// server can cut the stream off ([`Buffers`](crate::Buffers)).
    ///
    /// ```
    /// use fourway::{BodyWriter, Handler, More, Reply, Request, RequestId, Responder};
    ///
    /// /// Sends 10 MB of zeros to each client, however slowly it reads.
    /// #[derive(Default)]
    /// struct Zeros(std::collections::HashMap<RequestId, usize>);
    ///
    /// impl Handler for Zeros {
    ///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         let (id, reply) = responder.status(200).stream(Some(10_000_000));
    ///         self.0.insert(id, 10_000_000);
    ///         reply
    ///     }
    ///
    ///     fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
    ///         let Some(left) = self.0.get_mut(&id) else { return More::Abort };
    ///         let len = piece.room_left().min(*left).min(16_384);
    ///         let _ = piece.write_all(&[0; 16_384][..len]);
    ///         *left -= len;
    ///         if *left > 0 { return More::Again }
    ///         self.0.remove(&id);
    ///         More::End
    ///     }
    ///
    ///     fn gone(&mut self, id: RequestId, _why: fourway::GoneReason) {
    ///         self.0.remove(&id);
    ///     }
    /// }
    /// ```
    pub fn stream(mut self, len: Option<u64>) -> (RequestId, Reply<'r>) {
        self.writer.end_head_streamed(&mut self.shared.draft, len);
        self.writer.finish(&mut self.shared.draft);
        (self.shared.deferrals.take(), Reply::given())
    }
}
