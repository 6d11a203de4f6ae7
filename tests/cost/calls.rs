//! System calls, counted by strace.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::program::Program;
use crate::common::tools::{self, Folder};
use crate::common::{get, get_and_close, wait_until};
use crate::lockstep::{self, Ask, CLIENTS, Crowd, one_shot_round};

const PER_CONNECTION: f64 = 5.05;
const PER_REQUEST: f64 = 2.04;

/// How many rounds one run has more than the other.
const ROUNDS: usize = 20;

type Calls = BTreeMap<String, usize>;

#[test]
fn a_connection_costs_accept_read_write_shutdown_and_close_and_is_never_registered() {
    let Some(strace) = tools::find(&["strace"]) else { return };
    let calls = difference(|rounds| {
        let ask = Ask::one(&get_and_close("/"));
        calls_of(&strace, |program| (0..rounds).for_each(|_| one_shot_round(program, &ask)))
    });
    let connections = CLIENTS * ROUNDS;
    let accepts = connections + ROUNDS;
    let expected = [
        ("accept4", accepts),
        ("close", connections),
        ("recvfrom", connections),
        ("sendto", connections),
        ("shutdown", connections),
    ];
    assert_eq!(without_waiting(&calls), expected, "the last accept of a round finds nobody");
    expect_at_most(PER_CONNECTION, &calls, connections);
}

#[test]
fn a_keep_alive_request_costs_a_read_and_a_write() {
    let Some(strace) = tools::find(&["strace"]) else { return };
    let calls = difference(|rounds| {
        calls_of(&strace, |program| {
            let mut crowd = Crowd::connect(program, Ask::one(&get("/")));
            (0..rounds).for_each(|_| crowd.round());
            crowd.leave();
        })
    });
    let requests = CLIENTS * ROUNDS;
    assert_eq!(without_waiting(&calls), [("recvfrom", requests), ("sendto", requests)]);
    expect_at_most(PER_REQUEST, &calls, requests);
}

fn expect_at_most(ceiling: f64, calls: &Calls, count: usize) {
    let each = calls.values().sum::<usize>() as f64 / count as f64;
    println!("{each:.3} system calls each, of at most {ceiling}: {calls:?}");
    assert!(each <= ceiling, "{each:.3} system calls each, of at most {ceiling}: {calls:?}");
}

/// All but the poller's, which many clients share.
fn without_waiting(calls: &Calls) -> Vec<(&str, usize)> {
    let others = calls.iter().filter(|(name, _)| !matches!(name.as_str(), "epoll_wait" | "epoll_pwait"));
    others.map(|(name, &count)| (name.as_str(), count)).collect()
}

/// What [`ROUNDS`] rounds cost: start and end of the program are in both runs.
fn difference(calls_of: impl Fn(usize) -> Calls) -> Calls {
    const FEW: usize = 2;
    let (few, mut many) = (calls_of(FEW), calls_of(FEW + ROUNDS));
    for (name, count) in few {
        let more = many.remove(&name).unwrap_or(0).checked_sub(count);
        match more.unwrap_or_else(|| panic!("more rounds cost fewer calls of {name}")) {
            0 => {}
            more => drop(many.insert(name, more)),
        }
    }
    many
}

/// The calls of a program from its start to its end, by name.
fn calls_of(strace: &Path, clients: impl FnOnce(&Program)) -> Calls {
    let folder = Folder::new();
    let file = folder.path("calls");
    let mut tracer = Command::new(strace);
    // With -D the tracer is the grandchild, and the child the program.
    tracer.args(["-D", "-o"]).arg(&file);
    let program = Program::start_under(tracer, &[]);
    clients(&program);
    lockstep::end(program);
    let mut log = String::new();
    wait_until("strace has written all", || {
        log = fs::read_to_string(&file).expect("what strace saw");
        log.ends_with("+++ exited with 0 +++\n")
    });
    let mut calls = Calls::new();
    for line in log.lines().filter(|line| is_of_a_round(line)) {
        if let Some((name, _)) = line.split_once('(').filter(|_| !line.starts_with("---")) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// Whether a call is one that the clients cause, whatever time they take.
fn is_of_a_round(line: &str) -> bool {
    // Being stopped interrupts the call in which the program sleeps.
    let is_interruption = line.contains("= -1 EINTR");
    // Once a second it reads from the kernel how busy it was.
    let is_the_meters = line.starts_with("pread64(");
    // Before it closes a descriptor, the standard library of a debug build looks whether it is open.
    let is_a_check = cfg!(debug_assertions) && line.starts_with("fcntl(");
    !is_interruption && !is_the_meters && !is_a_check
}
