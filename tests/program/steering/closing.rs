//! `C`, `K`, `x`, `n`.

use super::{USUAL, rest};
use crate::common::get;
use crate::common::program::Program;

#[test]
fn c_in_capitals_closes_after_the_response() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let response = client.ask("/?C=1");
    assert_eq!((response.header("Connection"), &*response.body), (Some("close"), USUAL));
    client.expect_end();
    let mut client = program.connect();
    for target in ["/?C=0", "/?K=1", "/?C=1&K=1", "/?K=30"] {
        assert_eq!(client.ask(target).header("Connection"), None, "{target}");
    }
    assert_eq!(client.ask("/?K=1&C=1").header("Connection"), Some("close"));
}

#[test]
fn x_chooses_how_the_connection_closes() {
    let program = Program::start(&[]);
    for (mode, is_reset) in [("fin", false), ("rst", true)] {
        let mut client = program.connect();
        assert_eq!(client.ask(&format!("/?x={mode}")).body, USUAL);
        assert_eq!(rest(&mut client), (Vec::new(), is_reset), "{mode}");
    }
    let mut client = program.connect();
    assert_eq!(client.ask("/?x=peer").body, USUAL);
    client.finish();
    client.expect_end();
    let mut client = program.connect();
    client.send(get("/?x=drop"));
    assert_eq!(rest(&mut client), (Vec::new(), false));
    let ended = program.end();
    assert_eq!(ended.number("answered, then closed"), 3);
    assert_eq!(ended.number("dropped without a response"), 1);
    assert_eq!(ended.number("closed first by the client"), 1);
}

#[test]
fn n_ends_the_response_after_so_many_bytes() {
    let program = Program::start(&[]);
    let cases = [
        ("/?s=1000&n=100&x=rst", 100, true),
        ("/?s=1000&x=rst@100", 100, true),
        ("/?s=1000&n=100&x=fin", 100, false),
        ("/?s=1000&n=100", 100, false),
        ("/?s=1000&n=100&x=drop", 100, false),
        ("/?s=1000&n=0&x=rst", 0, true),
        ("/?s=1000&n=0&x=drop", 0, false),
        ("/?s=1000&n=0", 0, false),
        // The kernel sends ten segments before it waits for the client, and a reset throws away what it has not sent.
        ("/?s=1000&n=300&p=100&x=rst", 300, true),
        ("/?s=1000&n=1000&x=rst", 1000, true),
        ("/?s=1000&n=5000&x=fin", 1000, false),
    ];
    for (target, len, is_reset) in cases {
        let mut client = program.connect();
        client.send(get(target));
        let head = client.response_head();
        assert_eq!(head.header("Content-Length"), Some("1000"), "{target}");
        let (body, was_reset) = rest(&mut client);
        assert_eq!(was_reset, is_reset, "{target}");
        // A reset drops what the kernel has not sent yet, because the client has not acknowledged earlier segments.
        let may_lose = is_reset && target.contains("p=");
        assert!(body.len() == len || (may_lose && body.len() < len), "{target}: {} bytes", body.len());
    }
}

#[test]
fn a_response_that_has_no_body_ends_as_x_says_too() {
    let program = Program::start(&[]);
    for (mode, is_reset) in [("rst", true), ("fin", false), ("drop", false)] {
        for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
            let mut client = program.connect();
            client.send(format!("{method} /?r={status}&n=0&x={mode} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(client.response_head().status, status);
            assert_eq!(rest(&mut client), (Vec::new(), is_reset), "{method} {status} {mode}");
        }
    }
}

#[test]
fn with_peer_a_cut_response_waits_for_the_client_to_close() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send(get("/?s=1000&n=100&x=peer"));
    client.response_head();
    let mut part = [0; 100];
    std::io::Read::read_exact(&mut client.stream, &mut part).unwrap();
    client.finish();
    client.expect_end();
    assert_eq!(program.end().number("closed first by the client"), 1);
}

#[test]
fn a_cut_response_in_chunks_has_no_last_chunk() {
    let program = Program::start(&[]);
    for (mode, is_reset) in [("rst", true), ("fin", false), ("drop", false)] {
        let mut client = program.connect();
        client.send(get(&format!("/?k=1&s=50&n=20&x={mode}")));
        assert_eq!(client.response_head().header("Transfer-Encoding"), Some("chunked"));
        let (body, was_reset) = rest(&mut client);
        assert_eq!((body.len(), was_reset), (20 * b"1\r\nx\r\n".len(), is_reset), "{mode}");
    }
}
