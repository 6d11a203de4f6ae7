//! The same for every response, by options.

use std::time::{Duration, Instant};

use super::{USUAL, rest};
use crate::common::get_and_close;
use crate::common::program::Program;

#[test]
fn options_steer_every_response() {
    let program = Program::start(&["--size", "3k", "--status", "503", "--delay", "50"]);
    let mut client = program.connect();
    for target in ["/", "/path?q=a"] {
        let start = Instant::now();
        let response = client.ask(target);
        assert_eq!((response.status, response.body.len()), (503, 3 << 10), "{target}");
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
    let response = client.ask("/?r=200&t=0");
    assert_eq!((response.status, response.body.len()), (200, 3 << 10), "a letter comes before an option");
}

#[test]
fn pieces_and_gaps_are_options_too() {
    let program = Program::start(&["--size", "50", "--piece", "10", "--gap", "5"]);
    assert_eq!(program.connect().ask("/").body.len(), 50);
    assert_eq!(program.end().number("delays and gaps"), 4);
}

#[test]
fn a_fault_is_drawn_for_each_response() {
    let program = Program::start(&["--fault", "rst@0:50", "--size", "100"]);
    let mut faults = 0;
    // A fair draw gives fewer than 20 or more than 80 of 100 once in a billion times.
    for _ in 0..100 {
        let mut client = program.connect();
        client.send(get_and_close("/"));
        let head = client.response_head();
        assert_eq!(head.header("Content-Length"), Some("100"));
        let (body, was_reset) = rest(&mut client);
        assert_eq!(body.len(), if was_reset { 0 } else { 100 });
        faults += u32::from(was_reset);
    }
    assert!((20..=80).contains(&faults), "{faults}");
}

#[test]
fn steer_off_makes_every_url_an_ordinary_one() {
    let program = Program::start(&["--steer", "off"]);
    let mut client = program.connect();
    for target in ["/?s=20k", "/?", "/?h", "/?d=1"] {
        assert_eq!(client.ask(target).body, USUAL, "{target}");
    }
    let program = Program::start(&["--steer", "off", "--size", "9"]);
    assert_eq!(program.connect().ask("/?s=20").body.len(), 9, "options steer nevertheless");
}

#[test]
fn a_connection_that_is_not_kept_alive_is_steered_as_well() {
    let program = Program::start(&["--keep-alive", "off"]);
    let mut client = program.connect();
    let response = client.ask("/?s=9");
    assert_eq!((response.header("Connection"), response.body.len()), (Some("close"), 9));
    client.expect_end();
}
