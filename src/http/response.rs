//! Writing responses: the status line, the headers that every response has, the rules of what has
//! a body.

use super::date::DateLine;
use super::{ByteSet, Refusal};
use crate::exchange::Out;

/// One response being written, and what is to become of its connection.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The answer to HEAD: everything but the body.
    pub(crate) head_only: bool,
    pub(crate) http10: bool,
    pub(crate) close: bool,
    /// No answer: the connection is closed at once.
    pub(crate) dropped: bool,
    pub(crate) status: u16,
    /// Why the answer cannot be sent.
    pub(crate) fault: Option<&'static str>,
}

impl Draft {
    pub(crate) fn new(head_only: bool, http10: bool, close: bool) -> Self {
        Draft { head_only, http10, close, dropped: false, status: 0, fault: None }
    }

    /// Statuses that never have a body (RFC 9110 §6.4.1).
    pub(crate) fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }
}

/// The status line and the date.
pub(crate) fn begin(out: &mut Out<'_>, draft: &mut Draft, date: &DateLine, status: u16) {
    draft.status = status;
    if status == 200 {
        out.push(b"HTTP/1.1 200 OK\r\n");
    } else {
        if !(200..=599).contains(&status) {
            draft.fault = Some("the status is not between 200 and 599");
        }
        out.push(b"HTTP/1.1 ");
        push_decimal(out, u64::from(status));
        out.push(b" ");
        out.push(reason(status).as_bytes());
        out.push(b"\r\n");
    }
    out.push(date);
}

/// The bytes of RFC 9110's `token`.
static TOKEN_BYTES: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// One header of the handler's; the ones that frame the message are the server's own.
pub(crate) fn field(out: &mut Out<'_>, draft: &mut Draft, name: &str, value: &[u8]) {
    const OWN: [&str; 4] = ["Content-Length", "Transfer-Encoding", "Connection", "Date"];
    if name.is_empty() || !name.bytes().all(|b| TOKEN_BYTES.contains(b)) {
        draft.fault = Some("a header's name is not a token");
    }
    if OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        draft.fault = Some("Content-Length, Transfer-Encoding, Connection and Date are the server's");
    }
    out.push(name.as_bytes());
    out.push(b": ");
    push_value(out, draft, value);
}

pub(crate) fn content_type(out: &mut Out<'_>, draft: &mut Draft, value: &str) {
    out.push(b"Content-Type: ");
    push_value(out, draft, value.as_bytes());
}

/// The bytes that a value must not hold; a tab is none of them.
static IS_CONTROL: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        set[byte] = (byte as u8).is_ascii_control() && byte as u8 != b'\t';
        byte += 1;
    }
    set
};

/// A value that held a line break would be two headers, or two responses.
fn push_value(out: &mut Out<'_>, draft: &mut Draft, value: &[u8]) {
    if value.iter().any(|&b| IS_CONTROL[b as usize]) {
        draft.fault = Some("a header's value holds a control byte");
    }
    out.push(value);
    out.push(b"\r\n");
}

/// The headers that end a head, for a body of `length` bytes.
pub(crate) fn end_head(out: &mut Out<'_>, draft: &Draft, length: usize) {
    if !draft.is_bodiless() {
        out.push(b"Content-Length: ");
        push_decimal(out, length as u64);
        out.push(b"\r\n");
    }
    end_fields(out, draft);
}

/// Ten blanks: room for the length of a body that is not written yet. Blanks in front of a value
/// are allowed (RFC 9110 §5.5).
const LENGTH_ROOM: &[u8; 10] = b"          ";

/// Like [`end_head`] for a length that is not known yet; where to put it.
pub(crate) fn end_head_unsized(out: &mut Out<'_>, draft: &Draft) -> usize {
    let mut end_of_room = 0;
    if !draft.is_bodiless() {
        out.push(b"Content-Length: ");
        out.push(LENGTH_ROOM);
        end_of_room = out.position();
        out.push(b"\r\n");
    }
    end_fields(out, draft);
    end_of_room
}

/// Fills in the length of a body that has been written.
pub(crate) fn fill_length(out: &mut Out<'_>, end_of_room: usize, length: usize) {
    if end_of_room > 0 && !out.overflowed() {
        let mut digits = [0; 20];
        let digits = decimal(&mut digits, length as u64);
        out.written_mut(end_of_room - digits.len(), end_of_room).copy_from_slice(digits);
    }
}

fn end_fields(out: &mut Out<'_>, draft: &Draft) {
    match (draft.close, draft.http10) {
        (true, _) => out.push(b"Connection: close\r\n\r\n"),
        // HTTP/1.0 closes unless both say otherwise.
        (false, true) => out.push(b"Connection: keep-alive\r\n\r\n"),
        (false, false) => out.push(b"\r\n"),
    }
}

/// The server's own answer to what it cannot serve, which is its connection's last.
#[cold]
pub(crate) fn error_page(out: &mut Out<'_>, date: &DateLine, refusal: Refusal, head_only: bool) {
    out.begin();
    let mut draft = Draft::new(head_only, false, true);
    begin(out, &mut draft, date, refusal.status);
    content_type(out, &mut draft, "text/plain; charset=utf-8");
    let mut digits = [0; 20];
    let status = decimal(&mut digits, u64::from(refusal.status));
    let parts = [status, b" ", reason(refusal.status).as_bytes(), b": ", refusal.why.as_bytes(), b"\n"];
    end_head(out, &draft, parts.iter().map(|part| part.len()).sum());
    if !head_only {
        parts.iter().for_each(|part| out.push(part));
    }
    assert!(!out.overflowed() && draft.fault.is_none(), "an error page always fits");
}

pub(crate) fn push_decimal(out: &mut Out<'_>, number: u64) {
    let mut digits = [0; 20];
    out.push(decimal(&mut digits, number));
}

fn decimal(digits: &mut [u8; 20], mut number: u64) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

/// The reason phrases of RFC 9110 §15 and its registry; an unknown status has none.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_without_leading_zeros() {
        for number in [0, 7, 10, 1_048_576, u64::MAX] {
            assert_eq!(decimal(&mut [0; 20], number), number.to_string().as_bytes());
        }
    }
}
