//! Instructions in user space, counted by callgrind.
//!
//! They vary with the compiler, and not with the machine's speed or load.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::program::Program;
use crate::common::tools::{self, Folder};
use crate::common::{Client, browser};
use crate::lockstep::{self, Ask, CLIENTS, Crowd};

/// The program has letters in URLs, which take 15 of them, and the feature `uds`, which takes about 9: two kinds of
/// sockets, and descriptors that may be held.
const PER_REQUEST: f64 = 2_580.0;
const PER_PIPELINED_REQUEST: f64 = 1_400.0;
const PER_BROWSER_REQUEST: f64 = 6_800.0;
/// The page polls once a second. A loop at full load answers some hundred thousand requests in that time, so a poll that
/// costs as much as a hundred of them is a thousandth of it.
const PER_POLL: f64 = 100.0 * PER_REQUEST;
#[cfg(feature = "internals")]
const PER_DEADLINE: f64 = 40.0;

/// The port is not the program's, so that a request has the same length in every run.
const GET: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n\r\n";

#[test]
fn a_keep_alive_request_takes_few_instructions() {
    expect_per_request(PER_REQUEST, Ask::one(GET));
}

#[test]
fn a_pipelined_request_takes_fewer() {
    expect_per_request(PER_PIPELINED_REQUEST, Ask::pipelined(GET, 16));
}

#[test]
fn a_browsers_request_takes_as_many_as_its_head_is_long() {
    expect_per_request(PER_BROWSER_REQUEST, Ask::one(&browser::request()));
}

#[test]
fn a_poll_of_the_status_page_takes_as_many_as_a_hundred_requests() {
    let Some(valgrind) = tools::find(&["valgrind"]) else { return };
    const FEW: usize = 20;
    const MANY: usize = 220;
    const CONNECTIONS: usize = 500;
    let instructions = |polls| {
        callgrind(&valgrind, |tool| {
            let program = Program::start_under(tool, &["--status-listen", "127.0.0.1:0"]);
            let clients: Vec<_> = (0..CONNECTIONS).map(|_| program.connect()).collect();
            let status = program.addresses().pop().expect("the address of the status server");
            let mut page = Client::connect(status);
            for _ in 0..polls {
                assert_eq!(page.ask("/stats.json").status, 200);
            }
            drop((page, clients));
            lockstep::end(program);
        })
    };
    expect_at_most(PER_POLL, instructions(MANY) - instructions(FEW), MANY - FEW);
}

fn expect_per_request(ceiling: f64, ask: Ask) {
    let Some(valgrind) = tools::find(&["valgrind"]) else { return };
    const FEW: usize = 20;
    const MANY: usize = 120;
    let requests = (MANY - FEW) * CLIENTS * ask.requests;
    let instructions = |rounds| {
        callgrind(&valgrind, |tool| {
            let program = Program::start_under(tool, &[]);
            let mut crowd = Crowd::connect(&program, ask.clone());
            (0..rounds).for_each(|_| crowd.round());
            crowd.leave();
            lockstep::end(program);
        })
    };
    expect_at_most(ceiling, instructions(MANY) - instructions(FEW), requests);
}

fn expect_at_most(ceiling: f64, instructions: u64, count: usize) {
    let each = instructions as f64 / count as f64;
    println!("{each:.1} instructions each, of at most {ceiling}");
    assert!(each <= ceiling, "{each:.1} instructions each, of at most {ceiling}");
}

/// All instructions of the process that is run by this command.
fn callgrind(valgrind: &Path, run: impl FnOnce(Command)) -> u64 {
    let folder = Folder::new();
    let file = folder.path("counts");
    let mut tool = Command::new(valgrind);
    tool.args(["-q", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", file.display()));
    run(tool);
    let counts = fs::read_to_string(&file).expect("what callgrind counted");
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: ")?.parse().ok());
    total.expect("callgrind writes the total")
}

#[cfg(feature = "internals")]
mod deadlines {
    use super::*;
    use fourway::internals::Table;

    /// How many times the helper is to do all of its work.
    const ROUNDS: &str = "FOURWAY_TEST_ROUNDS";

    const CONNECTIONS: usize = 1_000;

    #[test]
    fn a_deadline_cancelled_and_armed_anew_takes_few_instructions() {
        let Some(valgrind) = tools::find(&["valgrind"]) else { return };
        const FEW: usize = 10;
        const MANY: usize = 110;
        let instructions = |rounds: usize| {
            callgrind(&valgrind, |mut tool| {
                let helper = "instructions::deadlines::every_slot_that_leaves_and_joins_again_waits";
                tool.arg(std::env::current_exe().expect("this test")).args(["--exact", helper]);
                let (output, _) = tools::run_to_text(tool.env(ROUNDS, rounds.to_string()));
                assert!(output.contains("1 passed"), "the helper was run: {output}");
            })
        };
        let count = (MANY - FEW) * CONNECTIONS;
        expect_at_most(PER_DEADLINE, instructions(MANY) - instructions(FEW), count);
    }

    /// Among many that wait, each in turn leaves its neighbours for the list's end. (The test above runs
    /// this one under callgrind.)
    #[test]
    fn every_slot_that_leaves_and_joins_again_waits() {
        const STRIDE: usize = 7;
        let rounds = std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().expect("a number"));
        let mut table = Table::new(CONNECTIONS);
        let slots: Vec<_> = (0..CONNECTIONS).map(|_| table.insert()).collect();
        slots.iter().for_each(|&slot| table.arm(slot, 0));
        // A slot that leaves in one of these orders finds the list in the other, and is never at its ends.
        let order: Vec<_> = (0..CONNECTIONS).map(|at| slots[at * STRIDE % CONNECTIONS]).collect();
        for round in 0..rounds {
            for &slot in if round % 2 == 0 { &order } else { &slots } {
                table.rearm(slot, round);
            }
        }
        assert_eq!(table.waiting(), CONNECTIONS);
    }
}
