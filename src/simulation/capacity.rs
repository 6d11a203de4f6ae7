//! What happens when slots or descriptors run out.

use std::io::ErrorKind;
use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::AtCapacity;
use crate::state::State;
use crate::stats::Reason;

fn slots(count: usize, at_capacity: AtCapacity) -> Sim {
    Sim::with(|config| {
        config.max_connections = count;
        config.at_capacity = at_capacity;
    })
}

#[test]
fn the_longest_idle_connection_is_evicted_for_a_new_one() {
    let mut sim = slots(3, AtCapacity::Evict);
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    for client in clients.iter().chain(&clients[..1]) {
        client.get("/");
        sim.settle();
    }
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(clients[1].is_gone(), "it was idle longest, because the first has sent another request");
    assert!(clients[0].is_served() && clients[2].is_served());
    assert_eq!(new.statuses(), [200]);
    assert_eq!(sim.stats().closes(Reason::Evicted), 1);
}

/// The states whose connections can be evicted, with the bytes that bring a client there.
const WAYS: [(State, &str); 6] = [
    (State::Idle, ""),
    (State::Head, "GET /"),
    (
        State::AwaitingBuffer,
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
    ),
    (State::Body, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"),
    (State::Sending, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"),
    (State::Closing, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n"),
];

/// Brings `count` clients into a state.
fn bring(sim: &mut Sim, (state, bytes): (State, &str), count: usize) -> Vec<Client> {
    let bring_one = |sim: &mut Sim| {
        let client = sim.connect();
        if state == State::Sending {
            client.stop_reading();
            client.read(500);
        }
        client.send(bytes.as_bytes());
        sim.pass(Duration::from_millis(1));
        assert_eq!(sim.state(&client), state);
        client
    };
    (0..count).map(|_| bring_one(sim)).collect()
}

/// Fills all slots: two clients in each state, and one more that holds the only body buffer.
fn full() -> (Sim, Vec<Vec<Client>>) {
    let mut sim = Sim::with(|config| {
        config.max_connections = 13;
        config.buffers.bodies = 1;
    });
    let holder = sim.connect();
    holder.send(WAYS[2].1.as_bytes());
    sim.settle();
    let clients = WAYS.map(|way| bring(&mut sim, way, 2)).into_iter().collect();
    (sim, clients)
}

#[test]
fn the_fullest_state_loses_its_oldest_when_all_slots_are_taken() {
    // With the holder of the body buffer there are three bodies.
    let (mut sim, clients) = full();
    let new = sim.connect();
    new.send(b"GET /");
    sim.settle();
    let holder_is_gone =
        sim.stats().closes(Reason::Evicted) == 1 && clients.concat().iter().all(Client::is_served);
    assert!(holder_is_gone && new.is_served());
    // Now there are three heads, and again three bodies, which are younger.
    let newer = sim.connect();
    newer.get("/");
    sim.settle();
    assert!(clients[1][0].is_gone() && clients[1][1].is_served() && new.is_served());
    assert_eq!(newer.statuses(), [200]);
}

#[test]
fn connections_of_each_state_but_deferred_can_be_evicted() {
    for way in WAYS {
        let mut sim = Sim::with(|config| {
            config.max_connections = 3;
            config.buffers.bodies = 1;
        });
        // If bodies are to wait, another client takes the body buffer.
        let others = usize::from(way.0 == State::AwaitingBuffer);
        if others > 0 {
            sim.connect().send(way.1.as_bytes());
            sim.settle();
        }
        let clients = bring(&mut sim, way, 3 - others);
        let new = sim.connect();
        new.get("/");
        sim.settle();
        assert!(clients[0].is_gone() && clients[1].is_served(), "{way:?}");
        let ending = if way.0 == State::Sending { Ending::Reset } else { Ending::Fin };
        assert_eq!((clients[0].ending(), new.statuses()), (Some(ending), vec![200]), "{way:?}");
        assert_eq!(sim.stats().closes(Reason::Evicted), 1, "{way:?}");
    }
}

#[test]
fn a_connection_idle_for_a_second_is_evicted_before_the_fullest_state() {
    let mut sim = slots(4, AtCapacity::Evict);
    let idle = sim.connect_idle();
    let readers = bring(&mut sim, WAYS[4], 3);
    sim.pass(Duration::from_secs(1));
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(idle.is_gone() && readers.iter().all(Client::is_served));
    assert_eq!(new.statuses(), [200]);
}

#[test]
fn a_transfer_that_makes_progress_is_not_evicted() {
    let mut sim = slots(3, AtCapacity::Evict);
    let readers = bring(&mut sim, WAYS[4], 3);
    readers[0].read(5000);
    sim.settle();
    let new = sim.connect();
    new.send(b"GET /");
    sim.settle();
    assert!(readers[0].is_served() && readers[1].is_gone() && new.is_served());
}

#[test]
fn an_idle_connection_with_an_event_is_served_and_not_evicted() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 2;
        config.budget.requests = 1;
    });
    let (first, second) = (sim.connect_idle(), sim.connect_idle());
    second.get("/");
    first.get("/");
    let new = sim.connect();
    // The budget ends before the first client is served. It has been idle longest.
    sim.turn();
    assert_eq!((second.statuses(), first.statuses()), (vec![200], vec![]));
    assert!(first.is_served() && second.is_gone() && new.is_served());
    sim.settle();
    assert_eq!(first.statuses(), [200]);
}

#[test]
fn nobody_is_evicted_when_there_is_nobody_to_accept() {
    let mut sim = slots(2, AtCapacity::Evict);
    let (first, second) = (sim.connect_idle(), sim.connect_idle());
    let gone = sim.connect();
    sim.world().accept_faults.push_back(ErrorKind::WouldBlock.into());
    sim.deliver();
    sim.process();
    assert!(first.is_served() && second.is_served() && !gone.is_served());
    assert_eq!(sim.stats().closes(Reason::Evicted), 0);
}

#[test]
fn new_connections_wait_while_all_slots_hold_deferred_requests() {
    let mut sim = slots(2, AtCapacity::Evict);
    let waiters = [sim.connect(), sim.connect()];
    for client in &waiters {
        client.get("/later");
    }
    sim.settle();
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(!new.is_served());
    assert_eq!((sim.stats().full, sim.stats().closes(Reason::Evicted)), (1, 0));
    waiters[1].reset();
    sim.settle();
    assert_eq!(new.statuses(), [200]);
}

#[test]
fn a_server_that_pauses_when_full_goes_on_when_a_connection_ends() {
    let mut sim = slots(2, AtCapacity::Pause);
    let clients = [sim.connect_idle(), sim.connect_idle()];
    let waiting: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    for client in &waiting {
        client.get_and_close("/");
    }
    sim.settle();
    assert!(waiting.iter().all(|client| !client.is_served()));
    assert!(clients.iter().all(Client::is_served));
    assert_eq!(sim.stats().full, 1, "it counts once for all of them");
    assert!(sim.timeout() > Some(Duration::ZERO), "a paused listener is not work");
    clients[0].close();
    sim.settle();
    assert!(waiting.iter().all(|client| client.statuses() == [200]));
    assert_eq!(sim.stats().full, 1);
}

#[test]
fn a_server_that_pauses_when_full_goes_on_when_one_times_out() {
    let mut sim = slots(1, AtCapacity::Pause);
    let client = sim.connect_idle();
    let waiting = sim.connect();
    waiting.get("/");
    sim.pass(Duration::from_secs(75));
    assert!(client.is_gone());
    assert_eq!(waiting.statuses(), [200]);
}

#[test]
fn more_handshakes_than_the_budget_are_accepted_over_several_turns() {
    let mut sim = Sim::with(|config| config.budget.accepts = 3);
    let clients: Vec<Client> = (0..8).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/");
    }
    assert_eq!((sim.turn().accepted, sim.turn().accepted, sim.turn().accepted), (3, 3, 2));
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    sim.settle();
}
