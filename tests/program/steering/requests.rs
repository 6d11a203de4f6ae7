//! `v`, `B`, `A`, `h`, uploads, and URLs that steer nothing.

use std::time::{Duration, Instant};

use super::{USUAL, ask, rest};
use crate::common::program::Program;

#[test]
fn v_shows_the_request_in_headers() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let request = "GET /?v=1&r=404 HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n";
    client.send(request);
    let response = client.response();
    assert_eq!((response.status, &*response.body), (404, USUAL));
    let len = request.len();
    assert_eq!(response.header("X-Req"), Some(&*format!("size={len}, head={len}, body=0")));
    assert_eq!(response.header("X-Rsp"), Some("code=404, cache=1, size=6, time=0 ms"));
    assert_eq!(response.header("X-Req-Line"), Some("GET /?v=1&r=404 HTTP/1.1"));
    assert_eq!(response.header("X-Req-X-Forwarded-For"), Some("10.0.0.1"));
}

#[test]
fn v_shows_at_most_four_kibibytes_in_headers() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send(format!("GET /?v=1 HTTP/1.1\r\nHost: a\r\nA: {}\r\nB: c\r\n\r\n", "x".repeat(5000)));
    let response = client.response();
    assert_eq!(response.status, 200);
    assert_eq!((response.header("X-Req-Host"), response.header("X-Req-A")), (Some("a"), None));
    assert!(response.header("X-Req-Rest").is_some());
}

#[test]
fn v_shows_the_request_as_the_body() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    for target in ["/?v=2", "/?v=body&t=20", "/?v=body&p=5", "/?v=body&t=20&p=9&g=1"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nCookie: \u{e9}\r\n\r\n");
        client.send(&request);
        let response = client.response();
        assert_eq!(response.header("Content-Type"), Some("message/http"));
        assert_eq!(String::from_utf8(response.body).unwrap(), request);
    }
}

#[test]
fn requests_that_are_shown_take_a_bounded_memory() {
    let program = Program::start(&["--head-limit", "3m"]);
    let request = |query, len| format!("GET /?{query} HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(len));
    let mut slow = program.connect();
    slow.send(request("v=body&P=3600000", 2_900_000));
    assert_eq!(slow.response_head().status, 200);
    let mut client = program.connect();
    client.send(request("v=body", 2_000_000));
    assert_eq!(client.response().status, 503);
    client.send(request("v=body", 1000));
    assert_eq!(client.response().status, 200, "a small one still has room");
    drop(slow);
    // The server may notice later that a client has left.
    let begin = Instant::now();
    loop {
        client.send(request("v=body", 2_000_000));
        if client.response().status == 200 {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the room is free again");
    }
}

#[test]
fn uploads_of_any_length_are_read_and_counted() {
    const SIZE: usize = 20 << 20;
    let program = Program::start(&[]);
    let mut client = program.connect();
    for framing in [format!("Content-Length: {SIZE}"), "Transfer-Encoding: chunked".into()] {
        client.send(format!("PUT /?v=1 HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        let part = vec![b'x'; SIZE / 20];
        for _ in 0..20 {
            if framing.starts_with('T') {
                client.send(format!("{:x}\r\n", part.len()));
            }
            client.send(&part);
            if framing.starts_with('T') {
                client.send("\r\n");
            }
        }
        if framing.starts_with('T') {
            client.send("0\r\n\r\n");
        }
        let response = client.response();
        assert_eq!(response.status, 200);
        assert!(response.header("X-Req").unwrap().ends_with(&format!("body={SIZE}")), "{}", response.head);
    }
}

#[test]
fn an_upload_is_expected_with_100_continue() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send("PUT /?v=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response_head().status, 100);
    client.send("12345");
    assert!(client.response().header("X-Req").unwrap().ends_with("body=5"));
}

#[test]
fn b_in_capitals_responds_after_so_many_bytes() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send("PUT /?B=1000 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client.send("x".repeat(999));
    assert_eq!(program.connect().ask("/").body, USUAL);
    client.send("y");
    let response = client.response();
    assert_eq!((response.status, response.header("Connection")), (200, Some("close")));
    let mut client = program.connect();
    client.send("PUT /?B=1000&r=201 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789");
    assert_eq!(client.response().status, 201, "a body that is shorter is read whole");
    assert_eq!(client.ask("/").body, USUAL, "and the connection goes on");
    assert_eq!(program.end().number("steered by their URLs"), 2);
}

#[test]
fn a_in_capitals_responds_before_the_body() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client
        .send("PUT /?A=1&s=9 HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.body.len()), (200, 9));
    client.send("x".repeat(100_000));
    client.finish();
    assert_eq!(rest(&mut client), (Vec::new(), false), "the body is read before the close");
}

#[test]
fn the_help_lists_every_letter() {
    let help = String::from_utf8(ask("/?").body).unwrap();
    assert_eq!(String::from_utf8(ask("/?h").body).unwrap(), help);
    assert_eq!(ask("/path?").body, USUAL);
    for letter in "srtdkpgRCKwPcebBAxnvhS".chars() {
        let starts = |line: &str, at: usize| line.get(at..at + 4) == Some(&format!(" {letter}  "));
        let is_listed = help
            .lines()
            .any(|line| starts(line, 3) || line.match_indices(&format!("  {letter}  ")).next().is_some());
        assert!(is_listed, "{letter}: {help}");
    }
    assert!(help.lines().all(|line| line.len() <= 80), "{help}");
}

#[test]
fn ordinary_urls_get_the_usual_response_and_are_counted() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let ordinary =
        ["/?p=2&sort=name", "/?s=search", "/?w=200&h=100&v=3", "/?t=1700000000", "/?a=b?s=9", "/?r=600"];
    for target in ordinary {
        let response = client.ask(target);
        assert_eq!((response.status, &*response.body), (200, USUAL), "{target}");
    }
    assert_eq!(client.ask("/a/b?s=9").body.len(), 9);
    assert_eq!(client.ask("http://a/b?s=9&s=8").body.len(), 8);
    let ended = program.end();
    assert_eq!(ended.number("with a query that steers nothing"), ordinary.len() as u64);
    assert_eq!(ended.number("steered by their URLs"), 2);
}

#[test]
fn trace_is_not_allowed_whatever_the_url_says() {
    let program = Program::start(&["--size", "9"]);
    let mut client = program.connect();
    client.send("TRACE /?r=200&s=9&t=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 405);
    client.send("TRACE /?A=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.response().status, 405);
}

#[test]
fn requests_that_are_steered_and_others_share_a_connection() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let targets = ["/", "/?s=5&p=2", "/?t=10&r=404", "/", "/?s=70000", "/?k=0", "/?s=3&P=5"];
    client.send(targets.map(crate::common::get).concat());
    let responses = targets.map(|_| client.response());
    assert_eq!(responses.each_ref().map(|response| response.status), [200, 200, 404, 200, 200, 200, 200]);
    assert_eq!(responses.map(|response| response.body.len()), [6, 5, 6, 6, 70_000, 6, 3]);
}
