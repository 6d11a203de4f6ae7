//! What happens when all exchanges are lent: the server evicts slow clients for honest ones.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::state::State;
use crate::stats::Reason;

/// Creates a server with two exchanges, and two slow clients that keep them.
fn exhausted(begin: [&str; 2]) -> (Sim, [Client; 2]) {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let slow = begin.map(|begin| {
        let client = sim.connect();
        client.stop_reading();
        client.read(500);
        client.send(begin.as_bytes());
        sim.pass(Duration::from_millis(1));
        client
    });
    assert_eq!(sim.lent(), 2);
    (sim, slow)
}

/// Connects a client that needs an exchange as well, because its request arrives in two pieces.
fn honest(sim: &mut Sim) -> Client {
    let honest = sim.connect();
    honest.send(b"GET / HT");
    sim.settle();
    honest.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    honest
}

const IN_HEAD: &str = "GET / HT";
const IN_BODY: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc";
const IN_SENDING: &str = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

fn assert_all_end(mut sim: Sim, clients: &[&Client]) {
    for client in clients {
        client.reset();
    }
    sim.settle();
    sim.assert_empty();
}

#[test]
fn a_request_that_arrives_whole_evicts_nobody() {
    let (mut sim, slow) = exhausted([IN_HEAD, IN_BODY]);
    let honest = sim.connect();
    honest.get("/");
    sim.settle();
    assert_eq!(honest.statuses(), [200]);
    assert_eq!(slow.map(|client| client.received().len()), [0, 0]);
}

#[test]
fn the_fullest_state_loses_its_oldest_when_all_exchanges_are_lent() {
    // With that of the honest client there are at least two connections in `Head`.
    for other in [IN_BODY, IN_SENDING, IN_HEAD] {
        let (mut sim, slow) = exhausted([IN_HEAD, other]);
        let honest = honest(&mut sim);
        assert_eq!((honest.statuses(), slow[0].statuses()), (vec![200], vec![503]));
        assert_ne!(slow[1].statuses(), [503]);
        assert_eq!(sim.waiting(State::Closing), 1);
        assert_all_end(sim, &[&slow[0], &slow[1], &honest]);
    }
}

#[test]
fn the_older_of_two_equally_full_states_is_evicted() {
    let (mut sim, slow) = exhausted([IN_BODY, IN_SENDING]);
    let first = honest(&mut sim);
    assert_eq!((first.statuses(), slow[0].statuses(), slow[1].ending()), (vec![200], vec![503], None));
    assert_all_end(sim, &[&slow[0], &slow[1], &first]);
}

#[test]
fn an_evicted_response_is_cut_off() {
    let (mut sim, slow) = exhausted([IN_SENDING, IN_SENDING]);
    let honest = honest(&mut sim);
    assert_eq!(honest.statuses(), [200]);
    assert_eq!((slow[0].ending(), slow[1].ending()), (Some(Ending::Reset), None));
    assert_all_end(sim, &[&slow[0], &slow[1], &honest]);
}

#[test]
fn a_slow_client_that_does_not_read_its_refusal_is_evicted() {
    let (mut sim, slow) = exhausted([IN_HEAD, IN_HEAD]);
    for client in &slow {
        client.stop_reading();
    }
    let honest = honest(&mut sim);
    assert_eq!(honest.statuses(), [200]);
    assert_eq!((slow[0].ending(), slow[1].ending()), (Some(Ending::Reset), None));
    assert_eq!(sim.stats().closes(Reason::Evicted), 1);
    assert_all_end(sim, &[&slow[0], &slow[1], &honest]);
}

#[test]
fn a_response_cut_off_for_its_exchange_counts_as_evicted() {
    let (mut sim, _slow) = exhausted([IN_SENDING, IN_SENDING]);
    honest(&mut sim);
    let stats = sim.stats();
    assert_eq!((stats.closes(Reason::Evicted), stats.closes(Reason::WriteTimeout)), (1, 0));
}

#[test]
fn requests_that_wait_for_their_turn_are_not_evicted() {
    let mut sim = Sim::with(|config| {
        config.exchanges = 1;
        config.budget.requests_per_connection = 1;
    });
    let (pipeliner, slow, honest) = (sim.connect(), sim.connect(), sim.connect());
    pipeliner.send(&handler::get("/").repeat(3));
    slow.send(IN_HEAD.as_bytes());
    honest.get("/");
    sim.settle();
    assert_eq!(honest.statuses(), [200]);
    assert_eq!((pipeliner.statuses(), slow.statuses()), (vec![200, 200, 200], vec![503]));
}
