//! Floods of connections that are always ready.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use crate::stats::Reason;

/// The first 64 of the fullest list are in the ready queue. The server evicts from no other list instead.
#[test]
fn a_flood_of_ready_connections_does_not_cut_honest_transfers() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 200;
        config.budget.requests = 320;
        config.budget.requests_per_connection = 32;
    });
    let downloads: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for client in &downloads {
        client.stop_reading();
        client.read(30_000);
        client.get("/long");
    }
    sim.settle();
    let flood: Vec<Client> = (0..180).map(|_| sim.connect()).collect();
    // One honest newcomer connects every ten turns.
    let mut newcomers = Vec::new();
    let mut waited = 0;
    for turn in 0..400 {
        for client in &flood {
            if client.is_served() {
                client.send(&handler::get("/").repeat(64));
            }
        }
        if turn % 10 == 9 {
            let client = sim.connect();
            client.get_and_close("/");
            newcomers.push(client);
        }
        if turn % 50 == 0 {
            for client in &downloads {
                client.read(8192);
            }
        }
        sim.advance(Duration::from_millis(1));
        sim.turn();
        waited = newcomers.iter().filter(|client| client.statuses().is_empty()).count();
    }
    let cut = downloads.iter().filter(|client| client.is_gone()).count();
    assert_eq!(
        (cut, waited < 25),
        (0, true),
        "cut downloads; {waited} of {} newcomers not served",
        newcomers.len()
    );
}

/// All connections are always ready.
#[test]
fn a_flood_of_ready_connections_does_not_lock_out_newcomers() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 200;
        config.budget.requests = 32;
    });
    let flood: Vec<Client> = (0..200).map(|_| sim.connect()).collect();
    sim.settle();
    let newcomer = sim.connect();
    newcomer.get_and_close("/");
    for _ in 0..2_000 {
        for client in flood.iter().filter(|client| client.is_served()) {
            client.send(&handler::get("/").repeat(32));
        }
        sim.advance(Duration::from_millis(1));
        sim.turn();
    }
    assert_eq!(newcomer.statuses(), [200], "after 2 s");
}

/// The same as the test above, with the default budget and 1,024 slots.
#[test]
fn a_flood_of_ready_connections_does_not_lock_out_newcomers_by_default() {
    let mut sim = Sim::with(|config| config.max_connections = 1024);
    let flood: Vec<Client> = (0..1024).map(|_| sim.connect()).collect();
    for _ in 0..10 {
        sim.turn();
    }
    let newcomer = sim.connect();
    newcomer.get_and_close("/");
    for _ in 0..500 {
        for client in &flood {
            let is_hungry = {
                let world = sim.world();
                let socket = &world.sockets[client.id];
                !socket.closed && socket.input.len() < 2_000
            };
            if is_hungry {
                client.send(&handler::get("/").repeat(70));
            }
        }
        sim.advance(Duration::from_millis(2));
        sim.turn();
    }
    assert_eq!(newcomer.statuses(), [200], "after a second");
}

/// Connections that are ready hold all heads.
#[test]
fn a_flood_of_ready_connections_does_not_get_honest_requests_refused() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 400;
        config.buffers.heads = 100;
        config.budget.requests = 320;
    });
    let flood: Vec<Client> = (0..200).map(|_| sim.connect()).collect();
    sim.settle();
    let mut honest = Vec::new();
    for turn in 0..300 {
        for client in flood.iter().filter(|client| client.is_served()) {
            let is_hungry = sim.world().sockets[client.id].input.len() < 2_000;
            if is_hungry {
                client.send(&handler::get("/").repeat(70));
            }
        }
        if turn % 10 == 0 {
            let client = sim.connect();
            client.send(b"GET / HT");
            honest.push(client);
        }
        if turn % 10 == 7 {
            honest.last().unwrap().send(b"TP/1.1\r\nHost: x\r\n\r\n");
        }
        sim.advance(Duration::from_millis(2));
        sim.turn();
    }
    for _ in 0..100 {
        sim.turn();
    }
    let refused = honest
        .iter()
        .filter(|client| client.statuses() == [503] || (client.is_gone() && client.statuses().is_empty()))
        .count();
    let served = honest.iter().filter(|client| client.statuses() == [200]).count();
    assert_eq!(
        (refused, served),
        (0, honest.len()),
        "refused, served; 503s in all: {}, evicted {}",
        sim.stats().errors(503),
        sim.stats().closes(Reason::Evicted)
    );
}
