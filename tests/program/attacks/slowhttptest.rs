//! `slowhttptest`, a program that others wrote to bring servers down, in each of its modes: with long
//! timeouts, so that all attackers are held at a time, and with short ones.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::common::child::Child;
use crate::common::program::{Ended, Program};
use crate::common::tools::{self, Folder, TempFile};
use crate::common::{Client, big, get, get_and_close, wait_until};

/// Few enough for the usual limit of descriptors.
const CONNECTIONS: u64 = 400;

const HONEST: u64 = 100;

const SHORT: [&str; 8] =
    ["--head-timeout", "2s", "--body-timeout", "2s", "--write-timeout", "250ms", "--linger-timeout", "2s"];

const LONG: [&str; 6] = ["--head-timeout", "1h", "--body-timeout", "1h", "--write-timeout", "1h"];

/// Runs an attack of at most this number of seconds, and returns what the program reports after it. With `held`, the
/// program holds all attackers at a time, and the attack goes on until the honest client has had its hundred answers.
fn attack(mode: &[&str], seconds: u32, options: &[&str], held: bool) -> Option<Ended> {
    let tool = tools::find(&["slowhttptest"])?;
    let folder = Folder::new();
    let body = TempFile::with(big());
    let program = Program::start(&[options, &["--body-file", body.path()]].concat());
    wait_until("it sleeps", || program.is_asleep());
    let before = program.descriptors();

    let output = folder.path("output");
    let count = CONNECTIONS.to_string();
    let mut command = Command::new(tool);
    command.args(mode).args(["-c", &count, "-r", &count, "-i", "1", "-l", &seconds.to_string()]);
    command.args(["-u", &format!("http://{}/", program.address)]);
    command.stdin(Stdio::null()).stdout(File::create(&output).expect("a file"));
    let mut child = Child::with_streams(&mut command);
    if held {
        wait_until("all attackers are there", || program.descriptors() as u64 > CONNECTIONS);
    }
    a_hundred_are_answered(&program);
    if held {
        assert_eq!(child.status(), None, "the attack still goes on");
        assert!(program.descriptors() as u64 > CONNECTIONS, "and none of it was let go");
        drop(child);
    } else {
        child.wait();
        let output = std::fs::read_to_string(&output).expect("what it found");
        let found: Vec<&str> = output.lines().filter(|line| line.contains("service available")).collect();
        assert!(!found.is_empty() && found.iter().all(|line| line.contains("YES")), "{output}");
    }
    wait_until("the descriptors are back", || program.descriptors() == before);
    let summary = program.end();
    assert!(summary.number("connections") >= CONNECTIONS + HONEST / 2, "{summary:?}");
    assert_eq!(summary.number("connections"), summary.number("closed because"));
    assert_eq!(summary.number("evicted"), 0);
    Some(summary)
}

/// Half of them on one connection, half on fresh ones.
fn a_hundred_are_answered(program: &Program) {
    let mut kept = Client::connect(program.address);
    for number in 0..HONEST / 2 {
        kept.send(get("/"));
        let mut fresh = Client::connect(program.address);
        fresh.send(get_and_close("/"));
        for client in [&mut kept, &mut fresh] {
            let response = client.try_response().unwrap_or_else(|error| panic!("{number}: {error}"));
            assert!(response.status == 200 && response.body == big(), "{number}");
        }
    }
    kept.reset();
}

/// A mode in which each attacker never ends its one request.
fn slow_requests(mode: &str) {
    let Some(held) = attack(&[mode], 600, &LONG, true) else { return };
    assert_eq!(held.number("errors"), 0);
    let Some(cut_off) = attack(&[mode], 20, &SHORT, false) else { return };
    assert_eq!(cut_off.number("answered with 408"), CONNECTIONS);
}

#[test]
fn slow_headers_of_slowhttptest_cost_an_honest_client_none_of_a_hundred_answers() {
    slow_requests("-H");
}

#[test]
fn slow_bodies_of_slowhttptest_cost_an_honest_client_none_of_a_hundred_answers() {
    slow_requests("-B");
}

#[test]
fn range_requests_of_slowhttptest_cost_an_honest_client_none_of_a_hundred_answers() {
    for options in [&[][..], &SHORT] {
        let Some(answered) = attack(&["-R"], 5, options, false) else { return };
        assert!(answered.number("requests") >= CONNECTIONS + HONEST, "{answered:?}");
        assert_eq!(answered.number("errors"), 0);
    }
}

#[test]
fn slow_reading_of_slowhttptest_costs_an_honest_client_none_of_a_hundred_answers() {
    // Windows of 1 to 512 bytes, of which 32 are read in a second; five answers on each connection.
    let mode = ["-X", "-w", "1", "-y", "512", "-n", "1", "-z", "32", "-k", "5"];
    let Some(held) = attack(&mode, 600, &LONG, true) else { return };
    assert_eq!(held.number("write timeout"), 0);
    let Some(cut_off) = attack(&mode, 8, &SHORT, false) else { return };
    assert!(cut_off.number("write timeout") > 0, "{cut_off:?}");
    assert_eq!(cut_off.number("errors"), 0);
}
