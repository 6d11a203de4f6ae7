//! RFC 9110 §10.1.1 and §15.2: `Expect: 100-continue`, step by step.

use std::io::Read;

use crate::common::wait_until;

use super::{Client, Closes, GoesOn, Row, check, error, get, host, ok, post, row, served};

/// An interim answer, and nothing behind it.
fn expect_continue(client: &mut Client) {
    let mut interim = [0; 25];
    client.stream.read_exact(&mut interim).expect("an interim answer");
    assert_eq!(
        interim.escape_ascii().to_string(),
        b"HTTP/1.1 100 Continue\r\n\r\n".escape_ascii().to_string()
    );
}

fn expecting(version: &str, lines: &str) -> String {
    format!("POST / HTTP/{version}\r\nHost: test\r\nExpect: 100-continue\r\n{lines}\r\n")
}

#[test]
fn a_client_that_expects_100_continue_gets_it_for_each_body() {
    let host = host();
    let chunked = ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
    for (lines, body) in [("Content-Length: 5\r\n", "hello"), chunked] {
        let mut client = Client::connect(host.address);
        // Twice, because the server asks for each body.
        for _ in 0..2 {
            client.send(expecting("1.1", lines));
            expect_continue(&mut client);
            client.send(body);
            let response = client.response();
            assert_eq!((response.status, response.body.as_slice()), (200, &b"POST / hello"[..]));
        }
    }
}

#[test]
fn the_expectation_is_not_case_sensitive() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send(post("expect: 100-CONTINUE\r\nContent-Length: 5\r\n", ""));
    expect_continue(&mut client);
    client.send("hello");
    assert_eq!(client.response().body, b"POST / hello");
}

#[test]
fn a_client_of_http_1_0_gets_no_interim_response() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send(expecting("1.0", "Content-Length: 5\r\n"));
    // Whatever was sent for the head would be in front of the answer.
    wait_until("the head is read", || host.stats().bytes_in > 0);
    client.send("hello");
    assert_eq!(client.response().body, b"POST / hello");
    client.expect_end();
}

#[test]
fn a_refused_request_gets_no_100_continue() {
    let host = host();
    for (lines, status) in [
        ("Content-Length: 2000000\r\n", 413),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        ("Content-Length: five\r\n", 400),
        ("Content-Length: 5\r\nExpect: x\r\n", 417),
    ] {
        let mut client = Client::connect(host.address);
        client.send(expecting("1.1", lines));
        let response = client.response();
        assert_eq!((response.status, response.header("Connection")), (status, Some("close")), "{lines}");
        client.expect_end();
    }
}

fn rows() -> Vec<Row> {
    let length = "Content-Length: 5\r\n";
    vec![
        served(
            "9110 §10.1.1",
            "who does not wait is served",
            expecting("1.1", length) + "hello",
            "POST / hello",
        ),
        served(
            "9110 §10.1.1",
            "no content will follow",
            expecting("1.1", "Content-Length: 0\r\n"),
            "POST / ",
        ),
        served("9110 §10.1.1", "nor in a GET", get("Expect: 100-continue\r\n"), "GET / "),
        row(
            "9110 §10.1.1",
            "in 1.0 it MUST be ignored",
            expecting("1.0", length) + "hello",
            &[ok("POST / hello")],
            Closes,
        ),
        row(
            "9110 §10.1.1",
            "behind another request",
            get("") + &expecting("1.1", length) + "hello",
            &[ok("GET / "), ok("POST / hello")],
            GoesOn,
        ),
        row(
            "9110 §10.1.1",
            "in front of an error",
            expecting("1.1", length) + "hello" + "GET / HTTP/1.1\r\n\r\n",
            &[ok("POST / hello"), error(400)],
            Closes,
        ),
    ]
}

#[test]
fn expectations_never_change_what_is_answered() {
    check(&rows());
}

/// Several lines of it, in one head.
fn lines(values: &[&str]) -> String {
    values.iter().map(|value| format!("Expect:{value}\r\n")).collect()
}

/// Lists that hold nothing.
const EMPTY: &[&[&str]] = &[&[""], &[" "], &["\t"], &[" ,"], &[",,"], &[" , \t, "], &["", " ,"]];

/// Lists that hold 100-continue, and nothing else.
const CONTINUE: &[&[&str]] = &[
    &[" 100-continue"],
    &["100-Continue"],
    &[" , 100-continue"],
    &[" 100-continue,"],
    &[",\t100-continue\t, ,"],
    &[" 100-continue, 100-continue"],
    &[" 100-continue,100-CONTINUE"],
    &[" 100-continue", " 100-continue"],
    &["", " 100-continue"],
    &[" 100-continue", " ,"],
];

#[test]
fn an_empty_expectation_expects_nothing() {
    let host = host();
    let rows = EMPTY.iter().map(|values| {
        let request = post(&(lines(values) + "Content-Length: 5\r\n"), "hello");
        served("9110 §5.6.1.2", "an empty list of expectations", request, "POST / hello")
    });
    check(&rows.collect::<Vec<_>>());
    for values in EMPTY {
        let mut client = Client::connect(host.address);
        let before = host.stats().bytes_in;
        client.send(post(&(lines(values) + "Content-Length: 5\r\n"), ""));
        wait_until("the head is read", || host.stats().bytes_in > before);
        client.send("hello");
        // An interim answer would be in front of this one.
        assert_eq!(client.response().body, b"POST / hello", "{values:?}");
    }
}

#[test]
fn a_list_that_expects_100_continue_is_answered_by_one_100() {
    let host = host();
    for values in CONTINUE {
        let mut client = Client::connect(host.address);
        client.send(post(&(lines(values) + "Content-Length: 5\r\n"), ""));
        expect_continue(&mut client);
        client.send("hello");
        assert_eq!(client.response().body, b"POST / hello", "{values:?}");
    }
}
