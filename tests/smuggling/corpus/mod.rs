//! Inputs made to be read in two ways, each with the one safe reading.
//!
//! In each of them hides a request for [`HIDDEN`]: some reading of the bytes finds it, the safe one
//! never does. What `tests/bad_input.rs` and the simulation's fixtures hold without anything to
//! hide is not repeated here.

// Each of the binaries uses a part of it.
#![allow(dead_code)]

mod codings;
mod lengths;
mod chunks;
mod lines;
mod targets;
mod behind;
mod honest;

use crate::common::witness::Asked;

/// The target of the request that a row begins with.
pub const PUBLIC: &str = "/public";

/// The target of the request that hides in it, of the same length as any that replaces it.
pub const HIDDEN: &str = "/hidden";

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
    let family = |name, rows| Family { name, rows };
    vec![
        family("CL.TE", codings::cl_te()),
        family("TE.CL", codings::te_cl()),
        family("TE.TE", codings::te_te()),
        family("other headers", codings::other_headers()),
        family("lengths", lengths::rows()),
        family("chunk sizes", chunks::sizes()),
        family("chunk extensions", chunks::extensions()),
        family("chunk ends", chunks::ends()),
        family("trailers", chunks::trailers()),
        family("lines", lines::rows()),
        family("targets and hosts", targets::rows()),
        family("behind the last", behind::rows()),
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

/// Nothing of it reaches the handler.
fn refused(name: impl Into<String>, bytes: impl AsRef<[u8]>, status: u16) -> Row {
    row(name, bytes, &[], Then::Refused(status))
}

/// It is a request to `/public` with this body, and the next one follows.
fn posted(name: impl Into<String>, bytes: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Row {
    row(name, bytes, &[Asked::new("POST", PUBLIC, body)], Then::GoesOn)
}

fn hidden() -> String {
    format!("GET {HIDDEN} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// A POST with these lines in its head, and what follows it.
fn post(lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("POST {PUBLIC} HTTP/1.1\r\nHost: test\r\n");
    [head.as_bytes(), lines.as_ref(), b"\r\n\r\n", body.as_ref()].concat()
}

/// A POST whose body is chunked.
fn post_chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    post("Transfer-Encoding: chunked", body)
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// How bytes are named in a row's name.
fn shown(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().escape_ascii().to_string()
}
