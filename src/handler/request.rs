//! A request as a handler sees it.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::http::head::Head;
use crate::net::Peer;

/// A request as a handler sees it: slices of the bytes that arrived, valid during the call.
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
    pub(crate) peer: &'a dyn Peer,
}

impl<'a> Request<'a> {
    /// The method, case-sensitive: `GET`.
    pub fn method(&self) -> &'a str {
        self.head.method
    }

    /// The target as it was sent: a path with its query, an absolute URL, or `*`. ASCII only.
    ///
    /// It is never the `host:port` of CONNECT: that method is answered with 501, because the server is no proxy.
    pub fn target(&self) -> &'a str {
        self.head.target
    }

    /// Whom the request is for, with a port if one was given: the host of an absolute URL, which goes
    /// before the `Host` header (RFC 9112 §3.2.2), else that header. Empty if it is, or if there is none.
    pub fn host(&self) -> &'a str {
        match self.parts().0 {
            "" => self.header("Host").and_then(|value| std::str::from_utf8(value).ok()).unwrap_or(""),
            authority => authority,
        }
    }

    /// The target without scheme, authority and query, not decoded. `*` stays `*`.
    pub fn path(&self) -> &'a str {
        match self.parts().1.split('?').next() {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// What follows the first `?` of the target, not decoded.
    pub fn query(&self) -> Option<&'a str> {
        self.head.target.split_once('?').map(|(_, query)| query)
    }

    /// The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1 and for any higher one, which is served as HTTP/1.1.
    pub fn minor_version(&self) -> u8 {
        self.head.minor
    }

    /// The first header of this name, case-insensitive.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers in the order they came; values may hold bytes outside ASCII.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.head.headers.iter().map(|header| (header.name, header.value))
    }

    /// The whole body, without the chunked coding; empty if there is none.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The client's address, asked of the kernel at each call.
    ///
    /// # Errors
    ///
    /// If the client has reset the connection meanwhile, or ([`Unsupported`](io::ErrorKind::Unsupported))
    /// if it came over a Unix socket, where it has no such address.
    pub fn peer(&self) -> io::Result<SocketAddr> {
        self.peer.peer_addr()
    }
}

impl<'a> Request<'a> {
    /// The authority of an absolute URL, and what is behind it; any other target has none.
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
