//! A host's clock that jumps, goes back or swings. Waits are measured by the latest `now`.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::state::State;
use crate::stats::Reason;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
const IDLE: Duration = Duration::from_secs(75);
const HEAD: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(5);

/// Connects one client in each state, in the states' order, except `AwaitingBuffer`, where nothing depends on the client.
fn one_in_each_state(sim: &mut Sim) -> Vec<Client> {
    let begin = |sim: &mut Sim, request: &[u8]| {
        let client = sim.connect_idle();
        client.send(request);
        client
    };
    let idle = sim.connect_idle();
    let head = begin(sim, b"GET /");
    let body = begin(sim, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    let holding = begin(sim, b"POST /pieces/some/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    let sending = sim.connect_idle();
    sending.stop_reading();
    sending.get("/large");
    let deferred = begin(sim, b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    let streaming = begin(sim, b"GET /stream/chunked/5l,5e HTTP/1.1\r\nHost: x\r\n\r\n");
    let closing = begin(sim, b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    let clients = vec![idle, head, body, holding, sending, deferred, streaming, closing];
    let states: Vec<State> = clients.iter().map(|client| sim.state(client)).collect();
    let all: Vec<State> =
        State::WAITING.into_iter().filter(|&state| state != State::AwaitingBuffer).collect();
    assert_eq!(states, all);
    clients
}

#[test]
fn clients_are_served_and_no_wait_ends_while_the_clock_is_set_back() {
    let mut sim = Sim::new();
    sim.advance(2 * HOUR);
    let clients = one_in_each_state(&mut sim);
    let active = sim.connect_idle();
    sim.elapsed -= HOUR;
    for round in 1..=100 {
        active.get("/");
        sim.advance(30 * SECOND);
        sim.settle();
        assert_eq!(active.statuses(), vec![200; round]);
        assert!(clients.iter().all(Client::is_served));
        assert_eq!(sim.timeout(), Some(LINGER), "the shortest wait stands still");
    }
    sim.elapsed = 2 * HOUR;
    sim.assert_ends_after(&clients[7], LINGER);
    sim.assert_ends_after(&clients[1], HEAD - LINGER);
    assert!(clients[0].is_served() && active.is_served());
}

#[test]
fn a_clock_that_jumps_a_century_ends_each_wait_in_its_own_way() {
    let mut sim = Sim::new();
    let clients = one_in_each_state(&mut sim);
    sim.advance(CENTURY);
    sim.settle();
    let [idle, head, body, holding, sending, deferred, streaming, closing] = &clients[..] else {
        unreachable!()
    };
    assert_eq!((idle.received_len(), idle.ending()), (0, Some(Ending::Fin)));
    assert_eq!((head.statuses(), body.statuses()), (vec![408], vec![408]));
    assert_eq!((holding.statuses(), deferred.statuses()), (vec![503], vec![503]));
    assert_eq!((sending.ending(), streaming.ending()), (Some(Ending::Reset), Some(Ending::Reset)));
    assert!(closing.is_gone());
    let reasons = [Reason::IdleTimeout, Reason::WriteTimeout, Reason::StreamTimeout, Reason::LingerTimeout];
    assert_eq!(reasons.map(|reason| sim.stats().closes(reason)), [1; 4]);
    // The timeouts are as long as before the jump.
    let late = sim.connect_idle();
    late.get("/");
    sim.settle();
    assert_eq!((late.statuses(), sim.timeout()), (vec![200], Some(LINGER)));
    sim.pass(LINGER);
    assert_eq!((sim.timeout(), sim.stats().open), (Some(IDLE - LINGER), 1));
    sim.pass(IDLE - LINGER);
    assert!(late.is_gone());
    sim.assert_empty();
}

#[test]
fn a_clock_that_swings_by_a_century_stands_still_at_its_latest_time() {
    let mut sim = Sim::new();
    let clients = one_in_each_state(&mut sim);
    sim.advance(CENTURY);
    sim.pass(LINGER);
    assert!(clients.iter().all(Client::is_gone));
    let latest = sim.elapsed;
    let client = sim.connect_idle();
    for round in 1..=100 {
        sim.elapsed = if round % 2 == 0 { latest } else { round as u32 * SECOND };
        client.get("/");
        let newcomer = sim.connect();
        newcomer.get_and_close("/");
        sim.settle();
        assert_eq!((client.statuses(), newcomer.statuses()), (vec![200; round], vec![200]));
        assert_eq!(sim.timeout(), Some(IDLE));
    }
    sim.elapsed = latest;
    sim.pass(IDLE);
    assert!(client.is_gone());
    sim.assert_empty();
}

#[test]
fn a_clock_beyond_all_numbers_costs_no_client_its_response() {
    // The first jump is longer than any wait. The second is longer than the server can count.
    for centuries in [3, 6] {
        let mut sim = Sim::new();
        let clients = one_in_each_state(&mut sim);
        sim.advance(centuries * CENTURY);
        for _ in 0..10 {
            let client = sim.connect();
            client.get("/");
            sim.deliver();
            let now = sim.now();
            sim.engine.call(Some(now)).process(&mut sim.site);
            assert_eq!(client.statuses(), [200], "{centuries} centuries");
        }
        assert!(clients[0].is_gone());
    }
}
