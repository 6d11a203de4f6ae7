//! The catalogue of malformed requests: what each of them tries, and the status that refuses it.
//!
//! It is plain data, and the one list of its kind. The crate's own tests include it as the tests in `tests/` do, and each
//! of them runs it in its own way:
//!
//! - `src/http/scan/tests.rs` and `src/http/body/` take the verdict on the bytes, in any two pieces;
//! - `src/simulation/malformed.rs` delivers them over a scripted network;
//! - `tests/library/bad_input.rs` sends them over real sockets;
//! - `tests/library/conformance/` compares the whole answers with RFC 9110 and RFC 9112;
//! - `tests/library/smuggling/` puts a hidden request behind them, and `tests/library/behind_proxies/` a proxy in front.
//!
//! A new malformed request belongs here, in the table of its family, and then all of these tests run it.

// Each of them uses a part of it.
#![allow(dead_code)]

mod chunks;
pub mod codings;
mod fields;
mod heads;
mod hosts;
mod lengths;
mod limits;
mod request_lines;
mod targets;

/// The target of every request that has no other, of the same length as any that replaces it.
pub const PUBLIC: &str = "/public";

/// The target of the requests that hide in others.
pub const HIDDEN: &str = "/hidden";

/// The limits of the server that gets the requests. Some requests are malformed only because they are beyond a limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub head_bytes: usize,
    pub target_bytes: usize,
    pub body_bytes: usize,
    pub headers: usize,
}

/// The limits of a server by default.
pub const DEFAULT: Limits =
    Limits { head_bytes: 16 * 1024, target_bytes: 8 * 1024, body_bytes: 1024 * 1024, headers: 100 };

/// Limits that short requests reach, for tests that take each byte by itself.
pub const SMALL: Limits = Limits { head_bytes: 512, target_bytes: 128, body_bytes: 64, headers: 8 };

/// One malformed request.
#[derive(Debug, Clone)]
pub struct Case {
    /// The family whose table it stands in.
    pub family: &'static str,
    /// What is wrong with it. No other request of its family has this name.
    pub name: String,
    /// The section that rules it, such as `9112 §3.2`. Where it is beyond a limit, the section about that limit.
    pub source: &'static str,
    pub bytes: Vec<u8>,
    /// The number of bytes that prove it wrong, if it is known. The server refuses it when it has read these.
    pub proof: Option<usize>,
    /// The part that is wrong.
    pub part: Part,
    pub status: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Head,
    /// The body, behind a sound head.
    Body,
}

impl Case {
    /// Whether it asks for a response without a body.
    pub fn is_head(&self) -> bool {
        self.bytes.starts_with(b"HEAD ")
    }

    /// How it is named in a message.
    pub fn title(&self) -> String {
        format!("{}: {}", self.family, self.name)
    }

    fn in_body(self) -> Case {
        Case { part: Part::Body, ..self }
    }
}

/// All malformed requests for a server with these limits.
pub fn all(limits: &Limits) -> Vec<Case> {
    let family = |name, cases: Vec<Case>| cases.into_iter().map(move |case| Case { family: name, ..case });
    let families = [
        family(REQUEST_LINES, request_lines::cases()),
        family(TARGETS, targets::cases()),
        family(HOSTS, hosts::cases()),
        family(HEADS, heads::cases()),
        family(FIELDS, fields::cases()),
        family(EXPECTATIONS, fields::expectations()),
        family(LENGTHS, lengths::cases(limits)),
        family(CL_TE, codings::cl_te()),
        family(TE_CL, codings::te_cl()),
        family(TE_TE, codings::te_te()),
        family(CHUNK_SIZES, chunks::sizes(limits)),
        family(CHUNK_EXTENSIONS, chunks::extensions()),
        family(CHUNK_ENDS, chunks::ends()),
        family(TRAILERS, chunks::trailers()),
        family(LIMITS, limits::cases(limits)),
        family(TWO_ERRORS, limits::two_errors(limits)),
    ];
    families.into_iter().flatten().collect()
}

pub const REQUEST_LINES: &str = "request lines";
pub const TARGETS: &str = "targets";
pub const HOSTS: &str = "hosts";
pub const HEADS: &str = "the ends of lines and heads";
pub const FIELDS: &str = "header lines";
pub const EXPECTATIONS: &str = "expectations";
pub const LENGTHS: &str = "lengths";
/// A length and a coding. Two servers may end the body in two places.
pub const CL_TE: &str = "CL.TE";
/// A coding, and a length behind it.
pub const TE_CL: &str = "TE.CL";
pub const TE_TE: &str = "TE.TE";
pub const CHUNK_SIZES: &str = "chunk sizes";
pub const CHUNK_EXTENSIONS: &str = "chunk extensions";
pub const CHUNK_ENDS: &str = "chunk ends";
pub const TRAILERS: &str = "trailers";
pub const LIMITS: &str = "limits";
/// Of two errors the first one counts.
pub const TWO_ERRORS: &str = "two errors";

// --- what requests are made of ---

/// A request that is malformed somewhere.
fn case(name: impl Into<String>, source: &'static str, bytes: impl AsRef<[u8]>, status: u16) -> Case {
    let bytes = bytes.as_ref().to_vec();
    Case { family: "", name: name.into(), source, bytes, proof: None, part: Part::Head, status }
}

/// A request that is proven malformed by the last byte of `proof`.
fn proven(
    name: impl Into<String>,
    source: &'static str,
    proof: impl AsRef<[u8]>,
    rest: impl AsRef<[u8]>,
    status: u16,
) -> Case {
    let (proof, rest) = (proof.as_ref(), rest.as_ref());
    Case { proof: Some(proof.len()), ..case(name, source, [proof, rest].concat(), status) }
}

/// The end of a request line, and all lines that it needs.
const REST_OF_GET: &str = " HTTP/1.1\r\nHost: test\r\n\r\n";

/// The whole request that hides in others.
pub fn hidden() -> String {
    format!("GET {HIDDEN}{REST_OF_GET}")
}

/// The head of a GET but for its last line.
fn get(lines: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("GET {PUBLIC} HTTP/1.1\r\nHost: test\r\n");
    [head.as_bytes(), lines.as_ref()].concat()
}

/// A POST with these lines in its head, and what follows it.
pub fn post(lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("POST {PUBLIC} HTTP/1.1\r\nHost: test\r\n");
    [head.as_bytes(), lines.as_ref(), b"\r\n\r\n", body.as_ref()].concat()
}

/// A POST whose body is chunked.
pub fn post_chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    post("Transfer-Encoding: chunked", body)
}

pub fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// Bytes as they stand in a name.
pub fn shown(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().escape_ascii().to_string()
}
