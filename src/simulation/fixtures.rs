//! Requests as bytes, and what has to come back: however the bytes are delivered.

mod bad;

/// The limits that the fixtures are made for.
pub(super) const HEAD_BYTES: usize = 512;
pub(super) const TARGET_BYTES: usize = 128;
pub(super) const BODY_BYTES: usize = 64;
pub(super) const HEADERS: usize = 8;

/// What one request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Status and body.
    Full(u16, &'static str),
    /// The same, without the body that was announced.
    Head(u16),
    /// The server's own error page.
    Refused(u16),
}

/// Whether the connection lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Keep,
    Close,
    /// Close, and whoever sends on may see a reset: it has said that it would not, or there is no
    /// answer to lose.
    CloseDeaf,
}

use Answer::{Full, Head, Refused};
use Then::{Close, CloseDeaf, Keep};

#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
    /// How many of its bytes prove it wrong.
    pub(super) proof: Option<usize>,
    pub(super) answers: Vec<Answer>,
    pub(super) then: Then,
}

fn fixture(name: &'static str, request: impl AsRef<[u8]>, answers: &[Answer], then: Then) -> Fixture {
    Fixture { name, request: request.as_ref().to_vec(), proof: None, answers: answers.to_vec(), then }
}

pub(super) fn all() -> Vec<Fixture> {
    [kept_alive(), closed(), bodies(), bad::all()].concat()
}

fn kept_alive() -> Vec<Fixture> {
    let body_of_1_9 =
        "POST /echo HTTP/1.9\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let unmodified: &[u8] = b"GET /304-written HTTP/1.1\r\nHost: x\r\n\r\n";
    let mix = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n\
        POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n\
        GET /missing HTTP/1.1\r\nHost: x\r\n\r\nGET /204 HTTP/1.1\r\nHost: x\r\n\r\n";
    let mix_answers =
        [Full(200, "GET /a"), Head(200), Full(200, "abc"), Full(404, "not here"), Full(204, "")];
    vec![
        fixture("get", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "GET /")], Keep),
        fixture("head", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", &[Head(200)], Keep),
        fixture(
            "a 404 of the handler",
            "GET /missing HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(404, "not here")],
            Keep,
        ),
        fixture("204", "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(204, "")], Keep),
        fixture("304", "GET /304 HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(304, "")], Keep),
        fixture("304 written", unmodified, &[Full(304, "")], Keep),
        fixture("query", "GET /q?a=b?c HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "GET /q")], Keep),
        fixture(
            "absolute form",
            "GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(200, "GET /a")],
            Keep,
        ),
        fixture("absolute, bare", "GET HTTP://x HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "GET /")], Keep),
        fixture("options *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "OPTIONS *")], Keep),
        fixture(
            "empty lines first",
            "\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(200, "GET /a")],
            Keep,
        ),
        fixture("empty lines alone", "\r\n\r\n\r\n", &[], Keep),
        fixture("host with port", "GET /a HTTP/1.1\r\nHost: x.y:80\r\n\r\n", &[Full(200, "GET /a")], Keep),
        fixture("host in brackets", "GET /a HTTP/1.1\r\nHost: [::1]:8\r\n\r\n", &[Full(200, "GET /a")], Keep),
        fixture("empty host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", &[Full(200, "GET /a")], Keep),
        fixture(
            "latin-1 in a value",
            b"GET /a HTTP/1.1\r\nHost: x\r\nX: \xe9\r\n\r\n",
            &[Full(200, "GET /a")],
            Keep,
        ),
        fixture("unknown method", "BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "BREW /a")], Keep),
        fixture(
            "1.0 kept",
            "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            &[Full(200, "GET /a")],
            Keep,
        ),
        fixture("1.2", "GET /a HTTP/1.2\r\nHost: x\r\n\r\n", &[Full(200, "GET /a")], Keep),
        fixture("1.9 with a body", body_of_1_9, &[Full(200, "abc")], Keep),
        fixture("mix", mix, &mix_answers, Keep),
    ]
}

fn closed() -> Vec<Fixture> {
    let list = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: foo ,, CloSE, bar\r\n\r\n";
    let lines = "GET /a HTTP/1.1\r\nHost: x\r\nCONNECTION: keep-alive\r\nconnection: x,close\r\n\r\n";
    let not_close = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: closed, clos\r\n\r\n";
    let behind = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    vec![
        fixture("1.0", "GET /a HTTP/1.0\r\n\r\n", &[Full(200, "GET /a")], Close),
        fixture(
            "1.0 closed",
            "GET /a HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
            &[Full(200, "GET /a")],
            Close,
        ),
        fixture("close in a list", list, &[Full(200, "GET /a")], Close),
        fixture("close over two lines", lines, &[Full(200, "GET /a")], Close),
        fixture("words like close", not_close, &[Full(200, "GET /a")], Keep),
        fixture("nothing behind close", behind, &[Full(200, "GET /a")], CloseDeaf),
        fixture(
            "the handler closes",
            "GET /close HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(200, "the last")],
            Close,
        ),
        fixture(
            "the handler drops",
            "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /drop HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(200, "GET /a")],
            CloseDeaf,
        ),
        fixture("the handler errs", "GET /impossible HTTP/1.1\r\nHost: x\r\n\r\n", &[Refused(500)], Close),
    ]
}

fn bodies() -> Vec<Fixture> {
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n\
        4;a=\"b\"\r\nWiki\r\n5 \r\npedia\r\n0\r\n\r\n"
        .replace("5 \r\n", "5;\r\n");
    let trailers = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
        a\r\n0123456789\r\n000;x\r\nA: b\r\nC: d e\r\n\r\n";
    let two = format!("{trailers}{trailers}");
    let expects = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc";
    let expects_chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    let expects_nothing =
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n";
    let empty = expects_nothing.replace("100-continue", ", ,");
    let exact =
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES}\r\n\r\n{}", FULL_BODY);
    vec![
        fixture(
            "post",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
            &[Full(200, "hello")],
            Keep,
        ),
        fixture("post of nothing", "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n", &[Full(200, "")], Keep),
        fixture(
            "post 1.0",
            "POST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
            &[Full(200, "abc")],
            Close,
        ),
        fixture(
            "get with a body",
            "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nGE",
            &[Full(200, "GE")],
            Keep,
        ),
        fixture("chunked", chunked, &[Full(200, "Wikipedia")], Keep),
        fixture("chunked, trailers", trailers, &[Full(200, "0123456789")], Keep),
        fixture("chunked twice", two, &[Full(200, "0123456789"); 2], Keep),
        fixture("expects", expects, &[Full(200, "abc")], Keep),
        fixture("expects, chunked", expects_chunked, &[Full(200, "a")], Keep),
        fixture("expects, no body", expects_nothing, &[Full(200, "")], Keep),
        fixture("an empty expectation", empty, &[Full(200, "")], Keep),
        fixture("longest body", exact, &[Full(200, FULL_BODY)], Keep),
    ]
}

const FULL_BODY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const LONGEST: &str = concat!(
    "GET /ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt",
    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
);
