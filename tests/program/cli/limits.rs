//! The limits of the system, and what the program reports about them.

use std::fs;

use crate::common::program::{Program, command_after, run};

#[test]
fn a_low_file_limit_is_reported_and_kept() {
    let arguments = ["--listen", "127.0.0.1:0"];
    let program = Program::start_as(command_after("ulimit -n 100", &arguments));
    assert!(program.greeting.contains("; up to 36 connections (file limit 100, 64 reserved); at most "));
    let mut clients = Vec::new();
    for _ in 0..60 {
        // The longest idle makes room, so each is served at once.
        let mut client = program.connect();
        assert_eq!(client.ask("/path").body, b"xixizi");
        clients.push(client);
    }
    let ended = program.end();
    assert_eq!(ended.number("connections"), 60);
    assert_eq!(ended.number("evicted"), 24);
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_soft_file_limit_is_raised_to_the_hard_one() {
    let arguments = ["--listen", "127.0.0.1:0"];
    let program = Program::start_as(command_after("ulimit -n 200; ulimit -Sn 100", &arguments));
    assert!(program.greeting.contains("up to 136 connections (file limit 200, 64 reserved); "));
}

#[test]
fn the_number_of_connections_is_cut_to_the_file_limit() {
    let arguments = ["--listen", "127.0.0.1:0", "--max-connections", "1k"];
    let program = Program::start_as(command_after("ulimit -n 100", &arguments));
    assert!(program.greeting.contains("up to 36 connections"), "{}", program.greeting);
    let log = program.end().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("--max-connections is 1000, ") && log.contains("allows 36 connections"), "{log}");
}

#[test]
fn a_file_limit_without_room_is_one_line_and_1() {
    let ended = run(command_after("ulimit -n 50", &["--listen", "127.0.0.1:0"]));
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("ulimit -n"), "{}", ended.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_backlog_that_the_system_cuts_is_a_warning() {
    let most: u32 = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    assert_eq!(Program::start(&["--backlog", &most.to_string()]).end().stderr, "");
    let log = Program::start(&["--backlog", &(most + 1).to_string()]).end().stderr;
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(&format!("net.core.somaxconn limits it to {most}")), "{log}");
}

/// Checks the last request that an option allows, and the first that it refuses.
fn check_limit(option: &str, value: usize, status: u16, request: impl Fn(usize) -> String) {
    let program = Program::start(&[option, &value.to_string()]);
    let answer = |size| {
        let mut client = program.connect();
        client.send(request(size));
        client.response().status
    };
    assert_eq!((answer(value), answer(value + 1)), (200, status), "{option}");
    let usual = Program::start(&[]);
    let mut client = usual.connect();
    client.send(request(value + 1));
    assert_eq!(client.response().status, 200, "without {option}");
}

#[test]
fn the_limits_of_a_request_are_those_of_the_options() {
    let head = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(bytes - 32));
    check_limit("--head-limit", 1000, 431, head);
    let headers = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: x\r\n".repeat(count - 1));
    check_limit("--header-limit", 2, 431, headers);
    let target = |bytes: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(bytes - 1));
    check_limit("--target-limit", 8, 414, target);
    let body = |bytes: usize| {
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
    };
    check_limit("--body-limit", 2, 413, body);
    check_limit("--body-limit", 0, 413, body);
    let chunks = |bytes: usize| {
        let chunks = "1\r\nx\r\n".repeat(bytes);
        format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    check_limit("--body-limit", 2, 413, chunks);
    check_limit("--body-limit", 0, 413, chunks);
    // A request whose URL steers the response has the same limit.
    let steered = |bytes: usize| {
        format!("PUT /?s=1 HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n{}", "x".repeat(bytes))
    };
    check_limit("--body-limit", 5, 413, steered);
}
