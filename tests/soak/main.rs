//! A soak: connections by the ten thousand, or by the million, of clients that behave in every way there
//! is, against the program; and then there is nothing left of them.
//!
//! `SOAK_CONNECTIONS` says how many, `SOAK_SEED` repeats a soak.

#![cfg(all(target_os = "linux", feature = "cli"))]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod crowd;
mod mix;

use std::net::TcpStream;
use std::time::Instant;

use common::kernel::{State, ends_at};
use common::program::{Ended, Program};
use common::tools::{self, TempFile};
use common::{Client, get, say, wait_until};
use crowd::Crowd;

/// Connections, which is enough to keep both sides busy for some seconds.
const CONNECTIONS: u64 = 20_000;

/// As many at a time, those that only wait for a deadline included.
const AT_A_TIME: usize = 256;

/// The connections of the program, and its buffers of most kinds.
const SLOTS: usize = 1024;

/// The bytes of a head buffer, and the most that the server reads at a time of what follows a body.
const HEAD_BUFFER: usize = 20 * 1024;

/// The memory that it may have more in the end. An exchange that is used for the first time takes a hundred
/// times 4 KiB, and of 20,000 connections one that leaks 64 bytes each takes as much as this.
const MARGIN: u64 = 1 << 20;

/// What every response has for a body.
fn body() -> Vec<u8> {
    (0..4096).map(|at| b' ' + (at * 7 % 95) as u8).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// So many clients at once send the first part, and when all of that has been read the rest: all are
/// answered. If that takes all slots or all buffers, one that is still lent costs one of them its answer.
fn in_two_parts(program: &Program, count: usize, first: &[u8], rest: &[u8]) {
    let connect = |_| Client::over_small(TcpStream::connect(program.address).expect("a connection"));
    let mut clients: Vec<Client> = (0..count).map(connect).collect();
    clients.iter_mut().for_each(|client| client.send(first));
    let all_are_read = || {
        // The kernel's table comes last: if many connections are in TIME_WAIT, a look at it takes longer than a head may.
        let is_read = |end: &&(State, u64)| **end == (State::Established, 0);
        program.descriptors() > count
            && program.is_asleep()
            && ends_at(program.address).iter().filter(is_read).count() == count
    };
    wait_until("the first part of all is read", all_are_read);
    clients.iter_mut().for_each(|client| client.send(rest));
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().status, 200, "client {number} of {count}");
    }
    clients.into_iter().for_each(Client::reset);
}

fn all_slots_and_exchanges_are_there(program: &Program) {
    let request = get("/");
    let (first, rest) = request.as_bytes().split_at(20);
    in_two_parts(program, SLOTS, first, rest);
}

/// As many clients as there are exchanges, with the largest bodies there will be, all at once. Each fills the head buffer and
/// the out buffer of its exchange, because the server reads into both what it throws away. So the memory that the crowd can
/// come to use is in use from then on.
fn warm_up(program: &Program) {
    let upload = mix::upload(mix::LARGEST + HEAD_BUFFER);
    let (first, rest) = upload.split_at(upload.len() - 1);
    in_two_parts(program, SLOTS, first, rest);
}

/// What the program has counted is what its clients have done, beside `others` that had one answer each.
fn the_books_agree(summary: &Ended, crowd: &Crowd, others: u64) {
    let number = |name: &str| summary.number(name);
    assert_eq!(number("connections"), crowd.started + others);
    assert_eq!(number("closed because"), crowd.started + others, "none is left open");
    let refused = |status| crowd.count(|script| script.status == status);
    for status in [400, 408, 413, 431] {
        assert_eq!(number(&format!("answered with {status}")), refused(status), "{status}");
    }
    let errors = [400, 408, 413, 431].map(refused).iter().sum::<u64>();
    assert_eq!(number("errors"), errors, "and no other");
    let named = |names: &[&str]| crowd.count(|script| names.contains(&script.name));
    // Each one shot is lingered over, because its answer is not small, until its client resets the connection.
    assert_eq!(number("answered, then closed"), 0);
    assert_eq!(number("closed by the client during a request"), named(&["closed in the head"]));
    assert_eq!(number("closed by the client"), named(&["half-closed", "kept alive, then closed"]));
    assert_eq!(number("idle timeout"), named(&["silent"]));
    assert_eq!(number("write timeout"), named(&["never read"]));
    for reason in ["evicted", "linger timeout", "linger limit", "poller refused it", "shutdown"] {
        assert_eq!(number(reason), 0, "{reason}");
    }
    let answers = crowd.answers + others;
    assert!(number("requests") >= answers, "{answers} answers have come");
}

#[test]
fn after_a_soak_nothing_is_left_of_it() {
    let (count, seed) = (setting("SOAK_CONNECTIONS", CONNECTIONS), setting("SOAK_SEED", 0x50AC));
    if tools::descriptors(SLOTS) < SLOTS {
        return; // It has said so.
    }
    let file = TempFile::with(body());
    let times = ["--head-timeout", "4s", "--idle-timeout", "4s", "--write-timeout", "2s"];
    let size = ["--max-connections", &SLOTS.to_string(), "--body-limit", "1mi"];
    let page = ["--body-file", file.path()];
    let program = Program::start(&[&times[..], &size, &page].concat());
    wait_until("it sleeps", || program.is_asleep());
    let empty = program.descriptors();
    let has_nothing_left = || wait_until("the descriptors are back", || program.descriptors() == empty);
    eprintln!("SOAK_SEED={seed} repeats this");
    let mut crowd = Crowd::new(program.address, seed, AT_A_TIME);
    all_slots_and_exchanges_are_there(&program);
    warm_up(&program);
    crowd.behave(count / 5);
    has_nothing_left();
    let before = program.memory("Anonymous");

    let start = Instant::now();
    crowd.behave(count);
    let took = start.elapsed().as_secs_f64();
    has_nothing_left();
    let after = program.memory("Anonymous");
    all_slots_and_exchanges_are_there(&program);
    has_nothing_left();
    let summary = program.end();
    let per_second = count as f64 / took;
    say(&format!(
        "{count} connections in {took:.1} s, {per_second:.0} a second; own memory {before}, then {after}"
    ));
    say(&summary.stdout);
    assert!(after <= before + MARGIN, "{} bytes more", after - before);
    the_books_agree(&summary, &crowd, (3 * SLOTS) as u64);
}
