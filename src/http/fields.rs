//! The headers that the server itself acts upon: whose request it is, where its body ends, and whether the
//! connection lives on.
//!
//! Most of the rules are there because two servers in a row that read these headers differently can be
//! made to disagree about where a message ends (RFC 9112 §11.2).

use httparse::Header;

use super::Refusal;
use super::bytes::ByteSet;

/// How a body's end is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// What the headers say that the server acts upon.
#[derive(Default)]
pub(super) struct Fields {
    hosts: u32,
    length: Option<u64>,
    codings: u32,
    /// Whether the coding named last is chunked, and whether all are.
    ends_chunked: bool,
    has_unknown_coding: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

impl Fields {
    pub(super) fn read(&mut self, header: &Header<'_>) -> Result<(), Refusal> {
        // Comparing lengths first spares most headers any comparison of names.
        let (name, value) = (header.name, header.value);
        match name.len() {
            4 if is(name, "Host") => {
                self.hosts += 1;
                check_host(value)
            }
            6 if is(name, "Expect") => self.read_expectations(value),
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

    /// A list whose empty members mean nothing (RFC 9110 §10.1.1 and §5.6.1.2). Many clients send an empty
    /// one to switch 100-continue off.
    fn read_expectations(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for expectation in list(value) {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal { status: 417, why: "only 100-continue can be expected" });
            }
            self.expects_continue = true;
        }
        Ok(())
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

    pub(super) fn framing(&self, minor: u8) -> Result<Framing, Refusal> {
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
pub(super) fn is_host(value: &[u8]) -> bool {
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
