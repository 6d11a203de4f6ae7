//! A request's head, and the rules that it has to obey.
//!
//! httparse reads the grammar, and leaves these rules to the server. Most of them prevent request smuggling. If two
//! servers in a row apply them differently, an attacker can make the servers disagree about where a message ends
//! (RFC 9112 §11.2). [`Scan`](super::scan::Scan) also knows the grammar, for the heads that httparse does not read:
//! unfinished and bad ones.

use std::mem::MaybeUninit;

use httparse::Header;

use super::fields::{Fields, Framing};
use super::target::{check_target, longest_line};
use super::work::looked_at;
use crate::config::Limits;

/// A head that obeys all the rules.
pub(crate) struct Head<'b, 'h> {
    pub(crate) method: &'b str,
    pub(crate) target: &'b str,
    pub(crate) minor: u8,
    pub(crate) headers: &'h [Header<'b>],
    /// All of it as it arrived, including the empty line.
    pub(crate) raw: &'b [u8],
    pub(crate) framing: Framing,
    /// Whether the client lets the connection stay open.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
}

impl<'b, 'h> Head<'b, 'h> {
    /// Parses the head at the front of `bytes`. Returns `None` if it is not whole, or not sound. A
    /// [`Scan`](super::scan::Scan) finds out which.
    // Inlined, so that the head of a hundred bytes is built in its caller's frame and need not be moved there.
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
            raw: &bytes[..len],
            framing: fields.framing(minor).ok()?,
            keep_alive: !fields.close && (minor == 1 || fields.keep_alive),
            expects_continue: fields.expects_continue && minor == 1,
        })
    }

    pub(crate) fn is_head_request(&self) -> bool {
        self.method == "HEAD"
    }
}

/// Returns whether every line ends with CRLF. httparse also accepts a bare LF as the end of a line, where others read
/// on. (It refuses a bare CR.)
fn has_sound_lines(head: &[u8], method: &str, headers: &[Header<'_>]) -> bool {
    // The end of a line stands before the next line, and each header begins a line.
    let start_of = |part: &str| part.as_ptr().addr() - head.as_ptr().addr();
    let ends_in_front = |header: &Header<'_>| head[..start_of(header.name)].ends_with(b"\r\n");
    start_of(method) == 0 && headers.iter().all(ends_in_front) && head.ends_with(b"\r\n\r\n")
}

#[cfg(test)]
mod tests;
