//! Who closes first, and how.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;

use crate::common::program::Program;

#[test]
fn with_fin_the_server_closes_first() {
    let program = Program::start(&["--close", "fin"]);
    let mut client = program.connect();
    assert_eq!(client.ask_last("/path").body, b"xixizi");
    client.expect_end();
    let ended = program.end();
    assert_eq!(ended.number("closed first by the server"), 1);
    assert_eq!(ended.number("closed first by the client"), 0);
}

#[test]
fn with_peer_the_client_closes_first() {
    let program = Program::start(&["--close", "peer", "-vv"]);
    let mut client = program.connect();
    assert_eq!(client.ask_last("/path").body, b"xixizi");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    client.expect_end();
    let ended = program.end();
    assert_eq!(ended.number("closed first by the client"), 1);
    assert_eq!(ended.number("closed first by the server"), 0);
}

#[test]
fn with_peer_a_client_that_does_not_close_is_closed() {
    let program = Program::start(&["--close", "peer", "--linger-timeout", "50ms"]);
    let mut client = program.connect();
    assert_eq!(client.ask_last("/path").body, b"xixizi");
    client.expect_end();
    assert_eq!(program.end().number("closed first by the server"), 1);
}

#[test]
fn with_rst_a_small_response_arrives_before_the_reset() {
    let program = Program::start(&["--close", "rst"]);
    let mut client = program.connect();
    assert_eq!(client.ask_last("/path").body, b"xixizi");
    assert_eq!(client.stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(program.end().number("answered, then closed"), 1);
}

#[test]
fn with_drop_nothing_is_sent() {
    let program = Program::start(&["--close", "drop"]);
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.expect_end();
    let ended = program.end();
    assert_eq!(ended.number("dropped without a response"), 1);
    assert_eq!(ended.number("requests"), 1);
    assert_eq!(ended.number("bytes sent"), 0);
}
