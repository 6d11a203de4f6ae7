//! RFC 9112 §2 to §4 and RFC 9110 §2, §5.3 and §6.2: messages, their lines, versions, status lines.

use super::{Closes, Is, Lacks, Row, check, error, get, ok, post, post_chunked, row, served};

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
        served(
            "9112 §2.2",
            "a bare CR in content is content",
            post("Content-Length: 3\r\n", "a\rb"),
            "POST / a\\rb",
        ),
        // 9112 §3
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
        // 9110 §5.3
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

#[test]
fn messages_are_octets_in_lines_that_end_with_crlf() {
    check(&parsing());
}

#[test]
fn http_1_is_spoken_whatever_the_minor_version() {
    check(&versions());
}

#[test]
fn responses_match_the_grammar_whatever_the_handler_does() {
    check(&status_lines());
}
