//! RFC 9112 §2 to §4 and RFC 9110 §2, §5.3 and §6.2: messages, their lines, versions, status lines.

use std::net::Shutdown;

use super::common::wait_until;
use super::{
    Client, Closes, Host, Is, Lacks, Row, check, error, get, host, ok, post, post_chunked, refused, row,
    served,
};

fn parsing() -> Vec<Row> {
    vec![
        // 9112 §2.2
        served(
            "9112 §2.2",
            "octets, not characters",
            b"GET /field/x HTTP/1.1\r\nHost: test\r\nX: \xe9\xff\x80\r\n\r\n",
            "\\xe9\\xff\\x80",
        ),
        served(
            "9112 §2.2",
            "empty lines in front are ignored (SHOULD)",
            format!("\r\n\r\n{}", get("")),
            "GET / ",
        ),
        served(
            "9112 §2.2",
            "a line behind a body is ignored",
            format!("{}\r\n{}", post("Content-Length: 1\r\n", "a"), ""),
            "POST / a",
        ),
        refused("9112 §2.2", "a bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        refused("9112 §2.2", "a bare CR in a name", get("X\rY: a\r\n"), 400),
        refused("9112 §2.2", "a bare CR in a value", get("X: a\rb\r\n"), 400),
        refused("9112 §2.2", "a bare CR behind a value", get("X: a\r\r\n"), 400),
        refused("9112 §2.2", "a bare CR in a chunk extension", post_chunked("1;a\rb\r\na\r\n0\r\n\r\n"), 400),
        refused("9112 §2.2", "a bare CR in a trailer", post_chunked("1\r\na\r\n0\r\nX: a\rb\r\n\r\n"), 400),
        served(
            "9112 §2.2",
            "a bare CR in content is content",
            post("Content-Length: 3\r\n", "a\rb"),
            "POST / a\\rb",
        ),
        refused(
            "9112 §2.2",
            "a bare LF may end a line, or be refused",
            "GET / HTTP/1.1\nHost: test\n\n",
            400,
        ),
        refused("9112 §2.2", "a blank behind the request line", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400),
        refused(
            "9112 §2.2",
            "a tab behind the request line",
            "GET / HTTP/1.1\r\n\tX: a\r\nHost: test\r\n\r\n",
            400,
        ),
        refused(
            "9112 §2.2",
            "a blank line behind the request line",
            "GET / HTTP/1.1\r\n \r\nHost: test\r\n\r\n",
            400,
        ),
        refused("9112 §2.2", "what is not a message (SHOULD be 400)", "\x16\x03\x01\r\n\r\n", 400),
        // 9112 §3
        refused(
            "9112 §3",
            "a malformed request line (SHOULD be 400)",
            "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n",
            400,
        ),
        refused(
            "9112 §3",
            "more than one blank (MAY be parsed)",
            "GET  /  HTTP/1.1\r\nHost: test\r\n\r\n",
            400,
        ),
        refused(
            "9112 §3",
            "a target beyond the limit",
            format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(8192)),
            414,
        ),
        served(
            "9112 §3",
            "request lines of 8000 octets (RECOMMENDED)",
            format!("GET /field/host?{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(7980)),
            "test",
        ),
        // 9112 §3.1, 9110 §9.1
        served("9112 §3.1", "methods are case-sensitive", "get / HTTP/1.1\r\nHost: test\r\n\r\n", "get / "),
        served(
            "9112 §3.1",
            "any token is a method",
            "!#$%&'*+-.^_`|~9aZ / HTTP/1.1\r\nHost: test\r\n\r\n",
            "!#$%&'*+-.^_`|~9aZ / ",
        ),
        refused("9112 §3.1", "a method that is no token", "G(T / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        // 9110 §5.3
        refused(
            "9110 §5.3",
            "nothing is done before the whole head is there",
            get("X: a\r\nHost: other\r\n"),
            400,
        ),
        // 9110 §2.4
        served(
            "9110 §2.4",
            "elements mean what they are defined to mean",
            get("Content-Length: 0\r\n"),
            "GET / ",
        ),
    ]
}

fn versions() -> Vec<Row> {
    let line = |version: &str| format!("GET / {version}\r\nHost: test\r\n\r\n");
    vec![
        // 9112 §2.3, 9110 §2.5 and §6.2: what is answered is 1.1 in either case (`wire`).
        served("9110 §6.2", "1.1 is answered by 1.1", line("HTTP/1.1"), "GET / "),
        row("9110 §6.2", "1.0 is answered by 1.1, and closed", line("HTTP/1.0"), &[ok("GET / ")], Closes),
        refused("9110 §6.2", "another major version may be refused by 505", line("HTTP/2.0"), 505),
        refused("9110 §6.2", "another major version, 3", line("HTTP/3.0"), 505),
        refused("9110 §6.2", "another major version, 0", line("HTTP/0.9"), 505),
        served("9110 §2.5", "a higher minor version is served as 1.1", line("HTTP/1.2"), "GET / "),
        served("9110 §2.5", "the highest minor version", line("HTTP/1.9"), "GET / "),
        served(
            "9110 §2.5",
            "a body by a higher minor version",
            post_chunked("1\r\na\r\n0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.3"),
            "POST / a",
        ),
        row(
            "9112 §9.3",
            "a higher minor version that closes",
            get("Connection: close\r\n").replace("HTTP/1.1", "HTTP/1.3"),
            &[ok("GET / ")],
            Closes,
        ),
        refused("9112 §3.2", "a higher minor version without Host", "GET / HTTP/1.2\r\n\r\n", 400),
        refused("9110 §6.2", "a higher minor version of another major", line("HTTP/2.1"), 505),
        refused("9112 §2.3", "the name is case-sensitive", line("http/1.1"), 400),
        refused("9112 §2.3", "one digit, a point, one digit", line("HTTP/1.10"), 400),
        refused("9112 §2.3", "no leading zeros", line("HTTP/01.1"), 400),
        refused("9112 §2.3", "no version, which was 0.9", "GET /\r\n\r\n", 400),
    ]
}

fn status_lines() -> Vec<Row> {
    let status = |status: u16| format!("GET /status/{status} HTTP/1.1\r\nHost: test\r\n\r\n");
    let said = |number: u16| super::Answer { status: number, ..ok(&format!("GET /status/{number} ")) };
    vec![
        row(
            "9112 §4",
            "a blank behind the status without a phrase",
            status(299),
            &[said(299)],
            super::GoesOn,
        ),
        row("9112 §4", "the same for 599", status(599), &[said(599)], super::GoesOn),
        row("9112 §4", "and with a phrase", status(404), &[said(404)], super::GoesOn),
        row("9110 §15", "no status of four digits", status(1000), &[error(500)], Closes),
        row("9110 §15", "no status beyond the classes", status(600), &[error(500)], Closes),
        row(
            "9110 §15.2",
            "no 1xx for a final answer",
            "GET /interim HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500)],
            Closes,
        ),
        row(
            "9110 §5.5",
            "no LF in a value that is sent",
            "GET /field-with-lf HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500).with(Lacks("X"))],
            Closes,
        ),
        row(
            "9110 §5.5",
            "no CR in a value that is sent",
            "GET /field-with-cr HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500).with(Lacks("X"))],
            Closes,
        ),
        row(
            "9110 §5.5",
            "no NUL in a value that is sent",
            "GET /field-with-nul HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500).with(Lacks("X"))],
            Closes,
        ),
        row(
            "9110 §5.1",
            "no name that is none is sent",
            "GET /name-with-blank HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500)],
            Closes,
        ),
        row(
            "9112 §6.2",
            "one length, the true one",
            "GET /own-length HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500)],
            Closes,
        ),
        row(
            "9112 §6.1",
            "no coding that is not applied",
            "GET /own-coding HTTP/1.1\r\nHost: test\r\n\r\n",
            &[error(500)],
            Closes,
        ),
        row(
            "9110 §8.6",
            "a length that was not known before",
            "GET /written HTTP/1.1\r\nHost: test\r\n\r\n",
            &[ok("written").with(Is("Content-Length", "7".into()))],
            super::GoesOn,
        ),
    ]
}

#[test]
fn a_length_that_is_filled_in_afterwards_is_not_padded() {
    // Each has another number of digits than the one before it, and they share a buffer and a connection.
    let lengths = [17, 0, 100, 9, 60_000, 10, 12_345, 1, 1_000, 999];
    let requests: String =
        lengths.iter().map(|n| format!("GET /written/{n} HTTP/1.1\r\nHost: test\r\n\r\n")).collect();
    let answers = lengths.map(|n| ok(&"w".repeat(n)).with(Is("Content-Length", n.to_string())));
    let head = "HEAD /written/123 HTTP/1.1\r\nHost: test\r\n\r\n";
    let announced = ok("").for_head().with(Is("Content-Length", "123".into()));
    check(&[
        row("9112 §5", "one blank in front of a value", requests, &answers, super::GoesOn),
        row("9110 §8.6", "the length that GET would have", head, &[announced], super::GoesOn),
    ]);
}

/// The first bytes of heads, up to the one that proves them wrong.
const UNFINISHED: &[(&[u8], u16)] = &[
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n", 400),
    (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", 400),
    (b"GET / HTTP/1.1\r\nContent-Length: x\r\n", 400),
    (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
    (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\n b", 400),
    (b"GET / HTTP/1.1\r\nHost : a", 400),
    (b"GET / HTTP/1.1\r\nHost: a\n", 400),
    (b"GET / HTTP/1.1\r\nX: \0", 400),
    (b"GET foo HTTP/1.1\r\n", 400),
    (b"GET /a b", 400),
    (b"\x16\x03\x01\x00", 400),
    (b"GET / HTTP/1.1\r\nExpect: x\r\n", 417),
    (b"CONNECT a:1 HTTP/1.1\r\n", 501),
    (b"GET / HTTP/2.0\r\n", 505),
];

/// The answer to bytes behind which nothing comes, or a FIN.
fn refusal(host: &Host, pieces: &[&[u8]], sends_fin: bool) -> u16 {
    let mut client = Client::connect(host.address);
    for piece in pieces {
        let before = host.stats().bytes_in;
        client.send(piece);
        wait_until("the piece is read", || host.stats().bytes_in > before);
    }
    if sends_fin {
        client.socket().shutdown(Shutdown::Write).expect("our FIN");
    }
    let response = client.response();
    assert_eq!(response.header("Connection"), Some("close"));
    client.expect_end();
    response.status
}

#[test]
fn a_bad_head_is_refused_before_it_ends_however_it_comes() {
    let host = host();
    let long = [b"GET /".as_slice(), &[b'a'; 8192]].concat();
    let wide = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'a'; 16 * 1024 - 19]].concat();
    let many = format!("GET / HTTP/1.1\r\n{}X", "X: a\r\n".repeat(100));
    let limits = [(&long[..], 414), (&wide[..], 431), (many.as_bytes(), 431)];
    for &(bytes, status) in UNFINISHED.iter().chain(&limits) {
        let (front, back) = bytes.split_at(bytes.len() / 2);
        let (most, last) = bytes.split_at(bytes.len() - 1);
        for pieces in [&[bytes][..], &[front, back], &[most, last]] {
            for sends_fin in [false, true] {
                let shown = bytes[..bytes.len().min(80)].escape_ascii();
                assert_eq!(refusal(&host, pieces, sends_fin), status, "{shown} in {}", pieces.len());
            }
        }
    }
}

#[test]
fn messages_are_octets_in_lines_that_end_with_crlf() {
    check(&parsing());
}

#[test]
fn http_1_is_spoken_and_other_major_versions_are_refused() {
    check(&versions());
}

#[test]
fn what_is_sent_matches_the_grammar_whatever_the_handler_says() {
    check(&status_lines());
}
