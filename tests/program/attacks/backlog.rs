//! More connections than the accept queue holds, at a server that does not accept.

use std::net::TcpStream;

use crate::common::kernel::{State, ends_at, fresh_syns_to};
use crate::common::program::Program;
use crate::common::{Client, begin_to_connect, get, wait_until};

const CLIENTS: usize = 6;

#[test]
fn a_client_that_finds_the_accept_queue_full_is_served_later_and_the_summary_counts_it() {
    // Linux queues one more than the backlog.
    for (backlog, queued) in [("0", 1), ("1", 2)] {
        fill_the_queue(backlog, queued);
    }
}

fn fill_the_queue(backlog: &str, most: usize) {
    let program = Program::start(&["--backlog", backlog]);
    // It asks for the kernel's count after it has said that it listens.
    wait_until("it sleeps", || program.is_asleep());
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
    let connect = |count| (0..count).map(|_| begin_to_connect(program.address)).collect();
    let mut clients: Vec<TcpStream> = connect(most);
    let queued = || ends_at(program.address).iter().filter(|end| end.0 == State::Established).count();
    wait_until("the queue is full", || queued() == most);
    let others: Vec<TcpStream> = connect(CLIENTS - most);
    // Their kernels repeat their SYN after a second, and after three.
    wait_until("the others have been turned away", || fresh_syns_to(program.address) == 0);
    program.signal("CONT");
    clients.extend(others);
    for (number, stream) in clients.into_iter().enumerate() {
        let mut client = Client::over(stream);
        client.send(get("/"));
        let response = client.try_response().unwrap_or_else(|error| panic!("client {number}: {error}"));
        assert_eq!((response.status, response.body.as_slice()), (200, &b"xixizi"[..]));
        client.reset();
    }
    let summary = program.end();
    assert_eq!(summary.number("connections"), CLIENTS as u64);
    assert_eq!(summary.number("errors"), 0);
    // The kernel counts for all programs together.
    let overflows = summary.number("ListenOverflows of the kernel");
    assert!(overflows >= (CLIENTS - most) as u64, "{overflows}: {summary:?}");
}
