//! The headers that the server itself acts upon. They give the host, the end of the body, and whether the connection
//! stays open.
//!
//! Most of the rules prevent request smuggling. If two servers in a row read these headers differently, an attacker can
//! make them disagree about where a message ends (RFC 9112 §11.2).

use super::bytes::ByteSet;
use super::refusal::Refusal;
use crate::status::ErrorStatus;

/// How the server finds the end of a body (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

/// What the server has read of these headers.
#[derive(Debug, Default)]
pub(super) struct Fields {
    length: Option<u64>,
    has_host: bool,
    has_coding: bool,
    has_unknown_coding: bool,
    /// Whether the last coding is chunked.
    ends_chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

impl Fields {
    /// Reads one header of a request of HTTP/1.`minor`. Returns an error as soon as no later header can make the head
    /// sound.
    #[inline]
    pub(super) fn read(&mut self, name: &str, value: &[u8], minor: u8) -> Result<(), Refusal> {
        // Comparing lengths first spares most headers any comparison of names.
        match name.len() {
            4 if is(name, "Host") => self.read_host(value),
            6 if is(name, "Expect") => self.read_expectations(value),
            10 if is(name, "Connection") => {
                self.read_connection(value);
                Ok(())
            }
            14 if is(name, "Content-Length") => self.read_length(value),
            17 if is(name, "Transfer-Encoding") => self.read_codings(value, minor),
            _ => Ok(()),
        }
    }

    fn read_host(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.has_host {
            return Err(Refusal::bad("there is more than one Host header"));
        }
        self.has_host = true;
        if is_host(value) { Ok(()) } else { Err(Refusal::bad("the Host header is malformed")) }
    }

    fn read_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(Refusal::bad("there is more than one Content-Length"));
        }
        if self.has_coding {
            return Err(LENGTH_AND_CODING);
        }
        self.length = Some(length(value)?);
        Ok(())
    }

    /// Reads the options of a connection. Most often this is one word in lower case.
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

    /// Reads a list, whose empty members mean nothing (RFC 9110 §10.1.1 and §5.6.1.2). Many clients send an empty list
    /// to switch 100-continue off.
    fn read_expectations(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for expectation in list(value) {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal {
                    status: ErrorStatus::ExpectationFailed,
                    why: "only 100-continue can be expected",
                });
            }
            self.expects_continue = true;
        }
        Ok(())
    }

    /// Reads a list of codings. The list may go on in another line, so only [`framing`](Self::framing) checks how it
    /// ends.
    #[cold]
    fn read_codings(&mut self, value: &[u8], minor: u8) -> Result<(), Refusal> {
        if minor == 0 {
            return Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding"));
        }
        if self.length.is_some() {
            return Err(LENGTH_AND_CODING);
        }
        let mut is_empty = true;
        for coding in list(value) {
            if self.ends_chunked {
                return Err(Refusal::bad("no transfer coding can follow chunked"));
            }
            self.ends_chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.has_unknown_coding |= !self.ends_chunked;
            is_empty = false;
        }
        self.has_coding = true;
        if is_empty { Err(Refusal::bad("Transfer-Encoding is empty")) } else { Ok(()) }
    }

    /// Returns the framing of the body. Checks the rules that can only be checked after the last header.
    pub(super) fn framing(&self, minor: u8) -> Result<Framing, Refusal> {
        if !self.has_host && minor == 1 {
            return Err(Refusal::bad("the Host header is missing"));
        }
        if self.has_coding { self.chunked() } else { Ok(Framing::Length(self.length.unwrap_or(0))) }
    }

    /// Accepts chunked alone, because the server would have to decode any other coding for the handler. A body whose
    /// last coding is not chunked has no certain end (RFC 9112 §6.3), whether the coding is known or not.
    #[cold]
    fn chunked(&self) -> Result<Framing, Refusal> {
        if !self.ends_chunked {
            return Err(Refusal::bad("the last transfer coding is not chunked"));
        }
        if self.has_unknown_coding {
            return Err(Refusal {
                status: ErrorStatus::NotImplemented,
                why: "the only transfer coding here is chunked",
            });
        }
        Ok(Framing::Chunked)
    }
}

const LENGTH_AND_CODING: Refusal = Refusal::bad("Content-Length and Transfer-Encoding exclude each other");

/// Returns whether a header has this name. Most clients write it as the RFCs do.
fn is(name: &str, usual: &str) -> bool {
    name == usual || name.eq_ignore_ascii_case(usual)
}

/// Returns the members of a comma-separated list (RFC 9110 §5.6.1), without empty ones.
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Reads a length of digits and nothing else: no sign, no blank, no list (RFC 9110 §8.6).
fn length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad("Content-Length is not a number"));
    }
    let mut digits = value.iter().map(|b| u64::from(b - b'0'));
    let number = digits.try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(digit));
    number.ok_or(Refusal { status: ErrorStatus::ContentTooLarge, why: "the body is too large" })
}

/// The bytes of RFC 3986's `reg-name`: unreserved, percent and sub-delims.
static HOST_BYTES: ByteSet = ByteSet::alphanumeric_and(b"-._~%!$&'()*+,;=");

/// Returns whether a value is a `host[:port]` of RFC 3986 §3.2, or empty.
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

/// Returns whether this may stand between the brackets of an address like `[::1]`.
#[cold]
fn is_ip_literal(address: &[u8]) -> bool {
    !address.is_empty() && address.split(|&b| b == b':').all(|part| HOST_BYTES.contains_all(part))
}
