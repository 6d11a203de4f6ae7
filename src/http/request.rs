//! A request's head: what a handler sees of it, and the rules that it has to keep.
//!
//! httparse reads the grammar. The rules here are the ones it leaves to the server, most of them
//! because two servers in a row that read them differently can be made to disagree about where a
//! message ends (RFC 9112 §11.2).

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use httparse::Header;

use super::Refusal;
use super::bytes::ByteSet;
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
    pub fn target(&self) -> &'a str {
        self.head.target
    }

    /// The target without scheme, authority and query, not decoded. `*` stays `*`.
    pub fn path(&self) -> &'a str {
        let target = self.head.target;
        let path = match target.find("://") {
            Some(at) if !target.starts_with('/') => {
                let rest = &target[at + 3..];
                &rest[rest.find(['/', '?']).unwrap_or(rest.len())..]
            }
            _ => target,
        };
        match path.split('?').next() {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// What follows the first `?` of the target, not decoded.
    pub fn query(&self) -> Option<&'a str> {
        self.head.target.split_once('?').map(|(_, query)| query)
    }

    /// The minor version: 0 for HTTP/1.0, 1 for HTTP/1.1.
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

/// How a body's end is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

impl<'b, 'h> Head<'b, 'h> {
    /// Parses a head at the front of `bytes`; `None` if its end has not arrived.
    // In its caller's frame, for a head is a hundred bytes that would have to be moved there.
    #[inline(always)]
    pub(crate) fn parse(
        bytes: &'b [u8],
        headers: &'h mut [MaybeUninit<Header<'b>>],
        limits: &Limits,
    ) -> Result<Option<Self>, Refusal> {
        // What lies beyond the limit is not looked at, so that the verdict is the same however
        // the bytes were delivered.
        let bytes = &bytes[..bytes.len().min(limits.head_bytes)];
        let headers = &mut headers[..limits.headers];
        let mut parsed = httparse::Request::new(&mut []);
        let len = match parsed.parse_with_uninit_headers(bytes, headers) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return check_partial(bytes, limits).map(|()| None),
            Err(httparse::Error::Version) => return check_version(bytes, limits).map(|()| None),
            Err(error) => return Err(explain(error, bytes, limits)),
        };
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Refusal::bad("the request line is incomplete"));
        };
        if method.len() + target.len() > limits.target_bytes {
            check_line(bytes, limits)?;
        }
        check_lines(&bytes[..len], method, parsed.headers)?;
        check_target(method, target, limits)?;
        let mut fields = Fields::default();
        for header in parsed.headers.iter() {
            fields.read(header)?;
        }
        Ok(Some(Head {
            method,
            target,
            minor,
            headers: parsed.headers,
            len,
            framing: fields.framing(minor)?,
            keep_alive: !fields.close && (minor == 1 || fields.keep_alive),
            expects_continue: fields.expects_continue && minor == 1,
        }))
    }

    pub(crate) fn is_head_request(&self) -> bool {
        self.method == "HEAD"
    }
}

/// What the headers say that the server acts upon.
#[derive(Default)]
struct Fields {
    hosts: u32,
    length: Option<u64>,
    codings: u32,
    /// Whether the coding named last is chunked, and whether all are.
    ends_chunked: bool,
    has_unknown_coding: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Fields {
    fn read(&mut self, header: &Header<'_>) -> Result<(), Refusal> {
        // Comparing lengths first spares most headers any comparison of names.
        let (name, value) = (header.name, header.value);
        match name.len() {
            4 if is(name, "Host") => {
                self.hosts += 1;
                check_host(value)
            }
            6 if is(name, "Expect") => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal { status: 417, why: "only 100-continue can be expected" });
                }
                self.expects_continue = true;
                Ok(())
            }
            10 if is(name, "Connection") => {
                self.read_connection(value);
                Ok(())
            }
            14 if is(name, "Content-Length") => {
                if self.length.is_some() {
                    return Err(Refusal::bad("there is more than one Content-Length"));
                }
                self.length = Some(length(value)?);
                Ok(())
            }
            17 if is(name, "Transfer-Encoding") => self.read_codings(value),
            _ => Ok(()),
        }
    }

    /// Most often it is one word, in small letters.
    fn read_connection(&mut self, value: &[u8]) {
        match value {
            b"close" => self.close = true,
            b"keep-alive" => self.keep_alive = true,
            _ => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
    }

    /// The list may go on in another line, so what it asks for is judged behind all of them.
    #[cold]
    fn read_codings(&mut self, value: &[u8]) -> Result<(), Refusal> {
        let before = self.codings;
        for coding in list(value) {
            self.codings += 1;
            self.ends_chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.has_unknown_coding |= !self.ends_chunked;
        }
        if self.codings == before { Err(Refusal::bad("Transfer-Encoding is empty")) } else { Ok(()) }
    }

    /// Chunked, once and alone: any other coding would have to be undone for the handler. A body
    /// whose last coding is not chunked has no end that is certain (RFC 9112 §6.3), known or not.
    #[cold]
    fn chunked(&self) -> Result<Framing, Refusal> {
        if !self.ends_chunked {
            return Err(Refusal::bad("the last transfer coding is not chunked"));
        }
        if self.has_unknown_coding {
            return Err(Refusal { status: 501, why: "the only transfer coding here is chunked" });
        }
        if self.codings > 1 {
            return Err(Refusal::bad("a body is chunked at most once"));
        }
        Ok(Framing::Chunked)
    }

    fn framing(&self, minor: u8) -> Result<Framing, Refusal> {
        match self.hosts {
            0 if minor == 1 => return Err(Refusal::bad("the Host header is missing")),
            0 | 1 => {}
            _ => return Err(Refusal::bad("there is more than one Host header")),
        }
        match (self.codings, self.length) {
            (0, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (_, Some(_)) => Err(Refusal::bad("Content-Length and Transfer-Encoding exclude each other")),
            (_, None) if minor == 0 => Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding")),
            (_, None) => self.chunked(),
        }
    }
}

/// Whether a header is the one of this name, which most clients write as the RFCs do.
fn is(name: &str, usual: &str) -> bool {
    name == usual || name.eq_ignore_ascii_case(usual)
}

/// The members of a comma-separated list (RFC 9110 §5.6.1), empty ones left out.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Digits and nothing else: no sign, no blank, no list (RFC 9110 §8.6).
fn length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad("Content-Length is not a number"));
    }
    let mut digits = value.iter().map(|b| u64::from(b - b'0'));
    let number = digits.try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(digit));
    number.ok_or(Refusal { status: 413, why: "the body is too large" })
}

/// The bytes of RFC 3986's `reg-name`: unreserved, percent and sub-delims.
static HOST_BYTES: ByteSet = ByteSet::alphanumeric_and(b"-._~%!$&'()*+,;=");

fn check_host(value: &[u8]) -> Result<(), Refusal> {
    if is_host(value) { Ok(()) } else { Err(Refusal::bad("the Host header is malformed")) }
}

/// `host[:port]` of RFC 3986 §3.2, or nothing.
fn is_host(value: &[u8]) -> bool {
    let mut name = value;
    while let [front @ .., b'0'..=b'9'] = name {
        name = front;
    }
    let name = if let [name @ .., b':'] = name { name } else { value };
    match name {
        [b'[', address @ .., b']'] => is_ip_literal(address),
        _ => HOST_BYTES.contains_all(name),
    }
}

/// What stands between the brackets of an address like `[::1]`.
#[cold]
fn is_ip_literal(address: &[u8]) -> bool {
    !address.is_empty() && address.split(|&b| b == b':').all(|part| HOST_BYTES.contains_all(part))
}

/// The forms of RFC 9112 §3.2 that an origin server serves, in ASCII.
fn check_target(method: &str, target: &str, limits: &Limits) -> Result<(), Refusal> {
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
fn check_lines(head: &[u8], method: &str, headers: &[Header<'_>]) -> Result<(), Refusal> {
    // What ends a line stands in front of the next one, and each header begins one.
    let start_of = |part: &str| part.as_ptr().addr() - head.as_ptr().addr();
    let ends_in_front = |header: &Header<'_>| head[..start_of(header.name)].ends_with(b"\r\n");
    let is_sound = start_of(method) == 0 && headers.iter().all(ends_in_front) && head.ends_with(b"\r\n\r\n");
    if is_sound { Ok(()) } else { Err(Refusal::bad("a line does not end with CRLF")) }
}

const LINE_TOO_LONG: Refusal = Refusal { status: 414, why: "the target is too long" };

/// Bytes of the longest request line: method, blanks and version add so much to the target at most.
fn longest_line(limits: &Limits) -> usize {
    limits.target_bytes.saturating_add(64)
}

/// Whether the first line, or what has arrived of it, is not too long. One that is is refused as soon as so much has
/// arrived, so whatever is wrong behind that is not told even if it has arrived as well.
#[cold]
fn check_line(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let line = bytes.iter().position(|&b| b == b'\n');
    if line.unwrap_or(bytes.len()) > longest_line(limits) { Err(LINE_TOO_LONG) } else { Ok(()) }
}

/// Whether there is room for the rest of a head.
fn check_partial(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    check_line(bytes, limits)?;
    if bytes.len() >= limits.head_bytes {
        return Err(Refusal { status: 431, why: "the headers are too long" });
    }
    Ok(())
}

/// `HTTP/digit.digit` at the end of the first line is HTTP of a version that is not spoken here;
/// to see that, the line has to be whole.
#[cold]
fn check_version(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let Some(end) = bytes.iter().position(|&b| b == b'\n') else {
        return check_partial(bytes, limits);
    };
    check_line(bytes, limits)?;
    match bytes[..end].trim_ascii_end().rsplit(|&b| b == b' ').next() {
        // Spoken here, so it is the rest of the line that is wrong.
        Some(b"HTTP/1.0" | b"HTTP/1.1") => Err(Refusal::bad("this is not an HTTP request line")),
        Some([b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) => {
            Err(Refusal { status: 505, why: "the version is neither HTTP/1.0 nor HTTP/1.1" })
        }
        _ => Err(Refusal::bad("this is not an HTTP request line")),
    }
}

#[cold]
fn explain(error: httparse::Error, bytes: &[u8], limits: &Limits) -> Refusal {
    let enough = bytes.len().min(longest_line(limits).saturating_add(1));
    if check_line(bytes, limits).is_err() && httparse::Request::new(&mut []).parse(&bytes[..enough]).is_ok() {
        return LINE_TOO_LONG;
    }
    match error {
        httparse::Error::TooManyHeaders => Refusal { status: 431, why: "there are too many headers" },
        httparse::Error::HeaderName => Refusal::bad("a header's name is malformed"),
        httparse::Error::HeaderValue => Refusal::bad("a header's value holds a control byte"),
        httparse::Error::NewLine => Refusal::bad("a line does not end with CRLF"),
        _ => Refusal::bad("this is not an HTTP request line"),
    }
}

#[cfg(test)]
mod properties;
