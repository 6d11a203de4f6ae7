//! Real faults on real sockets: the program without descriptors, among system calls that fail, stopped,
//! and ended under load.
//!
//! The simulation meets each of these by itself and in every order; here the kernel is the real one.

mod load;

mod descriptors;
mod calls;
mod lasting;
mod stopped;
mod ended;
mod killed;

use crate::common::program::Program;
use crate::common::{Client, get, wait_until};

const BODY: &[u8] = b"xixizi";

/// A connection that has had one answer, and so is idle.
fn idle_client(program: &Program) -> Client {
    let mut client = Client::connect(program.address);
    client.send(get("/"));
    expect_answer(&mut client, BODY);
    client
}

fn expect_answer(client: &mut Client, page: &[u8]) {
    let response = client.response();
    assert!(response.status == 200 && response.body == page, "{}", response.head);
}

/// How many descriptors it has for itself, once it serves.
fn descriptors_without_clients(program: &Program) -> usize {
    let client = idle_client_of_any_page(program);
    let descriptors = program.descriptors() - 1;
    drop(client);
    wait_until("the client is gone", || program.descriptors() == descriptors);
    descriptors
}

fn idle_client_of_any_page(program: &Program) -> Client {
    let mut client = Client::connect(program.address);
    client.send(get("/"));
    assert_eq!(client.response().status, 200);
    client
}
