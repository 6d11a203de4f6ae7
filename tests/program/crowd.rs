//! The program among many clients: ten thousand at once, a full table, twenty thousand one after
//! another; and among none, where it must not make a single system call.

use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::common::program::Program;
use crate::common::strace::{Call, Trace, strace};
use crate::common::tools;
use crate::common::{ByHand, Client, begin_to_connect, get, get_and_close, wait_until};
use fourway::{AtCapacity, Config};

const BODY: &[u8] = b"xixizi";

/// A connection that has had one answer, and so is idle.
fn idle_client(program: &Program) -> Client {
    let mut client = Client::connect(program.address);
    assert_answered(&mut client);
    client
}

fn assert_answered(client: &mut Client) {
    client.send(get("/"));
    let response = client.response();
    assert_eq!((response.status, response.body.as_slice()), (200, BODY));
}

/// A connection in the middle of an upload, as the server itself has said.
fn uploading_client(address: std::net::SocketAddr) -> Client {
    let mut client = Client::connect(address);
    send_upload_head(&mut client);
    client
}

fn send_upload_head(client: &mut Client) {
    client.send("POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 5\r\n");
    client.send("Expect: 100-continue\r\n\r\n");
}

// --- ten thousand at once ---

#[test]
fn ten_thousand_connections_at_once_are_all_answered() {
    let count = tools::descriptors(10_000);
    let program = Program::start(&[]);
    let at_the_start = descriptors_without_clients(&program);
    let mut clients: Vec<_> = (0..count).map(|_| begin_to_connect(program.address)).collect();
    let mut clients: Vec<_> = clients
        .drain(..)
        .map(|stream| {
            // Waits for the handshake, if the server has let it wait.
            let mut client = Client::over_small(stream);
            client.send(get("/"));
            client
        })
        .collect();
    for round in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            let response = client.try_response().unwrap_or_else(|error| panic!("{round} {number}: {error}"));
            assert_eq!((response.status, response.body.as_slice()), (200, BODY), "{round} {number}");
        }
        if round == 0 {
            // All of them are open now, and all are served once more.
            assert!(program.descriptors() > count, "{} descriptors", program.descriptors());
            clients.iter_mut().for_each(|client| client.send(get("/")));
        }
    }
    clients.into_iter().for_each(Client::reset);
    wait_until("all descriptors are closed", || program.descriptors() == at_the_start);
    idle_client(&program);
    let summary = program.end();
    // Beside the crowd, one before and one behind it.
    assert_eq!(summary.number("connections"), count as u64 + 2);
    assert_eq!(summary.number("closed because"), count as u64 + 2);
    assert_eq!((summary.number("evicted"), summary.number("errors")), (0, 0), "nobody gave way to another");
}

// --- a full table ---

#[test]
fn a_full_table_makes_room_by_closing_the_longest_idle() {
    let program = Program::start(&["--max-connections", "10"]);
    let mut clients: Vec<_> = (0..10).map(|_| idle_client(&program)).collect();
    // The first has spoken last, so the second is the longest idle.
    assert_answered(&mut clients[0]);
    let mut eleventh = idle_client(&program);
    clients.remove(1).expect_end();
    clients.iter_mut().for_each(assert_answered);
    assert_answered(&mut eleventh);
}

#[test]
fn a_crowd_that_comes_to_a_full_table_is_served_one_after_the_other() {
    let program = Program::start(&["--max-connections", "10"]);
    let idle: Vec<_> = (0..10).map(|_| idle_client(&program)).collect();
    for _ in 0..200 {
        idle_client(&program);
    }
    drop(idle);
    idle_client(&program);
}

#[test]
fn with_all_busy_the_eleventh_takes_the_slot_of_the_oldest() {
    let program = Program::start(&["--max-connections", "10"]);
    let mut busy: Vec<_> = (0..10).map(|_| uploading_client(program.address)).collect();
    for client in &mut busy {
        assert_eq!(client.response().status, 100);
    }
    let mut eleventh = Client::connect(program.address);
    eleventh.send(get("/"));
    assert_eq!(eleventh.response().body, BODY);
    busy.remove(0).expect_end();
    // The eleventh is idle now, but not for a second yet, and the only one so.
    for client in &mut busy {
        client.send("12345");
        assert_eq!(client.response().body, BODY);
    }
}

#[test]
fn with_all_busy_the_server_does_not_spin_on_the_client_that_waits() {
    let mut config = Config::default();
    config.max_connections = 10;
    config.at_capacity = AtCapacity::Pause;
    let mut server = ByHand::new(config);
    let busy: Vec<_> = (0..10).map(|_| uploading_client(server.address)).collect();
    server.turn_until("ten heads have come", |s| s.stats().accepted == 10 && s.stats().idle == 0);
    let mut eleventh = Client::connect(server.address);
    eleventh.send(get("/eleventh"));
    server.turn_until("the eleventh is noticed", |s| s.stats().full == 1);
    server.settle();
    let timeout = server.server.next_timeout(std::time::Instant::now()).expect("uploads have deadlines");
    assert!(timeout > Duration::from_secs(1), "it wakes up again after {timeout:?}");
    assert_eq!(server.server.stats().accepted, 10);
    drop(busy);
    server.turn_until("the eleventh is served", |s| s.stats().requests == 1);
    assert_eq!(eleventh.response().body, b"/eleventh");
}

// --- one after another ---

/// How many descriptors it has for itself, once it serves.
fn descriptors_without_clients(program: &Program) -> usize {
    let one_client = idle_client(program);
    let descriptors = program.descriptors() - 1;
    drop(one_client);
    descriptors
}

#[test]
fn after_twenty_thousand_connections_no_descriptor_is_left_open() {
    let program = Program::start(&[]);
    let at_the_start = descriptors_without_clients(&program);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let mut client =
                        Client::over_small(TcpStream::connect(program.address).expect("a connection"));
                    assert_answered(&mut client);
                    client.reset();
                }
            });
        }
    });
    wait_until("all descriptors are closed", || program.descriptors() == at_the_start);
    idle_client(&program);
}

// --- none ---

/// The system calls that a sleeping program makes in about a second.
fn calls_of_a_second(strace: &Path, program: &Program) -> Vec<Call> {
    let trace = Trace::of(strace, program);
    // That nothing happens can only be seen by waiting.
    thread::sleep(Duration::from_secs(1));
    let mut calls = trace.end(program).calls;
    // To attach strace interrupts the call in which the program sleeps.
    let is_interruption = |call: &Call| call.waits() && call.result == Err("EINTR".to_owned());
    assert!(calls.iter().any(is_interruption), "strace has seen where it sleeps: {calls:?}");
    calls.retain(|call| !is_interruption(call));
    calls
}

#[test]
fn without_any_connection_it_makes_no_system_call() {
    let Some(strace) = strace() else { return };
    let program = Program::start(&[]);
    wait_until("it sleeps", || program.is_asleep());
    assert_eq!(calls_of_a_second(&strace, &program), []);
}

#[test]
fn after_a_connection_has_come_and_gone_it_makes_no_system_call() {
    let Some(strace) = strace() else { return };
    let program = Program::start(&[]);
    let at_the_start = descriptors_without_clients(&program);
    let mut client = Client::connect(program.address);
    client.send(get_and_close("/"));
    assert_eq!(client.response().body, BODY);
    client.expect_end();
    drop(client);
    wait_until("the connection is gone", || program.descriptors() == at_the_start);
    wait_until("it sleeps", || program.is_asleep());
    assert_eq!(calls_of_a_second(&strace, &program), []);
}

#[test]
fn with_an_idle_connection_open_it_makes_no_system_call() {
    let Some(strace) = strace() else { return };
    let program = Program::start(&[]);
    let client = idle_client(&program);
    wait_until("it sleeps", || program.is_asleep());
    assert_eq!(calls_of_a_second(&strace, &program), []);
    drop(client);
}
