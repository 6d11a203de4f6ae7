//! Requests as bytes, and what has to come back: however the bytes are delivered.

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

pub(super) struct Fixture {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
    pub(super) answers: Vec<Answer>,
    pub(super) then: Then,
}

fn fixture(name: &'static str, request: impl AsRef<[u8]>, answers: &[Answer], then: Then) -> Fixture {
    Fixture { name, request: request.as_ref().to_vec(), answers: answers.to_vec(), then }
}

fn refused(name: &'static str, request: impl AsRef<[u8]>, status: u16) -> Fixture {
    fixture(name, request, &[Refused(status)], Close)
}

pub(super) fn all() -> Vec<Fixture> {
    [kept_alive(), closed(), bodies(), bad_heads(), bad_framing(), beyond_limits()]
        .into_iter()
        .flatten()
        .collect()
}

fn kept_alive() -> Vec<Fixture> {
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

fn bad_heads() -> Vec<Fixture> {
    vec![
        refused("no host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400),
        refused("two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        refused("host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        refused("host with a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        refused("host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        refused("host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        refused("obs-fold", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
        refused("obs-fold by tab", "GET / HTTP/1.1\r\nHost: x\r\n\tc: d\r\n\r\n", 400),
        refused("blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        refused("blank before the first", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
        refused("no colon", "GET / HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n", 400),
        refused("no name", "GET / HTTP/1.1\r\nHost: x\r\n: foo\r\n\r\n", 400),
        refused("control byte in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400),
        refused("DEL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", 400),
        refused("NUL in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400),
        refused("NUL in a name", "GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", 400),
        refused("control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("non-ASCII target", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("bare LF behind the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", 400),
        refused("bare LF behind a header", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
        refused("bare LF at the end", "GET / HTTP/1.1\r\nHost: x\r\n\n", 400),
        refused("bare LF in front", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("bare LF behind an empty line", "\r\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("bare CR in a value", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
        refused("bare CR behind a header", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\r\n\r\n", 400),
        refused("bare CR in front", "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("relative target", "GET foo HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("get *", "GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("another scheme", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("no target", "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("two blanks", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("no version", "GET /\r\nHost: x\r\n\r\n", 400),
        refused("another protocol", "GET / HTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("a method that is no token", "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n", 400),
        refused("connect", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501),
        refused("2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        refused("1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
        refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        refused("unknown expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
        refused("two expectations", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue, tea\r\n\r\n", 417),
        fixture(
            "bad behind good",
            "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
            &[Full(200, "GET /a"), Refused(400)],
            Close,
        ),
    ]
}

fn bad_framing() -> Vec<Fixture> {
    let post = |fields: &str, body: &str| format!("POST /echo HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{body}");
    let chunks = |body: &str| post("Transfer-Encoding: chunked", body);
    vec![
        refused("CL and TE", post("Content-Length: 3\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), 400),
        refused("TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 3", "0\r\n\r\n"), 400),
        refused("differing lengths", post("Content-Length: 3\r\nContent-Length: 4", "abcd"), 400),
        refused("a list of lengths", post("Content-Length: 3, 4", "abcd"), 400),
        refused("a signed length", post("Content-Length: +3", "abc"), 400),
        refused("a negative length", post("Content-Length: -3", "abc"), 400),
        refused("a hexadecimal length", post("Content-Length: 0x3", "abc"), 400),
        refused("an empty length", post("Content-Length:", "abc"), 400),
        refused("TE in 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        refused("an empty TE", post("Transfer-Encoding:", "0\r\n\r\n"), 400),
        refused("chunked twice over", post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), 400),
        refused("an unknown coding", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), 501),
        refused("an unknown coding alone", post("Transfer-Encoding: identity", ""), 400),
        refused("a chunk size of letters", chunks("xyz\r\n"), 400),
        refused("a chunk size of nothing", chunks("\r\n"), 400),
        refused("a chunk that goes on", chunks("1\r\nab\r\n0\r\n\r\n"), 400),
        refused("a bare LF behind a size", chunks("1\na\r\n0\r\n\r\n"), 400),
        refused("a bare LF behind the last chunk", chunks("0\n\r\n"), 400),
        refused("a folded trailer", chunks("0\r\nA: b\r\n c\r\n\r\n"), 400),
    ]
}

fn beyond_limits() -> Vec<Fixture> {
    let post = |fields: &str, body: &str| format!("POST /echo HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n{body}");
    let get = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let target = |len: usize| format!("/{}", "t".repeat(len - 1));
    // `GET /a HTTP/1.1\r\nHost: x\r\nA: …\r\n\r\n`
    let head = |len: usize| get("/a", &format!("A: {}\r\n", "v".repeat(len - 33)));
    let headers = |count: usize| get("/a", &"A: b\r\n".repeat(count - 1));
    let trailers = "A: bcdefg\r\n".repeat(HEAD_BYTES / 11 + 1);
    let chunked = "Transfer-Encoding: chunked";
    assert_eq!(head(HEAD_BYTES).len(), HEAD_BYTES);
    vec![
        fixture("the longest target", get(&target(TARGET_BYTES), ""), &[Full(200, LONGEST)], Keep),
        refused("a target too long", get(&target(TARGET_BYTES + 1), ""), 414),
        refused("a target much too long", get(&target(TARGET_BYTES + 100), ""), 414),
        refused("a target without an end", format!("GET /{}", "t".repeat(HEAD_BYTES)), 414),
        refused("a method too long", format!("{} /a HTTP/1.1\r\nHost: x\r\n\r\n", "M".repeat(200)), 414),
        refused("a target too long, of no sound version", format!("GET {} HTTP/3\r\n\r\n", target(300)), 414),
        refused(
            "a target too long, and then unsound",
            format!("GET {}\x01 HTTP/1.1\r\n\r\n", target(300)),
            414,
        ),
        refused("a target too long, and unsound", format!("GET /\x01{} HTTP/1.1\r\n\r\n", target(300)), 400),
        fixture("the longest head", head(HEAD_BYTES), &[Full(200, "GET /a")], Keep),
        refused("a head too long", head(HEAD_BYTES + 1), 431),
        refused("a head much too long", head(HEAD_BYTES + 100), 431),
        fixture("the most headers", headers(HEADERS), &[Full(200, "GET /a")], Keep),
        refused("one header too many", headers(HEADERS + 1), 431),
        refused("a body too long", post(&format!("Content-Length: {}", BODY_BYTES + 1), ""), 413),
        refused("a length beyond all numbers", post("Content-Length: 99999999999999999999999", ""), 413),
        refused("an expected body too long", post("Expect: 100-continue\r\nContent-Length: 999", ""), 413),
        refused("a chunk too long", post(chunked, "41\r\n"), 413),
        refused(
            "chunks too long together",
            post(chunked, "20\r\n0123456789abcdef0123456789abcdef\r\n21\r\n"),
            413,
        ),
        refused("trailers too long", post(chunked, &format!("0\r\n{trailers}")), 431),
    ]
}

const LONGEST: &str = concat!(
    "GET /ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt",
    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
);
