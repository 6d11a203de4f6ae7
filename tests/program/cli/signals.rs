//! The end: signals, and the summary.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::large;
use crate::common::child::{Child, Lines};
use crate::common::program::{Program, on_free_port};
use crate::common::tools::TempFile;
use crate::common::{Client, stalled};

#[test]
fn sigterm_lets_a_response_finish_and_closes_idle_connections() {
    let bytes = large();
    let file = TempFile::with(&bytes);
    let mut program = Program::start(&["--body-file", file.path(), "--drain-timeout", "60s"]);
    let mut busy = stalled::client_of(program.address);
    let mut idle = program.connect();
    idle.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.response_head();

    program.signal("TERM");
    program.stderr.wait_for("waiting at most 60s for 1 of 2 connections");
    idle.expect_end();
    let refused = TcpStream::connect(program.addresses()[0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(busy.rest() == bytes, "the response was cut");

    let ended = program.wait();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.number("connections"), 2);
    assert_eq!(ended.number("requests"), 2);
    assert_eq!(ended.number("closed because"), 2);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn sigint_does_the_same() {
    let program = Program::start(&[]);
    program.connect().ask("/path");
    program.signal("INT");
    let ended = program.wait();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.number("requests"), 1);
}

#[test]
fn the_summary_is_a_table() {
    let program = Program::start(&[]);
    let response = program.connect().ask_last("/path");
    assert_eq!(response.body, b"xixizi");
    let ended = program.end();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[1].starts_with("fourway: ended after "), "{}", ended.stdout);
    let busy = ["busy", "time busy", "time idle", "longest turn"];
    for name in ["bytes received", "ListenOverflows of the kernel"].into_iter().chain(busy) {
        assert!(lines.iter().any(|line| line.trim().starts_with(name)), "{name}: {}", ended.stdout);
    }
    assert_eq!(ended.number("bytes received"), 53);
    assert_eq!(ended.number("bytes sent"), 126);
}

/// A program with a download that its client does not read on.
fn with_stalled_download(arguments: &[&str], file: &TempFile) -> (Program, Client) {
    let program = Program::start(&[arguments, &["--body-file", file.path()]].concat());
    let client = stalled::client_of(program.address);
    (program, client)
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let file = TempFile::with(large());
    let (mut program, mut client) = with_stalled_download(&["--drain-timeout", "1h"], &file);
    program.signal("TERM");
    program.stderr.wait_for("a second signal");
    // For 100 ms they are the first one.
    while program.status().is_none() {
        program.signal("TERM");
        thread::sleep(Duration::from_millis(10));
    }
    let ended = program.wait();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.number("shutdown"), 1);
    let cut = client.stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn two_signals_in_one_moment_do_not_cut_a_response() {
    let bytes = large();
    let file = TempFile::with(&bytes);
    let (mut program, mut client) = with_stalled_download(&["--drain-timeout", "60s"], &file);
    let script = format!("kill -s INT {0}; kill -s TERM {0}", program.pid());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    program.stderr.wait_for("waiting at most 60s for 1 of 1 connections");
    assert!(client.rest() == bytes, "the response was cut");
    drop(client);
    assert_eq!(program.wait().number("closed first by the server"), 1);
}

#[test]
fn sighup_is_ignored_and_logged_without_a_terminal() {
    let mut program = Program::start(&[]);
    let mut client = program.connect();
    client.ask("/path");
    program.signal("HUP");
    program.stderr.wait_for("SIGHUP is ignored");
    assert_eq!(client.ask("/path").body, b"xixizi");
    program.end();
}

#[test]
fn the_drain_timeout_bounds_the_wait() {
    let file = TempFile::with(large());
    let (program, _client) = with_stalled_download(&["--drain-timeout", "50ms"], &file);
    let ended = program.end();
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.number("shutdown"), 1);
}

#[test]
fn a_closed_standard_output_does_not_disturb_the_program() {
    let mut command = on_free_port(&[]);
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Child::unread(piped);
    let mut stdout = BufReader::new(child.process.stdout.take().unwrap());
    let mut greeting = String::new();
    stdout.read_line(&mut greeting).unwrap();
    drop(stdout);
    child.stderr = Lines::of(child.process.stderr.take().unwrap());
    let program = Program::of(child, greeting);
    let ended = program.end();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
}
