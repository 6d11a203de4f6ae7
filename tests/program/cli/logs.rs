//! What `-v` shows.

#[cfg(target_os = "linux")]
use crate::common::kernel::{State, ends_at};
use crate::common::program::{Program, command};
#[cfg(target_os = "linux")]
use crate::common::wait_until;

#[test]
fn without_v_nothing_is_logged() {
    let program = Program::start(&[]);
    program.connect().ask("/path");
    assert_eq!(program.end().stderr, "");
}

#[test]
fn v_logs_one_line_for_each_request() {
    let program = Program::start(&["-v"]);
    let mut client = program.connect();
    let peer = client.stream.get_ref().local_addr().unwrap();
    client.ask("/path");
    client.send("POST /two?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    client.response();
    drop(client);
    let log = program.end().stderr;
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains(&format!(" {peer} GET /path HTTP/1.1 200 107 bytes")), "{log}");
    assert!(lines[1].contains(&format!(" {peer} POST /two?x=1 HTTP/1.1 200 107 bytes")), "{log}");
}

#[test]
fn vv_logs_each_change_of_state_with_its_reason() {
    let program = Program::start(&["-vv"]);
    program.connect().ask("/path");
    let log = program.end().stderr;
    assert!(log.contains("slot 0: Sending -> Idle (all sent)"), "{log}");
    assert!(log.contains("Idle -> gone ("), "{log}");
    assert!(log.contains("GET /path"), "{log}");
    assert!(!log.contains("slot 0: readable"), "{log}");
}

#[test]
fn vvv_logs_each_event() {
    let program = Program::start(&["-vvv"]);
    let mut client = program.connect();
    // The first request may arrive before the server reads for the first time, without an event.
    client.ask("/path");
    client.ask("/path");
    let log = program.end().stderr;
    assert!(log.contains("slot 0: readable"), "{log}");
}

#[test]
fn rust_log_wins_over_v() {
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    command.env("RUST_LOG", "fourway::state=trace");
    let program = Program::start_as(command);
    program.connect().ask("/path");
    let log = program.end().stderr;
    assert!(log.contains("slot 0") && !log.contains("GET /path"), "{log}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_target_call_logs_each_system_call_of_a_connection_with_its_result() {
    let mut command = command(&["--listen", "127.0.0.1:0"]);
    command.env("RUST_LOG", "fourway::call=trace");
    let program = Program::start_as(command);
    // The request is there before the program accepts, so the first read finds it.
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
    let mut client = program.connect();
    client.send("GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    wait_until("the request has arrived", || ends_at(program.address).contains(&(State::Established, 50)));
    program.signal("CONT");
    client.response();
    drop(client);
    let log = program.end().stderr;
    let calls: Vec<_> =
        log.lines().filter_map(|line| line.split_once("slot 0: ")).map(|(_, call)| call).collect();
    assert!(matches!(calls.as_slice(), ["recv Ok(50)", "send Ok(126)", "shutdown Ok(())"]), "{calls:?}");
}
