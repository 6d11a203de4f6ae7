//! SIGTERM in the middle of a load.
//!
//! The summary of the program is compared with what its clients received. The program has answered every request of which
//! it read a byte. All that it sent has arrived. A client without an answer has not received a single byte.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;

use super::load::{Load, Told};
use super::{BODY, expect_answer};
use crate::common::kernel::{State, ends_at};
use crate::common::program::{Ended, Program};
use crate::common::tools::TempFile;
use crate::common::{Client, big, wait_until};

/// After how many answers the signal comes: each time another moment of the load.
const MOMENTS: [usize; 12] = [0, 1, 2, 3, 5, 8, 13, 50, 101, 199, 307, 503];

/// Ends the program while it serves all kinds of clients.
fn end_under_load(program: Program, page: &[u8], upload_bytes: usize, moment: usize) -> (Ended, Told) {
    let load = Load { upload_bytes, ..Load::new(program.address, page) };
    thread::scope(|scope| {
        let clients = scope.spawn(|| load.run_until_refused());
        wait_until("the load is on", || load.answered.load(Ordering::Relaxed) >= moment);
        let ended = program.end();
        (ended, clients.join().expect("the clients"))
    })
}

fn expect_nothing_lost(ended: &Ended, told: &Told) {
    let number = |name| ended.number(name) as usize;
    let all = format!("{told:?} {}", ended.stdout);
    assert_eq!((told.cut, told.refused, told.resets), (0, 0, 0), "no answer ends early: {all}");
    assert_eq!(number("requests"), told.whole, "every request that was read was answered: {all}");
    assert_eq!(number("bytes sent"), told.bytes_down, "all that was sent has arrived: {all}");
    // Only of a client that had been answered, and to which the FIN was on its way, may a request be
    // read, and discarded, that has no answer.
    let answered = told.bytes_up..=told.bytes_up + told.late_bytes;
    assert!(answered.contains(&number("bytes received")), "no request was read and forgotten: {all}");
    assert!(number("connections") <= told.connections, "{all}");
    assert_eq!(number("closed because"), number("connections"), "{all}");
    assert_eq!(number("errors"), 0, "{all}");
}

#[test]
fn a_sigterm_under_load_loses_nothing_that_was_begun() {
    let mut sum = Told::default();
    for moment in MOMENTS {
        let (ended, told) = end_under_load(Program::start(&[]), BODY, 200_000, moment);
        expect_nothing_lost(&ended, &told);
        sum += told;
    }
    println!("{sum:?}");
}

#[test]
fn a_sigterm_among_large_answers_cuts_none_off() {
    let file = TempFile::with(big());
    let mut sum = Told::default();
    for moment in [0, 1, 2, 5, 20] {
        let program = Program::start(&["--body-file", file.path()]);
        let (ended, told) = end_under_load(program, big(), 1_000_000, moment);
        expect_nothing_lost(&ended, &told);
        sum += told;
    }
    println!("{sum:?}");
}

#[test]
fn a_sigterm_waits_for_requests_of_which_a_byte_was_read() {
    let halves = [
        ("G", "ET / HTTP/1.1\r\nHost: test\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost: te", "st\r\n\r\n"),
        ("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n", "12345"),
        ("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "c\r\n0\r\n\r\n"),
    ];
    // To see that all is read takes seconds on a busy machine whose table of connections is long.
    let long = ["--drain-timeout", "5m", "--head-timeout", "5m", "--body-timeout", "5m"];
    let program = Program::start(&long);
    let begin = |(half, _): &(&str, &str)| {
        let mut client = Client::connect(program.address);
        client.send(half);
        client
    };
    let mut clients: Vec<Client> = halves.iter().map(begin).collect();
    wait_until_read(&program, clients.len());
    program.signal("TERM");
    wait_until("nobody listens", || TcpStream::connect(program.address).is_err());
    // The next byte is read by a program that drains, and is still not all.
    for (client, (_, rest)) in clients.iter_mut().zip(halves) {
        client.send(&rest[..1]);
    }
    wait_until_read(&program, clients.len());
    for (client, (_, rest)) in clients.iter_mut().zip(halves) {
        client.send(&rest[1..]);
        expect_answer(client, BODY);
        client.expect_end();
    }
    drop(clients);
    let ended = program.wait();
    assert_eq!((ended.number("requests"), ended.number("errors")), (4, 0), "{}", ended.stdout);
}

/// Waits until the program has read all that this number of clients has sent.
fn wait_until_read(program: &Program, clients: usize) {
    let is_read = |&(state, unread): &(State, u64)| state == State::Established && unread == 0;
    wait_until("all is read", || {
        ends_at(program.address).iter().filter(|&end| is_read(end)).count() == clients && program.is_asleep()
    });
}
