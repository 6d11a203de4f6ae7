//! What follows the last answer: bytes behind an error, behind a request that closes, behind one of
//! HTTP/1.0 that does not ask to go on (RFC 9112 §9.3 and §9.6).

use super::{PUBLIC, Row, Then, chunk, hidden, refused, row};
use crate::common::witness::Asked;
use crate::malformed::{self, Case, DEFAULT};

/// A name, and a request that is its connection's last.
fn last() -> Vec<(&'static str, String)> {
    let get = |version, lines: &str| format!("GET {PUBLIC} HTTP/{version}\r\nHost: test\r\n{lines}\r\n");
    vec![
        ("close", get("1.1", "Connection: close\r\n")),
        ("Close", get("1.1", "connection: Close\r\n")),
        ("close in a list", get("1.1", "Connection: x, close, keep-alive\r\n")),
        ("close in a list without blanks", get("1.1", "Connection: ,,x,close\r\n")),
        ("close in the second line", get("1.1", "Connection: keep-alive\r\nConnection: close\r\n")),
        ("close in the first line", get("1.1", "Connection: close\r\nConnection: keep-alive\r\n")),
        ("1.0", get("1.0", "")),
        ("1.0 without Host", format!("GET {PUBLIC} HTTP/1.0\r\n\r\n")),
        ("1.0 that closes", get("1.0", "Connection: close\r\n")),
        ("1.0 that goes on and closes", get("1.0", "Connection: keep-alive, close\r\n")),
        ("1.0 with another option", get("1.0", "Connection: x\r\n")),
        ("1.0 with Keep-Alive", get("1.0", "Keep-Alive: timeout=5\r\n")),
        ("1.0 with Proxy-Connection", get("1.0", "Proxy-Connection: keep-alive\r\n")),
    ]
}

/// Malformed requests of the catalogue, of each kind that a client may take for harmless.
const ERRORS: &[(&str, &str)] = &[
    (malformed::HOSTS, "no header at all"),
    (malformed::HOSTS, "no Host, but close"),
    (malformed::HOSTS, "no Host, but keep-alive"),
    (malformed::LIMITS, "a body beyond the limit"),
    (malformed::LIMITS, "an expected body beyond the limit"),
    (malformed::LIMITS, "a chunk beyond the limit"),
    (malformed::LIMITS, "a target beyond the limit"),
    (malformed::LIMITS, "one header beyond the limit"),
    (malformed::LIMITS, "a head far beyond the limit"),
    (malformed::EXPECTATIONS, "an unknown expectation, and no body yet"),
    (malformed::TE_TE, "an unknown coding in front"),
    (malformed::REQUEST_LINES, "CONNECT test:80"),
    (malformed::REQUEST_LINES, "HTTP/2.0"),
    (malformed::REQUEST_LINES, "no version"),
    (malformed::REQUEST_LINES, "a word"),
];

fn errors() -> Vec<Case> {
    let is_named = |case: &Case| ERRORS.contains(&(case.family, case.name.as_str()));
    let errors: Vec<Case> = malformed::all(&DEFAULT).into_iter().filter(is_named).collect();
    assert_eq!(errors.len(), ERRORS.len(), "each of them is in the catalogue");
    errors
}

/// What follows.
fn followers() -> Vec<(&'static str, String)> {
    let hidden = hidden();
    vec![
        ("a request", hidden.clone()),
        ("ten requests", hidden.repeat(10)),
        ("an empty line and a request", format!("\r\n{hidden}")),
        ("a request of 1.0", hidden.replace("1.1", "1.0")),
        ("a chunked request", hidden.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("half a request", hidden[..20].to_owned()),
        ("a word and a request", format!("x\r\n\r\n{hidden}")),
    ]
}

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let errors = errors();
    let asked = [Asked::new("GET", PUBLIC, "")];
    for (follower, bytes) in followers() {
        for (name, request) in last() {
            rows.push(row(format!("{name}: {follower}"), request + &bytes, &asked, Then::Closes));
        }
        for case in &errors {
            let request = [&case.bytes[..], bytes.as_bytes()].concat();
            rows.push(refused(format!("{}: {follower}", case.name), request, case.status));
        }
    }
    rows.extend(with_bodies());
    rows.extend(going_on());
    rows
}

/// The last request's body is its own, and what follows is nobody's.
fn with_bodies() -> Vec<Row> {
    let data = hidden();
    let asked = [Asked::new("POST", PUBLIC, &data)];
    let post =
        |version, lines: String| format!("POST {PUBLIC} HTTP/{version}\r\nHost: test\r\n{lines}\r\n\r\n");
    let length = format!("Content-Length: {}", data.len());
    let chunks = format!("{}0\r\n\r\n", chunk(&data));
    let last =
        |name, head: String, body: &str| row(name, format!("{head}{body}{data}"), &asked, Then::Closes);
    vec![
        last("behind a length and close", post("1.1", format!("{length}\r\nConnection: close")), &data),
        last(
            "behind chunks and close",
            post("1.1", "Connection: close\r\nTransfer-Encoding: chunked".into()),
            &chunks,
        ),
        last("behind a length in 1.0", post("1.0", length.clone()), &data),
        last(
            "behind a length in 1.0 without Host",
            format!("POST {PUBLIC} HTTP/1.0\r\n{length}\r\n\r\n"),
            &data,
        ),
    ]
}

/// The counterpart: these do not close.
fn going_on() -> Vec<Row> {
    let get = |version, lines: &str| format!("GET {PUBLIC} HTTP/{version}\r\nHost: test\r\n{lines}\r\n");
    let asked = Asked::new("GET", PUBLIC, "");
    let on = |name, bytes: String| row(name, bytes, std::slice::from_ref(&asked), Then::GoesOn);
    let good_then_bad = format!("{}GET / HTTP/1.1\r\n\r\n{}", get("1.1", ""), hidden());
    vec![
        on("1.0 that goes on", get("1.0", "Connection: keep-alive\r\n")),
        on("1.0 that goes on, in a list", get("1.0", "connection: x ,Keep-Alive\r\n")),
        on("words like close", get("1.1", "Connection: closed, clos, x-close\r\n")),
        on("close in another header", get("1.1", "Proxy-Connection: close\r\nX: close\r\n")),
        row("bad behind good", good_then_bad, std::slice::from_ref(&asked), Then::Refused(400)),
    ]
}
