//! A request's head: what a handler sees of it, and the rules that it has to keep.
//!
//! httparse reads the grammar. The rules here are the ones it leaves to the server, most of them
//! because two servers in a row that read them differently can be made to disagree about where a
//! message ends (RFC 9112 §11.2). [`Scan`](super::scan::Scan) knows the grammar as well, for the heads that httparse does
//! not read: unfinished and bad ones.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use httparse::Header;

use super::Refusal;
use super::fields::{Fields, Framing, is_host};
use super::scan::{LINE_TOO_LONG, looked_at};
use crate::config::Limits;
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

/// A head that keeps all the rules.
pub(crate) struct Head<'b, 'h> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) minor: u8,
    pub(crate) headers: &'h [Header<'b>],
    /// Bytes up to and with the empty line.
    pub(crate) len: usize,
    pub(crate) framing: Framing,
    /// Whether the client lets the connection live on.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
}

impl<'b, 'h> Head<'b, 'h> {
    /// Parses the head at the front of `bytes`; `None` if it is not whole, or not sound. A [`Scan`](super::scan::Scan)
    /// tells which.
    // In its caller's frame, for a head is a hundred bytes that would have to be moved there.
    #[inline(always)]
    pub(crate) fn parse(
        bytes: &'b [u8],
        headers: &'h mut [MaybeUninit<Header<'b>>],
        limits: &Limits,
    ) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(limits.head_bytes)];
        looked_at(bytes.len());
        let headers = &mut headers[..limits.headers];
        let mut parsed = httparse::Request::new(&mut []);
        let Ok(httparse::Status::Complete(len)) = parsed.parse_with_uninit_headers(bytes, headers) else {
            return None;
        };
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return None;
        };
        let line = method.len() + target.len() + b"  HTTP/1.1\r".len();
        if line > longest_line(limits) || !has_sound_lines(&bytes[..len], method, parsed.headers) {
            return None;
        }
        check_target(method, target, limits).ok()?;
        let mut fields = Fields::default();
        for header in parsed.headers.iter() {
            fields.read(header.name, header.value, minor).ok()?;
        }
        Some(Head {
            method,
            target,
            minor,
            headers: parsed.headers,
            len,
            framing: fields.framing(minor).ok()?,
            keep_alive: !fields.close && (minor == 1 || fields.keep_alive),
            expects_continue: fields.expects_continue && minor == 1,
        })
    }

    pub(crate) fn is_head_request(&self) -> bool {
        self.method == "HEAD"
    }
}

/// The forms of RFC 9112 §3.2 that an origin server serves, in ASCII.
pub(super) fn check_target(method: &str, target: &str, limits: &Limits) -> Result<(), Refusal> {
    if target.len() > limits.target_bytes {
        return Err(LINE_TOO_LONG);
    }
    if method == "CONNECT" {
        return Err(Refusal { status: 501, why: "this is not a proxy" });
    }
    // Some servers cut a fragment off, and some take it for a part of the path.
    if !target.bytes().fold(true, |sound, byte| sound & byte.is_ascii() & (byte != b'#')) {
        return Err(Refusal::bad("the target holds a fragment, or bytes outside ASCII"));
    }
    let is_path = target.starts_with('/') || (target == "*" && method == "OPTIONS");
    if is_path { Ok(()) } else { check_url(target) }
}

/// The absolute form. Its host stands for the Host header (RFC 9112 §3.2.2) and is held to the same
/// rules, but has to be there (RFC 9110 §4.2.1); a user in front of it is a trap (§4.2.4).
#[cold]
fn check_url(target: &str) -> Result<(), Refusal> {
    let behind = |scheme: &str| {
        let (front, rest) = target.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = behind("http://").or_else(|| behind("https://")) else {
        return Err(Refusal::bad("the target is neither a path nor an http URL"));
    };
    let authority = &rest.as_bytes()[..rest.find(['/', '?']).unwrap_or(rest.len())];
    let has_host = !authority.is_empty() && !authority.starts_with(b":");
    if has_host && is_host(authority) { Ok(()) } else { Err(Refusal::bad("the target's host is malformed")) }
}

/// Every line ends with CRLF: httparse takes a bare LF for a line's end as well, which others take
/// for a part of the line. (A bare CR it refuses.)
fn has_sound_lines(head: &[u8], method: &str, headers: &[Header<'_>]) -> bool {
    // What ends a line stands in front of the next one, and each header begins one.
    let start_of = |part: &str| part.as_ptr().addr() - head.as_ptr().addr();
    let ends_in_front = |header: &Header<'_>| head[..start_of(header.name)].ends_with(b"\r\n");
    start_of(method) == 0 && headers.iter().all(ends_in_front) && head.ends_with(b"\r\n\r\n")
}

/// Bytes of the longest request line: method, blanks and version add so much to the target at most.
pub(super) fn longest_line(limits: &Limits) -> usize {
    limits.target_bytes.saturating_add(64)
}

#[cfg(test)]
mod properties;
