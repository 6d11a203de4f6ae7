//! RFC 9112 §6 to §8 and RFC 9110 §6.4, §6.5 and §8.6: where a body ends.

use super::{Closes, Row, check, get, ok, post, post_chunked, row, served};

fn lengths() -> Vec<Row> {
    let length = |value: &str| post(&format!("Content-Length: {value}\r\n"), "hello");
    vec![
        served("9112 §6.3", "neither length nor coding: no body", get(""), "GET / "),
        served("9112 §6.3", "nor in a POST", post("", ""), "POST / "),
        served("9112 §6.3", "a length", length("5"), "POST / hello"),
        served(
            "9112 §6.3",
            "a length in a GET",
            "GET / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
            "GET / hello",
        ),
        served("9112 §6.3", "a length of nothing", post("Content-Length: 0\r\n", ""), "POST / "),
        served("9110 §8.6", "leading zeros", length("005"), "POST / hello"),
        row(
            "9112 §6.3",
            "a length in 1.0",
            "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
            &[ok("POST / hello")],
            Closes,
        ),
    ]
}

fn codings() -> Vec<Row> {
    let coding = |value: &str| post(&format!("Transfer-Encoding: {value}\r\n"), "5\r\nhello\r\n0\r\n\r\n");
    vec![
        served("9112 §6.1", "chunked MUST be understood", coding("chunked"), "POST / hello"),
        served(
            "9112 §6.1",
            "in a GET",
            "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "GET / a",
        ),
    ]
}

fn chunks() -> Vec<Row> {
    let body = |body: &str| post_chunked(body);
    vec![
        served("9112 §7.1", "chunks are joined", body("1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"), "POST / hello"),
        served(
            "9112 §7.1",
            "sizes in small letters",
            body("a\r\n0123456789\r\n0\r\n\r\n"),
            "POST / 0123456789",
        ),
        served("9112 §7.1", "sizes in capitals", body("A\r\n0123456789\r\n0\r\n\r\n"), "POST / 0123456789"),
        served("9112 §7.1", "leading zeros", body("0005\r\nhello\r\n000\r\n\r\n"), "POST / hello"),
        served(
            "9112 §7.1",
            "data may look like framing",
            body("7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"),
            "POST / 0\\r\\n\\r\\n\\r\\n",
        ),
        served("9112 §7.1", "no chunk but the last", body("0\r\n\r\n"), "POST / "),
        served(
            "9112 §7.1.1",
            "unknown extensions MUST be ignored",
            body("5;a=b;c\r\nhello\r\n0;d=\"e f\"\r\n\r\n"),
            "POST / hello",
        ),
        served(
            "9112 §7.1.2",
            "trailers are kept apart",
            post_chunked("5\r\nhello\r\n0\r\nX: a\r\nY: b\r\n\r\n"),
            "POST / hello",
        ),
        served(
            "9110 §6.5.1",
            "trailers MUST NOT become headers",
            "POST /field/x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX: a\r\n\r\n0\r\nX: b\r\n\r\n",
            "a",
        ),
        served(
            "9110 §6.5.1",
            "nor frame the message",
            body("5\r\nhello\r\n0\r\nContent-Length: 100\r\nTransfer-Encoding: gzip\r\n\r\n"),
            "POST / hello",
        ),
        served(
            "9110 §6.5.1",
            "nor end the connection",
            body("5\r\nhello\r\n0\r\nConnection: close\r\n\r\n"),
            "POST / hello",
        ),
    ]
}

#[test]
fn a_length_says_where_a_body_ends() {
    check(&lengths());
}

#[test]
fn chunked_is_the_one_coding() {
    check(&codings());
}

#[test]
fn chunks_are_undone_and_trailers_ignored() {
    check(&chunks());
}

/// 9112 §6.3 and §8: incomplete requests never reach the handler, and end the connection.
#[test]
fn a_request_that_its_client_breaks_off_is_not_answered() {
    let host = super::host();
    let requests = [
        "GET / HTTP/1.1\r\nHost: te".to_owned(),
        "GET / HTTP/1.1\r\nHost: test\r\n".to_owned(),
        post("Content-Length: 6\r\n", "hello"),
        post_chunked("5\r\nhello\r\n"),
        post_chunked("6\r\nhello"),
        post_chunked("5\r\nhello\r\n0\r\n"),
        post_chunked("5\r\nhello\r\n0\r\nX: a\r\n"),
    ];
    for request in &requests {
        let mut client = super::Client::connect(host.address);
        client.send(request);
        client.finish();
        client.expect_end();
    }
    assert_eq!(host.stats().requests, 0);
}
