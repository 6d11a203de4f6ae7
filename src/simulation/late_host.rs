//! A host that is late: its clients lose nothing, and the statistics show it.

use std::time::Duration;

use super::deadlines::{HEAD, IDLE, SECOND, begin_post};
use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use crate::stats::Reason;

#[test]
fn a_late_host_is_not_the_clients_fault() {
    let late = Duration::from_secs(1000);
    // An idle connection whose request has arrived.
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/");
    sim.advance(late);
    sim.turn();
    assert_eq!(client.statuses(), [200]);
    // A head whose rest has arrived.
    client.send(b"GET / HTTP/1.1\r\n");
    sim.settle();
    client.send(b"Host: x\r\n\r\n");
    sim.advance(late);
    sim.turn();
    assert_eq!(client.statuses(), [200, 200]);
    // A body whose rest has arrived.
    begin_post(&client);
    sim.settle();
    client.send(&[b'x'; 100_000]);
    sim.advance(late);
    // In the first of two turns it gets a body buffer.
    sim.turn();
    sim.turn();
    assert_eq!(client.statuses(), [200, 200, 200]);
    // A response for which there is room again.
    client.stop_reading();
    client.get("/large");
    sim.settle();
    client.read(usize::MAX);
    sim.advance(late);
    sim.settle();
    assert_eq!(client.responses()[3].body, handler::LARGE);
    // A close to which the client has replied with its FIN.
    client.get("/close");
    sim.settle();
    client.fin();
    sim.advance(late);
    sim.turn();
    assert_eq!(sim.stats().closes(Reason::Answered), 1);
    sim.assert_empty();
}

#[test]
fn a_queued_connection_does_not_time_out_before_its_turn() {
    let mut sim = Sim::with(|config| config.budget.requests = 1);
    let clients: Vec<Client> = (0..5).map(|_| sim.connect()).collect();
    sim.settle();
    for client in &clients {
        client.get("/");
    }
    sim.advance(IDLE);
    for served in 1..=5 {
        sim.turn();
        assert_eq!(sim.stats().requests, served);
    }
    assert!(clients.iter().all(|client| client.statuses() == [200]));
}

#[test]
fn more_timeouts_than_the_budget_are_left_as_work() {
    let mut sim = Sim::with(|config| config.budget.requests = 2);
    for _ in 0..5 {
        drop(sim.connect());
    }
    sim.settle();
    sim.advance(IDLE);
    let turns = [sim.turn(), sim.turn(), sim.turn()];
    assert_eq!(turns.map(|progress| progress.closed), [2, 2, 1]);
    assert_eq!(turns.map(|progress| progress.more), [true, true, false]);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    sim.pass(20 * SECOND);
    let later = sim.elapsed;
    sim.elapsed = 5 * SECOND;
    assert_eq!(sim.timeout(), Some(IDLE - 20 * SECOND));
    client.send(b"GET /");
    sim.deliver();
    let now = sim.now();
    sim.engine.call(Some(now)).process(&mut sim.site);
    assert_eq!(sim.timeout(), Some(HEAD));
    sim.elapsed = later;
    sim.assert_ends_after(&client, HEAD);
    assert_eq!(client.statuses(), [408]);
}

#[test]
fn the_statistics_show_that_a_host_came_late() {
    let mut sim = Sim::new();
    sim.connect_idle();
    sim.advance(IDLE + Duration::from_millis(3));
    sim.turn();
    assert_eq!(sim.stats().max_lateness, Duration::from_millis(3));
    sim.connect_idle();
    sim.advance(IDLE);
    sim.turn();
    assert_eq!(sim.stats().max_lateness, Duration::from_millis(3));
}

#[test]
fn the_statistics_show_that_a_host_delayed_work_that_was_left() {
    let mut sim = Sim::with(|config| config.budget.requests_per_connection = 1);
    let client = sim.connect();
    client.send(&handler::get("/").repeat(3));
    assert!(sim.turn().more);
    assert_eq!((sim.timeout(), sim.stats().max_lateness), (Some(Duration::ZERO), Duration::ZERO));
    sim.advance(Duration::from_millis(7));
    sim.settle();
    assert_eq!((client.statuses().len(), sim.stats().max_lateness), (3, Duration::from_millis(7)));
}

#[test]
fn a_host_that_comes_at_once_is_not_late_however_much_work_there_is() {
    let mut sim = Sim::with(|config| config.budget.requests = 1);
    let clients: Vec<Client> = (0..10).map(|_| sim.connect_idle()).collect();
    sim.advance(IDLE);
    while sim.timeout() == Some(Duration::ZERO) {
        sim.turn();
        sim.advance(Duration::from_millis(1));
    }
    assert!(clients.iter().all(Client::is_gone));
    assert_eq!(sim.stats().max_lateness, Duration::from_millis(1));
}

#[test]
fn after_an_abort_nobody_is_late() {
    let mut sim = Sim::with(|config| config.budget.accepts = 1);
    let _clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    assert!(sim.turn().more);
    sim.engine.call(None).abort();
    sim.advance(10 * SECOND);
    sim.process();
    assert_eq!((sim.timeout(), sim.stats().max_lateness), (None, Duration::ZERO));
}

#[test]
fn a_late_host_with_a_full_event_batch_costs_no_client_its_response() {
    for begin in [&b""[..], b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 0\r\n"] {
        let mut sim = Sim::new();
        let client = sim.connect_idle();
        client.send(begin);
        sim.settle();
        let rest = if begin.is_empty() { "GET / HTTP/1.1\r\nHost: x\r\n\r\n" } else { "Host: x\r\n\r\n" };
        client.send(rest.as_bytes());
        sim.advance(IDLE + SECOND);
        // The turn takes place without this client's event, which the poller still has.
        sim.process();
        sim.settle();
        assert_eq!(client.statuses(), [200]);
    }
}
