//! Accepting when a drain begins: the server accepts the clients in a listener's queue, and none later.

use std::io::{self, ErrorKind};

use super::drain::drain;
use super::harness::client::Client;
use super::harness::net::FakeListener;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::stats::{Phase, Reason};

#[test]
fn clients_that_wait_for_accept_when_a_drain_begins_are_answered() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/");
    }
    // None of their events has been delivered.
    drain(&mut sim);
    sim.process();
    for client in &clients {
        assert_eq!(client.statuses(), [200]);
        assert!(client.responses()[0].says_close);
    }
}

#[test]
fn a_drain_accepts_clients_while_slots_are_free() {
    let mut sim = Sim::with(|config| config.max_connections = 3);
    let idle = sim.connect_idle();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/");
    }
    drain(&mut sim);
    sim.process();
    let served: Vec<usize> = clients.iter().map(|client| client.statuses().len()).collect();
    assert_eq!(served, [1, 1, 0], "nobody is evicted for them");
    assert_eq!((idle.ending(), sim.stats().closes(Reason::Evicted)), (Some(Ending::Fin), 0));
}

#[test]
fn accept_errors_do_not_hold_up_a_drain() {
    for kind in [ErrorKind::ConnectionAborted, ErrorKind::Interrupted, ErrorKind::OutOfMemory] {
        let mut sim = Sim::with(|config| config.backlog = 1000);
        let client = sim.connect();
        client.get("/");
        let faults = || io::Error::from(kind);
        sim.world().accept_faults.extend(std::iter::repeat_with(faults).take(1000));
        drain(&mut sim);
        sim.settle();
        assert_eq!((client.is_served(), sim.engine.phase()), (false, Phase::Closed));
    }
}

#[test]
fn a_drain_repeats_an_interrupted_accept() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/");
    sim.world().accept_faults.extend([ErrorKind::Interrupted.into(), ErrorKind::Interrupted.into()]);
    drain(&mut sim);
    sim.process();
    assert_eq!(client.statuses(), [200]);
}

#[test]
fn a_drain_accepts_at_most_the_clients_that_a_queue_holds() {
    let mut sim = Sim::with(|config| config.backlog = 2);
    let clients: Vec<Client> = (0..4).map(|_| sim.connect()).collect();
    drain(&mut sim);
    let served = clients.iter().filter(|client| client.is_served()).count();
    assert_eq!(served, 3, "Linux queues one client more than the backlog says");
}

#[test]
fn a_drain_goes_on_accepting_after_errors() {
    let mut sim = Sim::with(|config| config.backlog = 2);
    let [gone, first, second] = [sim.connect(), sim.connect(), sim.connect()];
    sim.world().accept_faults.extend([ErrorKind::ConnectionAborted.into(), ErrorKind::Interrupted.into()]);
    drain(&mut sim);
    assert!(!gone.is_served() && first.is_served() && second.is_served());
}

#[test]
fn a_drain_tries_to_accept_again_right_after_a_failure() {
    let mut sim = Sim::new();
    let client = sim.connect();
    sim.world().accept_faults.push_back(io::Error::other("too many open files"));
    sim.settle();
    assert!(!client.is_served());
    drain(&mut sim);
    assert!(client.is_served());
}

#[test]
fn a_draining_server_accepts_no_later_client() {
    let mut sim = Sim::new();
    let old = sim.connect();
    old.send(b"GET /");
    sim.settle();
    drain(&mut sim);
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(old.is_served() && !new.is_served());
    let listener = FakeListener::new(&sim.wire);
    assert!(sim.engine.add_listener(listener).is_err());
}

#[test]
fn many_aborted_handshakes_do_not_keep_a_drain_from_accepting() {
    let mut sim = Sim::new();
    sim.abort_handshakes(200);
    let client = sim.connect();
    drain(&mut sim);
    assert!(client.is_served());
    assert_eq!(sim.stats().accept_errors, 200);
}
