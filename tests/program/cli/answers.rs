//! What clients get.

use std::net::{SocketAddr, TcpListener};

use super::large;
use crate::common::program::{Program, command};
use crate::common::tools::{self, TempFile};
use crate::common::{Client, stalled};

#[test]
fn by_default_each_request_is_answered_with_xixizi() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    for _ in 0..3 {
        let response = client.ask("/path");
        assert_eq!(response.status_line(), "HTTP/1.1 200 OK");
        assert_eq!(response.header("Content-Type"), Some("text/plain"));
        assert_eq!(response.body, b"xixizi");
    }
    client.send("POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(client.response().body, b"xixizi");
}

#[test]
fn trace_is_not_allowed_and_every_other_method_is() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send("TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status_line(), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(response.body, b"");
    let allowed = response.header("Allow").unwrap().to_owned();
    assert!(!allowed.contains("TRACE"), "{allowed}");
    for method in allowed.split(", ").filter(|&method| method != "HEAD").chain(["PROPFIND", "trace"]) {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = client.response();
        assert_eq!(response.status_line(), "HTTP/1.1 200 OK", "{method}");
        assert_eq!(response.body, b"xixizi", "{method}");
    }
}

#[test]
fn it_listens_on_ipv4_and_ipv6_at_once() {
    if TcpListener::bind("[::1]:0").is_err() {
        return tools::skipped("this machine has no IPv6");
    }
    let arguments = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0,127.0.0.1:0"];
    let program = Program::start_as(command(&arguments));
    let addresses = program.addresses();
    assert_eq!(addresses.iter().map(SocketAddr::is_ipv6).collect::<Vec<_>>(), [false, true, false]);
    for address in addresses {
        assert_ne!(address.port(), 0);
        assert_eq!(Client::connect(address).ask("/path").body, b"xixizi");
    }
}

#[test]
fn localhost_is_an_address() {
    let program = Program::start_as(command(&["--listen", "localhost:0"]));
    for address in program.addresses() {
        assert!(address.ip().is_loopback());
        assert_eq!(Client::connect(address).ask("/path").body, b"xixizi");
    }
}

#[test]
fn processes_can_share_a_port() {
    let first = Program::start(&["--reuse-port"]);
    let address = first.addresses()[0].to_string();
    let second = Program::start_as(command(&["--reuse-port", "--listen", &address]));
    assert_eq!(second.connect().ask("/path").body, b"xixizi");
}

#[test]
fn body_and_content_type_are_those_of_the_options() {
    let program = Program::start(&["--body", "<p>hällo", "--content-type", "text/html; charset=utf-8"]);
    let response = program.connect().ask("/path");
    assert_eq!(response.body, "<p>hällo".as_bytes());
    assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
}

#[test]
fn an_empty_body_is_a_body() {
    assert_eq!(Program::start(&["--body", ""]).connect().ask("/path").body, b"");
}

#[test]
fn a_large_file_arrives_whole_on_several_connections_at_once() {
    let bytes = large();
    let file = TempFile::with(&bytes);
    let program = Program::start(&["--body-file", file.path()]);
    let mut clients: Vec<_> = (0..4).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        let response = client.response();
        assert_eq!(response.header("Content-Type"), Some("application/octet-stream"));
        assert!(response.body == bytes, "a body differs");
    }
    drop(clients);
    let ended = program.end();
    assert_eq!(ended.number("requests"), 4);
    assert!(ended.number("bytes sent") > 80_000_000);
}

#[test]
#[cfg(target_os = "linux")]
fn a_large_file_is_held_once_however_many_download_it() {
    let bytes = large();
    let file = TempFile::with(&bytes);
    let program = Program::start(&["--body-file", file.path()]);
    let _clients: Vec<_> = (0..20).map(|_| stalled::client_of(program.address)).collect();
    let most = program.most_resident();
    assert!(most < 2 * bytes.len() as u64, "{most}");
}

#[test]
fn without_keep_alive_the_first_response_is_the_last() {
    let program = Program::start(&["--keep-alive", "off"]);
    let mut client = program.connect();
    assert_eq!(client.ask("/path").header("Connection"), Some("close"));
    client.expect_end();
}

#[test]
fn an_idle_connection_ends_after_its_timeout() {
    let program = Program::start(&["--idle-timeout", "50ms"]);
    program.connect().expect_end();
    let ended = program.end();
    assert_eq!(ended.number("idle timeout"), 1);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn a_slow_head_ends_after_its_timeout() {
    let program = Program::start(&["--head-timeout", "50ms"]);
    let mut slow = program.connect();
    slow.send("GET / HT");
    assert_eq!(slow.response().status_line(), "HTTP/1.1 408 Request Timeout");
    slow.expect_end();
    drop(slow);
    let ended = program.end();
    assert_eq!(ended.number("answered with 408"), 1);
    assert_eq!(ended.number("errors"), 1);
}
