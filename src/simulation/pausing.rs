//! A host that pauses accepting: clients wait meanwhile, and none is forgotten.

use std::io;
use std::time::Duration;

use super::drain::drain;
use super::harness::client::Client;
use super::harness::net::FakeListener;
use super::harness::sim::Sim;
use crate::config::AtCapacity;
use crate::stats::{Phase, Reason};

const HOUR: Duration = Duration::from_secs(3600);

fn clients(sim: &Sim, count: usize) -> Vec<Client> {
    let clients: Vec<Client> = (0..count).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/");
    }
    clients
}

fn served(clients: &[Client]) -> usize {
    clients.iter().filter(|client| client.is_served()).count()
}

#[test]
fn while_accepting_is_paused_new_clients_wait_and_the_host_may_sleep() {
    let mut sim = Sim::new();
    sim.engine.pause_accepting();
    let clients = clients(&sim, 3);
    assert_eq!(sim.settle().accepted, 0);
    assert_eq!((served(&clients), sim.timeout()), (0, None));
    sim.engine.resume_accepting();
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    assert_eq!(sim.turn().accepted, 3);
    assert!(clients.iter().all(|client| client.statuses() == [200]));
}

#[test]
fn a_client_whose_event_came_before_or_during_a_pause_is_accepted_after_it() {
    for pauses_first in [true, false] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get("/");
        if pauses_first {
            sim.engine.pause_accepting();
            sim.deliver();
        } else {
            sim.deliver();
            sim.engine.pause_accepting();
        }
        sim.process();
        sim.advance(HOUR);
        sim.process();
        assert!(!client.is_served());
        sim.engine.resume_accepting();
        // No further event comes for it.
        assert!(!sim.world().has_edges());
        sim.process();
        assert_eq!(client.statuses(), [200], "{pauses_first}");
    }
}

#[test]
fn clients_that_the_budget_has_left_wait_for_the_end_of_the_pause() {
    let mut sim = Sim::with(|config| config.budget.accepts = 1);
    let clients = clients(&sim, 3);
    assert!(sim.turn().more);
    sim.engine.pause_accepting();
    // The connection that was accepted has been served, and is idle.
    let idle = sim.timeout().expect("it is timed");
    assert!(idle > Duration::ZERO);
    sim.advance(idle / 2);
    assert!(!sim.turn().more);
    assert_eq!((served(&clients), sim.stats().max_lateness), (1, Duration::ZERO), "no turn was due");
    sim.engine.resume_accepting();
    sim.settle();
    assert_eq!(served(&clients), 3);
}

#[test]
fn a_host_that_lets_other_work_wait_during_a_pause_is_late() {
    let mut sim = Sim::with(|config| config.budget.requests_per_connection = 1);
    let client = sim.connect();
    client.send(&[super::harness::handler::get("/"), super::harness::handler::get("/")].concat());
    assert!(sim.turn().more);
    sim.engine.pause_accepting();
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    sim.advance(Duration::from_secs(1));
    sim.turn();
    assert_eq!((client.statuses().len(), sim.stats().max_lateness), (2, Duration::from_secs(1)));
}

#[test]
fn open_and_adopted_connections_are_served_during_a_pause() {
    let mut sim = Sim::new();
    let open = sim.connect_idle();
    sim.engine.pause_accepting();
    let (adopted, taken) = sim.adopt();
    assert_eq!(taken, Ok(()));
    for client in [&open, &adopted] {
        client.get("/1");
        client.get("/2");
    }
    sim.settle();
    assert_eq!((open.statuses(), adopted.statuses()), (vec![200; 2], vec![200; 2]));
}

#[test]
fn a_listener_can_be_added_and_removed_during_a_pause() {
    let mut sim = Sim::new();
    sim.engine.pause_accepting();
    let second = sim.engine.add_listener(FakeListener::new(&sim.wire)).expect("it is running");
    let client = Client::new(&sim.wire, 1);
    client.get("/");
    sim.settle();
    let listener = sim.engine.remove_listener(second).expect("it is there");
    sim.engine.resume_accepting();
    sim.settle();
    assert!(!client.is_served(), "it waits in the queue of a listener that is the host's again");
    sim.engine.pause_accepting();
    sim.engine.add_listener(listener).expect("it is running");
    sim.settle();
    assert!(!client.is_served());
    sim.engine.resume_accepting();
    sim.settle();
    assert_eq!(client.statuses(), [200]);
}

#[test]
fn one_resume_ends_any_number_of_pauses_and_another_changes_nothing() {
    let mut sim = Sim::new();
    sim.engine.pause_accepting();
    sim.engine.pause_accepting();
    let clients = clients(&sim, 2);
    sim.settle();
    sim.engine.resume_accepting();
    sim.engine.resume_accepting();
    sim.settle();
    assert_eq!((served(&clients), sim.timeout()), (2, Some(Duration::from_secs(75))));
}

#[test]
fn a_pause_of_the_host_outlasts_that_after_an_error() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/");
    sim.world().accept_faults.push_back(io::Error::other("too many open files"));
    sim.settle();
    sim.engine.pause_accepting();
    assert_eq!(sim.timeout(), None, "the retry waits as well");
    sim.advance(HOUR);
    sim.settle();
    assert_eq!((client.is_served(), sim.timeout()), (false, None));
    sim.engine.resume_accepting();
    assert_eq!(sim.timeout(), Some(Duration::ZERO), "the retry is due");
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().accept_pauses), (vec![200], 1));
}

#[test]
fn a_paused_server_is_never_full() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 1;
        config.at_capacity = AtCapacity::Pause;
    });
    let (_idle, taken) = sim.adopt();
    assert_eq!(taken, Ok(()));
    sim.engine.pause_accepting();
    let _waiting = clients(&sim, 1);
    sim.settle();
    assert_eq!(sim.stats().full, 0, "the client waits for the host, not for a slot");
    sim.engine.resume_accepting();
    sim.settle();
    assert_eq!(sim.stats().full, 1);
}

#[test]
fn a_drain_of_a_paused_server_accepts_nobody() {
    let mut sim = Sim::new();
    sim.engine.pause_accepting();
    let clients = clients(&sim, 2);
    sim.settle();
    drain(&mut sim);
    sim.settle();
    assert_eq!((served(&clients), sim.engine.phase()), (0, Phase::Closed));
}

#[test]
fn a_drain_after_a_resume_accepts_the_clients_that_have_waited() {
    let mut sim = Sim::new();
    sim.engine.pause_accepting();
    let clients = clients(&sim, 2);
    sim.settle();
    sim.engine.resume_accepting();
    drain(&mut sim);
    sim.settle();
    assert!(clients.iter().all(|client| client.statuses() == [200]));
}

#[test]
fn a_pause_during_a_drain_changes_nothing() {
    let mut sim = Sim::new();
    let deferred = sim.connect();
    deferred.get("/later");
    sim.settle();
    drain(&mut sim);
    sim.engine.pause_accepting();
    sim.engine.resume_accepting();
    let late = sim.connect();
    sim.settle();
    sim.answer("at last").expect("it waits");
    sim.settle();
    deferred.close();
    sim.settle();
    assert_eq!((late.is_served(), sim.engine.phase()), (false, Phase::Closed));
    assert_eq!(sim.stats().closes(Reason::Answered), 1);
}
