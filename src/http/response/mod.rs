//! Writing responses: the status line, the headers that every response has, and the rules that say which responses have
//! a body.

mod chunks;
pub(crate) mod handover;
mod own;
mod writer;
mod draft;
pub(crate) mod stream;
mod reason;

use super::date::DateLine;
use super::refusal::Refusal;

pub(crate) use chunks::{BETWEEN_CHUNKS, CHUNK_END, OpenChunk};
pub(crate) use draft::{Announced, Draft, Rest, Terms};
pub(crate) use writer::Writer;
use writer::decimal;

/// Writes the server's own error page, which is the last response of its connection. Returns its length.
#[cold]
pub(crate) fn error_page(room: &mut [u8], date: &DateLine, refusal: Refusal, head_only: bool) -> usize {
    let terms = Terms { head_only, close: true, ..Terms::default() };
    let mut draft = Draft::default();
    draft.begin(terms);
    let mut page = Writer::new(room);
    let status = refusal.status;
    page.begin(&mut draft, date, status.code());
    page.content_type(&mut draft, "text/plain; charset=utf-8");
    let mut digits = [0; 20];
    let code = decimal(&mut digits, u64::from(status.code()));
    let parts = [code, b" ", status.phrase().as_bytes(), b": ", refusal.why.as_bytes(), b"\n"];
    page.end_head(&draft, parts.iter().map(|part| part.len() as u64).sum());
    if !head_only {
        for part in parts {
            page.push(part);
        }
    }
    page.finish(&mut draft);
    assert!(draft.fault.is_none(), "an error page always fits");
    draft.len
}

#[cfg(test)]
mod tests;
