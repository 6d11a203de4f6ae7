//! The seven steps of `examples/steps/`: the failure that each claims, measured, and the next step, which does not have it.
//!
//! That something never happens is shown by what happens after it: others are served, and this client still has nothing.

mod blocking;
mod polling;
mod limits;

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::path::Path;

use crate::common::Client;
use crate::examples::Example;

/// A failure, as a step has it and as the next one has it.
struct Row {
    step: u8,
    failure: &'static str,
    measured: String,
    mended: String,
}

fn start(step: u8) -> (Example, SocketAddr) {
    let mut example = Example::on_any_port(&format!("step{step}"));
    let address = example.http();
    (example, address)
}

/// A client that has had one response, so that the server knows it.
fn known(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    expect_xixizi(&mut client);
    client
}

/// Asks, and expects the right response.
fn expect_xixizi(client: &mut Client) {
    assert_eq!(client.ask("/").body, b"xixizi\n");
}

/// A request of this many bytes.
fn request_of(bytes: usize) -> String {
    let (start, end) = ("GET / HTTP/1.1\r\nHost: test\r\nLong: ", "\r\n\r\n");
    format!("{start}{}{end}", "0".repeat(bytes - start.len() - end.len()))
}

/// Whether the client has received anything that it has not read.
fn has_something(client: &Client) -> bool {
    let socket = client.socket();
    socket.set_nonblocking(true).expect("non-blocking");
    let peeked = socket.peek(&mut [0]);
    socket.set_nonblocking(false).expect("blocking again");
    match peeked {
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        result => result.is_ok(),
    }
}

/// Reads to the end. Returns what there was, and how it ended.
fn read_to_end(client: &mut Client) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let end = client.stream.read_to_end(&mut bytes);
    (bytes, end.map(|_| ()))
}

#[test]
fn steps_and_their_failures() {
    let rows = [
        blocking::long_request(),
        blocking::second_client(),
        blocking::idle_server(),
        polling::lost_edge(),
        polling::short_write(),
        limits::slow_loris(),
        limits::greedy_client(),
        limits::body(),
    ];
    println!("| step | failure | measured | the next step |\n| --- | --- | --- | --- |");
    for Row { step, failure, measured, mended } in &rows {
        println!("| {step} | {failure} | {measured} | {mended} |");
    }
    let steps: Vec<u8> = rows.iter().map(|row| row.step).collect();
    assert!((1..7).all(|step| steps.contains(&step)), "each step but the last fails: {steps:?}");
}

#[test]
fn each_step_says_what_to_try_and_what_will_be_seen() {
    for step in 1..=7 {
        let (mut example, address) = start(step);
        let mut line = example.next_line();
        assert!(line.starts_with("try:  "), "step {step}: {line}");
        let mut tries = String::new();
        while !line.starts_with("You will see ") {
            tries += &line;
            line = example.next_line();
        }
        assert!(tries.contains("curl ") && tries.contains(&address.to_string()), "step {step}: {tries}");
    }
}

#[test]
fn each_step_begins_with_what_is_new_and_what_still_fails() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/steps");
    let text = |name: &str| fs::read_to_string(folder.join(name)).expect("a text");
    let readme = text("README.md");
    for step in 1..=7 {
        let source = text(&format!("step{step}.rs"));
        let command = format!("`cargo run --example step{step}");
        assert!(
            source.starts_with(&format!("//! Step {step}: ")) && source.contains(&command),
            "step {step}"
        );
        assert!(step == 1 || source.contains("//! **What is new:** "), "step {step}");
        assert!(step == 7 || source.contains("//! **What still fails:** "), "step {step}");
        assert!(readme.contains(&format!("\n| {command}` |")), "step {step} is in the list");
    }
}
