//! Inputs made to be read in two ways, each with the one safe reading.
//!
//! In each of them hides a request for [`HIDDEN`]: some reading of the bytes finds it, the safe one never does. Malformed
//! requests are those of the catalogue, with the hidden request behind them. The rest, which is sound, stands here.

// Each of the tests uses a part of it.
#![allow(dead_code)]

mod codings;
mod lengths;
mod chunks;
mod lines;
mod targets;
mod behind;
mod honest;

use crate::common::witness::Asked;
use crate::malformed::{self, Case, DEFAULT};

pub use crate::malformed::{HIDDEN, PUBLIC};
use crate::malformed::{chunk, hidden, post, post_chunked, shown};

/// Bytes, and how they have to be read.
#[derive(Clone)]
pub struct Row {
    pub name: String,
    pub bytes: Vec<u8>,
    /// What reaches the handler.
    pub asked: Vec<Asked>,
    pub then: Then,
}

/// What becomes of the connection behind that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next request is answered.
    GoesOn,
    /// It ends with the last answer.
    Closes,
    /// The rest is answered with this error, which is the last answer.
    Refused(u16),
}

/// Rows that try the same thing.
pub struct Family {
    pub name: &'static str,
    pub rows: Vec<Row>,
}

/// The families of what an attacker sends.
pub fn families() -> Vec<Family> {
    let malformed = malformed::all(&DEFAULT);
    let family = |name, families: &[&str], sound: Vec<Row>| {
        let cases = malformed.iter().filter(|case| families.contains(&case.family));
        Family { name, rows: cases.map(hiding).chain(sound).collect() }
    };
    vec![
        family("CL.TE", &[malformed::CL_TE], vec![]),
        family("TE.CL", &[malformed::TE_CL], vec![]),
        family("TE.TE", &[malformed::TE_TE], codings::chunked()),
        family("other headers", &[], codings::other_headers()),
        family("lengths", &[malformed::LENGTHS, malformed::EXPECTATIONS], lengths::rows()),
        family("chunk sizes", &[malformed::CHUNK_SIZES], chunks::sizes()),
        family("chunk extensions", &[malformed::CHUNK_EXTENSIONS], chunks::extensions()),
        family("chunk ends", &[malformed::CHUNK_ENDS], vec![]),
        family("trailers", &[malformed::TRAILERS], chunks::trailers()),
        family("lines", &[malformed::REQUEST_LINES, malformed::HEADS, malformed::FIELDS], lines::rows()),
        family("targets and hosts", &[malformed::TARGETS, malformed::HOSTS], targets::rows()),
        family("limits", &[malformed::LIMITS, malformed::TWO_ERRORS], vec![]),
        family("behind the last", &[], behind::rows()),
    ]
}

pub const HONEST: &str = "honest";

/// What nobody could find fault with.
pub fn honest() -> Family {
    Family { name: HONEST, rows: honest::rows() }
}

// --- of what rows are made ---

fn row(name: impl Into<String>, bytes: impl AsRef<[u8]>, asked: &[Asked], then: Then) -> Row {
    Row { name: name.into(), bytes: bytes.as_ref().to_vec(), asked: asked.to_vec(), then }
}

/// A malformed request with the hidden one behind it.
fn hiding(case: &Case) -> Row {
    refused(&case.name, [&case.bytes[..], hidden().as_bytes()].concat(), case.status)
}

/// Nothing of it reaches the handler.
fn refused(name: impl Into<String>, bytes: impl AsRef<[u8]>, status: u16) -> Row {
    row(name, bytes, &[], Then::Refused(status))
}

/// It is a request to `/public` with this body, and the next one follows.
fn posted(name: impl Into<String>, bytes: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Row {
    row(name, bytes, &[Asked::new("POST", PUBLIC, body)], Then::GoesOn)
}
