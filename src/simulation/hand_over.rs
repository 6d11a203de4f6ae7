//! Streams that the host has accepted, and listeners that come and go.

use std::io::ErrorKind;
use std::time::Duration;

use super::harness::net::FakeListener;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::config::AtCapacity;
use crate::state::State;
use crate::stats::Reason;

const IDLE: Duration = Duration::from_secs(75);

#[test]
fn the_next_turn_reads_an_adopted_stream_without_an_event() {
    let mut sim = Sim::new();
    let (client, adopted) = sim.adopt();
    assert_eq!((adopted, sim.timeout()), (Ok(()), Some(Duration::ZERO)));
    client.get("/");
    sim.process();
    assert_eq!((client.statuses(), sim.stats().accepted), (vec![200], 1));
    client.get("/");
    sim.settle();
    assert_eq!(client.statuses(), [200, 200]);
    assert_eq!(client.count(|call| matches!(call, Call::Watch(_))), 1);
}

#[test]
fn the_idle_timeout_of_an_adopted_stream_starts_at_its_adoption() {
    let mut sim = Sim::new();
    sim.pass(Duration::from_secs(3600));
    let (client, _) = sim.adopt();
    sim.settle();
    sim.assert_ends_after(&client, IDLE);
}

#[test]
fn a_full_table_evicts_for_an_adopted_stream_too() {
    let mut sim = Sim::with(|config| config.max_connections = 2);
    let (spoken, silent) = (sim.connect_idle(), sim.connect_idle());
    spoken.get("/");
    sim.settle();
    let (client, adopted) = sim.adopt();
    assert_eq!(adopted, Ok(()));
    assert!(silent.is_gone() && spoken.is_served(), "the one that has been idle longest is evicted");
    client.get("/");
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().closes(Reason::Evicted)), (vec![200], 1));
}

#[test]
fn a_stream_that_can_have_no_slot_is_refused_without_an_eviction() {
    for (at_capacity, begin) in
        [(AtCapacity::Pause, ""), (AtCapacity::Evict, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n")]
    {
        let mut sim = Sim::with(|config| (config.max_connections, config.at_capacity) = (1, at_capacity));
        let other = sim.connect_idle();
        other.send(begin.as_bytes());
        sim.settle();
        let (client, adopted) = sim.adopt();
        assert_eq!((adopted, client.ending()), (Err(ErrorKind::ResourceBusy), Some(Ending::Fin)));
        assert!(other.is_served());
    }
}

#[test]
fn an_event_of_an_evicted_connection_does_not_reach_its_successor() {
    let mut sim = Sim::with(|config| config.max_connections = 1);
    let old = sim.connect_idle();
    old.get("/");
    sim.settle();
    let token = sim.token(&old);
    let (client, _) = sim.adopt();
    assert!(sim.handle(token, crate::net::Readiness { error: true, ..Default::default() }), "it is ours");
    sim.settle();
    assert_eq!((sim.state(&client), sim.stats().stale_events), (State::Idle, 1));
    assert!(!client.called(Call::TakeError));
}

#[test]
fn a_removed_listener_gives_no_more_connections_and_keeps_its_queue() {
    let mut sim = Sim::new();
    let id = sim.engine.add_listener(FakeListener::new(&sim.wire)).unwrap();
    let first = super::harness::client::Client::new(&sim.wire, 1);
    sim.settle();
    assert!(first.is_served());
    let second = super::harness::client::Client::new(&sim.wire, 1);
    sim.deliver();
    let listener = sim.engine.remove_listener(id).expect("it is there");
    assert_eq!(sim.timeout(), Some(IDLE), "removing it clears its ready bit");
    sim.settle();
    assert!(first.is_served() && !second.is_served());
    sim.engine.add_listener(listener).unwrap();
    sim.settle();
    assert!(second.is_served());
}
