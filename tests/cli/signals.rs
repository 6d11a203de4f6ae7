//! The end: signals, and the summary.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::program::{Client, Lines, Program, Scratch, command, large, start};

#[test]
fn sigterm_lets_a_response_finish_and_closes_idle_connections() {
    let bytes = large();
    let file = Scratch::with("drain", &bytes);
    let mut program = start(&["--body-file", file.path(), "--drain-timeout", "60s"]);
    let mut busy = program.connect();
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    busy.response_head();
    let mut idle = program.connect();
    idle.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.response_head();

    program.signal("TERM");
    program.stderr.wait_for("waiting at most 60s for 1 of 2 connections");
    assert_eq!(idle.rest(), b"");
    let refused = TcpStream::connect(program.addresses()[0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(busy.rest() == bytes, "the response was cut");

    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.number("connections"), 2);
    assert_eq!(ended.number("requests"), 2);
    assert_eq!(ended.number("closed because"), 2);
    assert_eq!(ended.number("errors"), 0);
}

#[test]
fn sigint_does_the_same() {
    let program = start(&[]);
    program.connect().get();
    program.signal("INT");
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("requests"), 1);
}

#[test]
fn the_summary_is_a_table() {
    let program = start(&[]);
    let response = program.connect().get_last();
    assert_eq!(response.body, b"xixizi");
    let ended = program.stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[1].starts_with("fourway: ended after "), "{}", ended.stdout);
    let busy = ["busy", "time busy", "time idle", "longest turn"];
    for name in ["bytes received", "ListenOverflows of the kernel"].into_iter().chain(busy) {
        assert!(lines.iter().any(|line| line.trim().starts_with(name)), "{name}: {}", ended.stdout);
    }
    assert_eq!(ended.number("bytes received"), 50);
    assert_eq!(ended.number("bytes sent"), 126);
}

/// A program with a download that its client does not read on.
fn with_stalled_download(arguments: &[&str], file: &Scratch) -> (Program, Client) {
    let program = start(&[arguments, &["--body-file", file.path()]].concat());
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.response_head();
    (program, client)
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let file = Scratch::with("second", &large());
    let (mut program, mut client) = with_stalled_download(&["--drain-timeout", "1h"], &file);
    program.signal("TERM");
    program.stderr.wait_for("a second signal");
    // For 100 ms they are the first one.
    while program.child.try_wait().unwrap().is_none() {
        program.signal("TERM");
        thread::sleep(Duration::from_millis(10));
    }
    let ended = program.end();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("shutdown"), 1);
    let cut = client.stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn two_signals_in_one_moment_do_not_cut_a_response() {
    let bytes = large();
    let file = Scratch::with("moment", &bytes);
    let (mut program, mut client) = with_stalled_download(&["--drain-timeout", "60s"], &file);
    let script = format!("kill -s INT {0}; kill -s TERM {0}", program.child.id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    program.stderr.wait_for("waiting at most 60s for 1 of 1 connections");
    assert!(client.rest() == bytes, "the response was cut");
    drop(client);
    assert_eq!(program.end().number("closed first by the server"), 1);
}

#[test]
fn signals_for_daemons_do_not_end_it_and_are_logged() {
    for signal in ["HUP", "USR1", "USR2"] {
        let mut program = start(&[]);
        let mut client = program.connect();
        client.get();
        program.signal(signal);
        program.stderr.wait_for(&format!("SIG{signal} is ignored"));
        assert_eq!(client.get().body, b"xixizi");
        assert_eq!(program.stop().code, Some(0));
    }
}

#[test]
fn the_drain_timeout_bounds_the_wait() {
    let file = Scratch::with("bound", &large());
    let (program, _client) = with_stalled_download(&["--drain-timeout", "50ms"], &file);
    let ended = program.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.number("shutdown"), 1);
}

#[test]
fn nobody_has_to_read_what_it_prints() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut greeting = String::new();
    stdout.read_line(&mut greeting).unwrap();
    drop(stdout);
    let stderr = Lines::of(child.stderr.take().unwrap());
    let program = Program { child, stdout: Lines::of(io::empty()), stderr, greeting };
    let ended = program.stop();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
