//! Who closes first, and how.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;

use crate::program::start;

#[test]
fn with_fin_the_server_closes_first() {
    let program = start(&["--close", "fin"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("closed first by the server"), 1);
    assert_eq!(ended.number("closed first by the client"), 0);
}

#[test]
fn with_peer_the_client_closes_first() {
    let program = start(&["--close", "peer", "-vv"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("closed first by the client"), 1);
    assert_eq!(ended.number("closed first by the server"), 0);
}

#[test]
fn with_peer_a_client_that_does_not_close_is_closed() {
    let program = start(&["--close", "peer", "--linger-timeout", "50ms"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.rest(), b"");
    assert_eq!(program.stop().number("closed first by the server"), 1);
}

#[test]
fn with_rst_a_small_response_arrives_before_the_reset() {
    let program = start(&["--close", "rst"]);
    let mut client = program.connect();
    assert_eq!(client.get_last().body, b"xixizi");
    assert_eq!(client.stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(program.stop().number("answered, then closed"), 1);
}

#[test]
fn with_drop_nothing_is_sent() {
    let program = start(&["--close", "drop"]);
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.rest(), b"");
    let ended = program.stop();
    assert_eq!(ended.number("dropped without an answer"), 1);
    assert_eq!(ended.number("requests"), 1);
    assert_eq!(ended.number("bytes sent"), 0);
}
