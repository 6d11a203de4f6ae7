//! What idle connections take of the program's own memory.

use std::net::TcpStream;

use crate::common::program::Program;
use crate::common::tools;
use crate::common::{Client, get, say, wait_until};

const BYTES_PER_CONNECTION: u64 = 64;

const CONNECTIONS: usize = 9_000;

#[test]
fn nine_thousand_idle_connections_take_at_most_sixty_four_bytes_each() {
    if tools::descriptors(CONNECTIONS) < CONNECTIONS {
        return say("SKIPPED: with fewer connections, what does not grow with them would weigh too much");
    }
    let program = Program::start(&[]);
    let first = idle_client(&program);
    wait_until("the first is registered", || program.is_asleep());
    let before = program.memory("Anonymous");
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| idle_client(&program)).collect();
    wait_until("all are registered", || program.is_asleep());
    let each = (program.memory("Anonymous") - before).div_ceil(CONNECTIONS as u64);
    assert!(program.descriptors() > CONNECTIONS, "all are open: {} descriptors", program.descriptors());
    println!("{each} bytes for each connection");
    assert!(each <= BYTES_PER_CONNECTION, "{each} bytes for each connection");
    clients.into_iter().chain([first]).for_each(Client::reset);
}

/// A connection that has had its answer.
fn idle_client(program: &Program) -> Client {
    let mut client = Client::over_small(TcpStream::connect(program.address).expect("a connection"));
    client.send(get("/"));
    assert_eq!(client.response().status, 200);
    client
}
