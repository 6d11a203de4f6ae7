//! More connections than the accept queue holds, at a server that does not accept.

use std::net::TcpStream;

use crate::common::kernel::{State, ends_at, listen_overflows};
use crate::common::own::my_turn;
use crate::common::program::Program;
use crate::common::{Client, begin_to_connect, get, wait_until};

const CLIENTS: usize = 6;

/// Linux queues one more than the backlog.
const QUEUED: usize = 2;

#[test]
fn who_finds_the_accept_queue_full_is_served_when_its_kernel_asks_again_and_the_summary_tells() {
    let _turn = my_turn();
    let program = Program::start(&["--backlog", "1"]);
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
    let before = listen_overflows();
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| begin_to_connect(program.address)).collect();
    let queued = || ends_at(program.address).iter().filter(|end| end.0 == State::Established).count();
    wait_until("the queue is full, and has turned the others away", || {
        queued() == QUEUED && listen_overflows() >= before + (CLIENTS - QUEUED) as u64
    });
    program.signal("CONT");
    // The others' kernels repeat their SYN after a second, and after three.
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
    assert!(overflows >= (CLIENTS - QUEUED) as u64, "{overflows}: {summary:?}");
}
