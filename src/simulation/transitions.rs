//! The table of transitions, held against stories: each of its rows is taken by one. (That no story takes another is
//! checked where the state is written, see [`crate::state::transitions`].)

use super::deadlines::begin_post;
use super::harness::client::Client;
use super::harness::entropy::Chance;
use super::harness::handler;
use super::harness::sim::Sim;
use super::host_closes::{bring, close, in_each_state};
use super::{intake, names, random, take_in};
use crate::config::CloseMode;
use crate::state::State;
use crate::state::transitions::{CHANGES, ENDS, HANDED_OVER_FROM, seen};

/// The number of stories that takes all other rows, with many to spare.
const STORIES: u64 = 300;

#[test]
fn every_row_of_the_table_is_taken_by_a_story() {
    a_host_closes_in_each_state();
    a_host_closes_between_two_steps_of_a_wave();
    a_body_follows_a_response();
    two_large_bodies_arrive_in_one_wave();
    let mut seed = 0;
    while !rows_left().is_empty() && seed < STORIES {
        random::tell(Chance::new(seed), 16);
        seed += 1;
    }
    assert_eq!(rows_left(), [] as [String; 0], "after {seed} stories");
    println!("{seed} stories have taken the rest");
}

/// Returns the rows that no story of this thread has taken.
fn rows_left() -> Vec<String> {
    let changes = CHANGES.iter().map(|row| format!("{:?} -> {:?}", row.from, row.to));
    let ends = ENDS.iter().map(|(from, _)| format!("{from:?} -> gone"));
    let rows = changes.chain(ends).chain([format!("{HANDED_OVER_FROM:?} -> host")]);
    rows.enumerate().filter(|&(at, _)| !seen::has(at)).map(|(_, row)| row).collect()
}

fn a_host_closes_in_each_state() {
    for how in [CloseMode::Fin, CloseMode::Drop] {
        for (state, begin) in in_each_state() {
            let (mut sim, client) = bring(state, begin);
            close(&mut sim, &client, how);
            sim.settle();
        }
    }
}

fn a_host_closes_between_two_steps_of_a_wave() {
    let mut sim = names::sim();
    let (deferred, panics) = (sim.connect_idle(), sim.connect_idle());
    let name = sim.name(&deferred);
    deferred.get("/later");
    panics.get("/panic");
    sim.turn();
    assert_eq!(sim.state(&deferred), State::Received);
    sim.close(name, CloseMode::Fin).unwrap();
    assert_eq!(sim.state(&deferred), State::Closing);
    sim.settle();
}

/// While a response is being sent, the next request needs a host that takes its body in pieces, or a body buffer.
fn a_body_follows_a_response() {
    let requests = [
        (intake::post("/pieces/some/10", 50), State::Holding),
        (take_in::expecting("/", 40_000), State::AwaitingBuffer),
    ];
    for (request, state) in requests {
        let (mut sim, _holder) = with_one_body_in_its_buffer();
        let client = sim.connect();
        client.send(&[handler::get("/"), request].concat());
        sim.settle();
        assert_eq!((sim.state(&client), client.statuses()), (state, vec![200]));
    }
}

fn two_large_bodies_arrive_in_one_wave() {
    let (mut sim, _holder) = with_one_body_in_its_buffer();
    let clients = [sim.connect_idle(), sim.connect_idle()];
    for client in &clients {
        begin_post(client);
        client.send(&[b'x'; 30_000]);
    }
    sim.settle();
    assert!(clients.iter().all(|client| sim.state(client) == State::AwaitingBuffer));
}

/// A server whose only body buffer is lent.
fn with_one_body_in_its_buffer() -> (Sim, Client) {
    let mut sim = Sim::with(|config| config.buffers.bodies = 1);
    let holder = sim.connect();
    begin_post(&holder);
    holder.send(&[b'x'; 30_000]);
    sim.settle();
    assert_eq!(sim.state(&holder), State::Body);
    (sim, holder)
}
