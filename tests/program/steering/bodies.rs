//! `s`, `r`, `k`, `p`, `R`, `c`, `e`, `b`.

use std::io::Read;

use super::{USUAL, ask, rest};
use crate::common::get;
use crate::common::program::Program;

#[test]
fn s_sets_the_size_of_the_body() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    for (target, size) in
        [("/?s=20k", 20 << 10), ("/path?s=0", 0), ("/?s=1", 1), ("/?s=3m", 3 << 20), ("/?s=5000r", 5000)]
    {
        let response = client.ask(target);
        assert_eq!(response.status, 200);
        let is_random = target.ends_with('r');
        assert!(if is_random { response.body.len() < size } else { response.body.len() == size }, "{target}");
        assert!(
            response.body.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\n')),
            "{target} is printable"
        );
    }
}

#[test]
fn each_line_of_a_body_begins_with_its_position() {
    let body = ask("/?s=200k").body;
    for (number, line) in body.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let position = format!("{:05}", number * 64 % (64 << 10));
        assert!(line.starts_with(position.as_bytes()), "line {number}: {}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_body_of_ten_gibibytes_is_announced_and_takes_no_memory() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send(get("/?s=10g"));
    assert_eq!(client.response_head().header("Content-Length"), Some("10737418240"));
    let mut some = vec![0; 32 << 20];
    client.stream.read_exact(&mut some).expect("32 MiB of them");
    #[cfg(target_os = "linux")]
    assert!(program.most_resident() < 32 << 20, "{} bytes were resident", program.most_resident());
}

#[test]
fn r_sets_the_status() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    for status in [200, 201, 299, 301, 404, 418, 500, 503, 599] {
        let response = client.ask(&format!("/?r={status}"));
        assert_eq!((response.status, &*response.body), (status, USUAL));
    }
    assert_eq!(client.ask("/?r=204").body, b"");
}

#[test]
fn r_with_shares_draws_from_a_list() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let mut counts = [0; 3];
    // A share of one third misses 400 of 1,000 draws with a chance below one in a million.
    for _ in 0..1000 {
        let status = client.ask("/?r=503:33.3333,404:33.3333").status;
        counts[[503, 404, 200].iter().position(|&known| known == status).expect("one of the list")] += 1;
    }
    assert!(counts.iter().all(|&count| (260..400).contains(&count)), "{counts:?}");
}

#[test]
fn k_sends_chunks_of_one_byte() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send(get("/?s=3000&k=1"));
    assert_eq!(client.response_head().header("Transfer-Encoding"), Some("chunked"));
    for _ in 0..3000 {
        assert_eq!(client.chunk().len(), 1);
    }
    assert_eq!(client.chunk(), b"");
    assert_eq!(client.ask("/").body, USUAL, "the connection goes on");
}

#[test]
fn p_cuts_the_body_into_pieces() {
    let program = Program::start(&["-vvv"]);
    let mut client = program.connect();
    let response = client.ask("/?s=10000&p=1000");
    assert_eq!(response.body.len(), 10_000);
    assert_eq!(response.header("Content-Length"), Some("10000"));
    let log = program.end().stderr;
    let pieces = log.lines().filter(|line| line.contains("the host has given a piece")).count();
    // The first leaves with the head.
    assert_eq!(pieces, 9, "{log}");
}

#[test]
fn random_pieces_give_the_same_body() {
    assert_eq!(ask("/?s=20000&p=1000r").body, ask("/?s=20000").body);
    assert_eq!(ask("/?p=1").body, USUAL);
}

#[test]
fn random_bodies_differ_and_do_not_repeat() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let (first, second) = (client.ask("/?s=300k&R=1"), client.ask("/?s=300k&R=1"));
    assert_eq!(first.header("Content-Type"), Some("application/octet-stream"));
    assert_ne!(first.body, second.body);
    let blocks: std::collections::HashSet<_> = first.body.chunks(1024).collect();
    assert_eq!(blocks.len(), 300);
    let zeros = first.body.iter().filter(|&&byte| byte == 0).count();
    assert!((900..1500).contains(&zeros), "{zeros} of 307,200 bytes are zero");
}

#[test]
fn c_says_whether_the_response_may_be_cached() {
    assert_eq!(ask("/?c=0").header("Cache-Control"), Some("no-cache"));
    assert_eq!(ask("/?c=1").header("Cache-Control"), Some("public, max-age=3600"));
    assert_eq!(ask("/?s=1").header("Cache-Control"), None);
}

#[test]
fn e_adds_an_etag_and_answers_304_to_a_client_that_has_it() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let etag = client.ask("/?e=3&s=9").header("ETag").expect("an ETag").to_owned();
    let mut ask = |method: &str, target: &str, condition: &str| {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\nIf-None-Match: {condition}\r\n\r\n"));
        client.response().status
    };
    for known in [etag.clone(), format!("\"a\", {etag}"), format!("W/{etag}"), "*".into()] {
        assert_eq!(ask("GET", "/?e=3&s=9", &known), 304, "{known}");
    }
    assert_eq!(ask("GET", "/?e=4&s=9", &etag), 200, "another version");
    assert_eq!(ask("GET", "/?e=3&s=8", &etag), 200, "another body");
    assert_eq!(ask("POST", "/?e=3&s=9", &etag), 200, "only GET and HEAD have a condition");
    assert_eq!(ask("GET", "/?e=3&s=9&r=404", &etag), 404);
    assert_eq!(ask("GET", "/?e=3&v=body", "\"3-6\""), 200, "the body is the request, and not the usual one");
}

#[test]
fn b_announces_any_length() {
    let program = Program::start(&[]);
    for (target, announced) in
        [("/?s=50&b=-1", Some("50")), ("/?s=50&b=0", None), ("/?s=50&b=100k", Some("102400"))]
    {
        let mut client = program.connect();
        client.send(get(target));
        assert_eq!(client.response_head().header("Content-Length"), announced, "{target}");
        if announced != Some("50") {
            assert_eq!(rest(&mut client).0.len(), 50, "{target}");
        }
    }
    let mut client = program.connect();
    client.send(get("/?s=50&b=20&p=10"));
    assert_eq!(client.response_head().header("Content-Length"), Some("20"));
    assert_eq!(rest(&mut client).0.len(), 50, "more than announced");
}

#[test]
fn head_has_the_length_of_the_body_and_nothing_else() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    for target in ["/?s=1g", "/?s=1g&p=100", "/?s=1g&R=1&w=10000"] {
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.response_head().header("Content-Length"), Some("1073741824"), "{target}");
    }
    assert_eq!(client.ask("/").body, USUAL);
}
