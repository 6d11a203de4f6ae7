//! A request as a handler sees it.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};

use crate::deferred::RequestId;
use crate::http::head::Head;
use crate::http::percent;
use crate::names::{ConnectionId, ListenerId, NameOf};
use crate::net::Peer;

/// A request as a handler sees it.
///
/// Its parts are slices of the bytes that arrived. They are valid during the call.
///
/// ```
/// use fourway::{Reply, Request, Responder};
///
/// fn hello<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///     match (request.method(), request.path()) {
///         ("GET" | "HEAD", "/") => responder.send(200, "text/plain", b"hello"),
///         _ => responder.send(404, "text/plain", b"not here"),
///     }
/// }
/// # let _ = fourway::handler_fn(hello);
/// ```
pub struct Request<'a> {
    pub(crate) head: &'a Head<'a, 'a>,
    pub(crate) body: &'a [u8],
    /// The length of the body, which may not be here.
    pub(crate) received: u64,
    pub(crate) id: Option<RequestId>,
    pub(crate) origin: &'a Origin<'a>,
}

/// Where a request comes from. It is the same for all requests of a run of the driver.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) peer: &'a dyn Peer,
    pub(crate) name: NameOf<'a>,
}

impl<'a> Request<'a> {
    /// Returns the method, for example `GET`. It is case-sensitive.
    pub fn method(&self) -> &'a str {
        self.head.method
    }

    /// Returns the target as it was sent: a path with its query, an absolute URL, or `*`. It is ASCII.
    ///
    /// It is the `host:port` of CONNECT only if [`limits.connect`](crate::Limits::connect) allows that method.
    /// Otherwise the server answers it with 501.
    pub fn target(&self) -> &'a str {
        self.head.target
    }

    /// Returns the host that the request is for, with its port if the client has sent one.
    ///
    /// This is the host of an absolute URL if the target is one, and the `Host` header otherwise (RFC 9112
    /// §3.2.2). It is empty if there is none, or if the header is empty.
    pub fn host(&self) -> &'a str {
        match self.parts().0 {
            "" => self.header_str("Host").unwrap_or(""),
            authority => authority,
        }
    }

    /// Returns the target without scheme, authority and query, not decoded. `*` stays `*`.
    pub fn path(&self) -> &'a str {
        match self.parts().1.split('?').next() {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// Returns the segments of the [path](Self::path), which the slashes separate. Each is percent-decoded.
    /// Returns `None` if the decoded path is not UTF-8. A 400 is the usual response then.
    ///
    /// `/` has one empty segment, and `/a/` has two: `a` and an empty one. `*` has none. A segment is copied
    /// only if it holds a `%`. A `%` without two hexadecimal digits stands for itself.
    ///
    /// The path is split before it is decoded (RFC 3986 §2.4). So a segment can hold a slash (`%2F`), a null
    /// byte, or be `..`. Check it before it becomes the name of a file.
    ///
    /// ```
    /// fourway::handler_fn(|request, responder| {
    ///     let Some(mut segments) = request.path_segments() else {
    ///         return responder.send(400, "text/plain", b"the path is not UTF-8");
    ///     };
    ///     match (segments.next().as_deref(), segments.next().as_deref(), segments.next()) {
    ///         (Some("users"), Some(name), None) => responder.send(200, "text/plain", name.as_bytes()),
    ///         _ => responder.send(404, "text/plain", b"try /users/Zo%C3%AB"),
    ///     }
    /// });
    /// ```
    pub fn path_segments(&self) -> Option<impl Iterator<Item = Cow<'a, str>> + use<'a>> {
        percent::segments(self.path())
    }

    /// Returns the part of the target after the first `?`, not decoded. Returns `None` if there is no `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.head.target.split_once('?').map(|(_, query)| query)
    }

    /// Returns the names and values of the [query](Self::query), in their order, percent-decoded. There are
    /// none if there is no query.
    ///
    /// Browsers send forms like this (`application/x-www-form-urlencoded` in the URL standard of the WHATWG).
    /// `&` separates the pairs, and the first `=` ends a name. A `+` is a space. Bytes that are not UTF-8
    /// become U+FFFD. A name or a value is copied only if it holds a `%` or a `+`.
    ///
    /// ```
    /// fourway::handler_fn(|request, responder| {
    ///     // GET /search?q=red+caf%C3%A9s
    ///     let asked = request.query_pairs().find(|(name, _)| name == "q");
    ///     match asked {
    ///         Some((_, words)) => responder.send(200, "text/plain", words.as_bytes()),
    ///         None => responder.send(400, "text/plain", b"q is missing"),
    ///     }
    /// });
    /// ```
    pub fn query_pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        percent::pairs(self.query().unwrap_or_default())
    }

    /// Returns the minor version: 0 for HTTP/1.0, and 1 for HTTP/1.1 and higher. The server treats a higher
    /// version as HTTP/1.1.
    pub fn minor_version(&self) -> u8 {
        self.head.minor
    }

    /// Returns the value of the first header of this name, which is not case-sensitive.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the value of the first header of this name as text. Returns `None` if there is no such header,
    /// or if its value is not UTF-8.
    ///
    /// ```
    /// fourway::handler_fn(|request, responder| match request.header_str("Accept-Language") {
    ///     Some(languages) if languages.starts_with("fr") => responder.send(200, "text/plain", b"bonjour"),
    ///     _ => responder.send(200, "text/plain", b"hello"),
    /// });
    /// ```
    pub fn header_str(&self, name: &str) -> Option<&'a str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns all headers in the order in which they arrived. Values may hold bytes outside ASCII.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.head.headers.iter().map(|header| (header.name, header.value))
    }

    /// Returns the head as it arrived, from the method to the empty line.
    ///
    /// Only a version from HTTP/1.2 on is rewritten to HTTP/1.1, because the server serves it like that.
    pub fn raw_head(&self) -> &'a [u8] {
        self.head.raw
    }

    /// Returns the whole body, without the chunked coding. It is empty if there is none, or if it was
    /// [discarded](crate::Intake::Discard) or taken in [pieces](crate::Intake::Pieces).
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Returns the length of the body that has been received, in bytes.
    ///
    /// It is the length of [`body`](Self::body), unless the body was [discarded](crate::Intake::Discard) or taken in
    /// [pieces](crate::Intake::Pieces).
    pub fn body_received(&self) -> u64 {
        self.received
    }

    /// Returns the request's id, which [`Handler::head`](crate::Handler::head) and
    /// [`Handler::piece`](crate::Handler::piece) were called with. A request without a body has none.
    ///
    /// If the request is [deferred](crate::Responder::defer) or [streamed](crate::ResponseHead::stream), that id is
    /// the same.
    pub fn id(&self) -> Option<RequestId> {
        self.id
    }

    /// Asks the kernel for the client's address, and returns it.
    ///
    /// # Errors
    ///
    /// Fails if the client has reset the connection meanwhile. Fails with
    /// [`Unsupported`](io::ErrorKind::Unsupported) if the client came over a Unix socket, where it has no
    /// such address.
    pub fn peer(&self) -> io::Result<SocketAddr> {
        self.origin.peer.peer_addr()
    }

    /// Returns the client's socket, for questions that this library does not ask. Returns `None` if a test has
    /// made the request without a socket.
    ///
    /// The host may ask the kernel about the socket, for example for the user of a Unix socket's client
    /// (SO_PEERCRED, unix(7)) or for TCP_INFO (tcp(7)). Reading, writing and changes of its options are the
    /// server's.
    #[cfg(unix)]
    pub fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.origin.peer.as_fd()
    }

    /// Returns the descriptors that the client has passed with the request over a Unix socket (SCM_RIGHTS, unix(7)), in
    /// their order. There are none unless [`limits.descriptors`](crate::Limits::descriptors) allows some.
    ///
    /// [`Handler::head`](crate::Handler::head) gets them as well. The server closes them when the handler has answered,
    /// even if the response comes later, or if the connection is [taken over](crate::ResponseHead::take_over). To keep
    /// one, take a [duplicate](BorrowedFd::try_clone_to_owned). A request that is
    /// [kept](crate::Responder::defer_keeping) is kept without them.
    ///
    /// ```
    /// use std::fs::File;
    /// use fourway::{Handler, Reply, Request, Responder};
    ///
    /// /// Keeps the first file that each request brings.
    /// struct Files(Vec<File>);
    ///
    /// impl Handler for Files {
    ///     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    ///         let Some(passed) = request.descriptors().next() else {
    ///             return responder.send(400, "text/plain", b"pass a file with the request");
    ///         };
    ///         match passed.try_clone_to_owned() {
    ///             Ok(own) => self.0.push(own.into()),
    ///             Err(_) => return responder.send(503, "text/plain", b"too many files are open"),
    ///         }
    ///         responder.send(200, "text/plain", b"kept")
    ///     }
    /// }
    ///
    /// let mut config = fourway::Config::default();
    /// config.limits.descriptors = 1; // needs the feature `uds`
    /// # let _ = (config, Files(Vec::new()));
    /// ```
    #[cfg(unix)]
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'a>> + use<'a> {
        self.origin.peer.descriptors().iter().flatten().map(AsFd::as_fd)
    }

    /// Returns the name of the request's connection. Returns `None` unless
    /// [`Config::names`](crate::Config::names) is `true`.
    pub fn connection(&self) -> Option<ConnectionId> {
        self.origin.name.connection()
    }

    /// Returns the listener that the request's connection was accepted from. Returns `None` if the connection
    /// was [adopted](crate::Server::adopt), and unless [`Config::names`](crate::Config::names) is `true`.
    ///
    /// The host may have [removed](crate::Server::remove_listener) the listener meanwhile.
    pub fn listener(&self) -> Option<ListenerId> {
        self.origin.name.listener()
    }
}

impl<'a> Request<'a> {
    /// Returns the authority of an absolute URL, and what follows it. Any other target has no authority.
    fn parts(&self) -> (&'a str, &'a str) {
        let target = self.head.target;
        match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => {
                rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
            }
            _ => ("", target),
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} HTTP/1.{}", self.head.method, self.head.target, self.head.minor)
    }
}
