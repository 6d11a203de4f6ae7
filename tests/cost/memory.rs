//! What idle connections take of the program's own memory.

use std::net::TcpStream;
use std::process::Command;

use fourway::mio::Poll;
use fourway::{Config, Server, TokenRange};

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

/// Set for the process in which the helper below measures alone.
const ALONE: &str = "FOURWAY_TEST_ALONE";

#[test]
fn making_a_server_makes_none_of_its_memory_resident() {
    let mut helper = Command::new(std::env::current_exe().expect("this test"));
    helper.args(["--exact", "memory::each_server_is_made_without_touching_its_memory"]).env(ALONE, "1");
    let (output, _) = tools::run_to_text(&mut helper);
    assert!(output.contains("1 passed"), "the helper was run: {output}");
}

/// Settings of any size, and the allocator in any state: glibc clears what it has had before.
#[test]
fn each_server_is_made_without_touching_its_memory() {
    const MOST: u64 = 4 << 20;
    if std::env::var_os(ALONE).is_none() {
        return; // The test above runs it, where nobody else uses memory.
    }
    let documented =
        |config: &mut Config| (config.limits.body_bytes, config.limits.out_bytes) = (64 << 10, 256 << 10);
    let small = |config: &mut Config| {
        config.buffers.heads = 100;
        config.buffers.outs = 100;
        config.buffers.bodies = 10;
    };
    let large = |config: &mut Config| config.max_connections = 1 << 20;
    let changes: [&dyn Fn(&mut Config); 4] = [&|_| {}, &documented, &small, &large];
    let poll = Poll::new().expect("a poller");
    for round in 0..3 {
        for (number, change) in changes.iter().enumerate() {
            let mut config = Config::default();
            change(&mut config);
            let before = resident();
            let server = Server::new(poll.registry(), TokenRange::nth(0), config).expect("there is memory");
            let more = resident().saturating_sub(before);
            assert!(more <= MOST, "{more} bytes for settings {number} in round {round}");
            drop(server);
            // As a host may have done: the next piece of this size comes from the heap.
            drop(std::hint::black_box(vec![1u8; 20 << 20]));
        }
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
