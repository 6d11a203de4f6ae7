//! Deferred requests that are kept: the buffers that they hold, and what ends them.

use super::deferred::{DEFERRED, SECOND, bodies};
use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::kept::{body, kept, post};
use crate::deferred::{GoneReason, IdError};
use crate::state::State;
use crate::stats::{Phase, Reason};

/// Connects a client whose upload takes a body buffer, or waits for one.
fn upload(sim: &mut Sim) -> Client {
    let client = sim.connect();
    client.send(&post("/count", &body(90_000), false));
    sim.settle();
    client
}

// --- heads ---

#[test]
fn a_kept_request_makes_way_for_others_that_need_its_head() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let (client, id) = kept(&mut sim, &handler::get("/keep"));
    assert_eq!(sim.buffers_lent(), [1, 0, 0]);
    let newcomer = sim.connect();
    newcomer.send(b"GET / HT");
    sim.settle();
    assert_eq!((client.statuses(), sim.with_request(id)), (vec![503], None));
    assert_eq!(sim.site.gone, [(id, GoneReason::NoRoom)]);
    newcomer.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!(newcomer.statuses(), [200]);
}

#[test]
fn requests_that_arrive_whole_are_served_beside_any_number_of_kept_ones() {
    let mut sim = Sim::with(|config| config.buffers.heads = 3);
    let waiting: Vec<_> = (0..3).map(|_| kept(&mut sim, &handler::get("/keep"))).collect();
    let newcomer = sim.connect();
    newcomer.get("/");
    sim.settle();
    assert_eq!(newcomer.statuses(), [200]);
    for (client, id) in &waiting {
        sim.respond_with(*id, |responder| responder.send(200, "text/plain", b"done")).unwrap();
        sim.settle();
        assert_eq!(bodies(client), ["done"]);
    }
    assert_eq!((sim.site.gone.len(), sim.buffers_lent()), (0, [0; 3]));
}

// --- bodies ---

/// Creates a server with this number of body buffers, in which deferred requests and bodies may wait for long.
fn patient(bodies: usize) -> Sim {
    Sim::with(|config| {
        config.buffers.bodies = bodies;
        config.timeouts.deferred = 100 * SECOND;
        config.timeouts.queue = 50 * SECOND;
    })
}

#[test]
fn a_kept_body_keeps_its_buffer_until_it_is_answered_and_then_the_next_gets_it() {
    let mut sim = patient(1);
    let (client, id) = kept(&mut sim, &[post("/keep", &body(90_000), true), handler::get("/b")].concat());
    let other = upload(&mut sim);
    sim.pass(49 * SECOND);
    assert_eq!((sim.state(&client), sim.state(&other)), (State::Deferred, State::AwaitingBuffer));
    assert_eq!(sim.with_request(id).unwrap().body, body(90_000));
    sim.respond_with(id, |responder| responder.send(200, "text/plain", b"done")).unwrap();
    sim.settle();
    assert_eq!(
        (bodies(&client), bodies(&other)),
        (vec!["done".into(), "GET /b".into()], vec!["90000".into()])
    );
    assert_eq!((sim.lent(), sim.buffers_lent()), (0, [0; 3]));
}

#[test]
fn a_body_that_waits_for_a_kept_one_is_refused_in_its_own_time() {
    let mut sim = patient(1);
    let (client, id) = kept(&mut sim, &post("/keep", &body(90_000), false));
    let other = upload(&mut sim);
    sim.assert_ends_after(&other, 50 * SECOND);
    assert_eq!((other.statuses(), sim.state(&client)), (vec![503], State::Deferred));
    assert!(sim.with_request(id).is_some() && sim.site.gone.is_empty());
}

#[test]
fn a_slow_body_loses_its_buffer_also_if_a_kept_one_has_had_its_own_for_longer() {
    let mut sim = patient(2);
    let (_client, _) = kept(&mut sim, &post("/keep", &body(90_000), false));
    let slow = sim.connect();
    slow.send(&post("/count", &body(190_000), false)[..30_000]);
    sim.settle();
    let other = upload(&mut sim);
    for _ in 0..19 {
        slow.send(&body(4096));
        sim.pass(SECOND);
    }
    assert_eq!(
        (sim.state(&slow), sim.state(&other), sim.timeout()),
        (State::Body, State::AwaitingBuffer, Some(SECOND))
    );
    sim.pass(SECOND);
    assert_eq!((slow.statuses(), bodies(&other)), (vec![503], vec!["90000".into()]));
    assert_eq!((sim.site.gone.len(), sim.stats().deferred), (0, 1));
}

#[test]
fn a_response_frees_the_buffer_of_a_kept_body_before_the_client_has_taken_it() {
    let mut sim = patient(1);
    let (client, id) = kept(&mut sim, &post("/keep", &body(90_000), true));
    client.stop_reading();
    sim.respond_with(id, |responder| responder.status(200).body(&handler::LARGE[..])).unwrap();
    sim.settle();
    assert_eq!((sim.state(&client), sim.buffers_lent()), (State::Sending, [0, 1, 0]));
    let streams = kept(&mut sim, &post("/keep", &body(90_000), true));
    sim.stream(streams.1, "/stream/chunked/5l,5e").unwrap();
    sim.settle();
    assert_eq!((sim.state(&streams.0), sim.buffers_lent()), (State::Streaming, [0, 1, 0]));
}

// --- ends ---

#[test]
fn a_kept_request_that_ends_gives_all_its_buffers_back() {
    type End = fn(&mut Sim, &Client);
    let ends: [(Option<GoneReason>, End); 6] = [
        (Some(GoneReason::Ended(Reason::PeerReset)), |_, client| client.reset()),
        (Some(GoneReason::Timeout), |sim, _| sim.pass(DEFERRED)),
        (Some(GoneReason::Ended(Reason::Shutdown)), |sim, _| sim.engine.call(None).abort()),
        (Some(GoneReason::Ended(Reason::Shutdown)), |sim, _| {
            let now = sim.now();
            sim.engine.call(Some(now)).drain(SECOND);
            sim.pass(SECOND);
        }),
        (None, |sim, _| sim.cancel(sim.site.parked[0]).unwrap()),
        (None, |sim, _| sim.drop_responder(sim.site.parked[0]).unwrap()),
    ];
    for (why, end) in ends {
        for request in [handler::get("/keep"), post("/keep", &body(90_000), true)] {
            let mut sim = Sim::new();
            let (client, id) = kept(&mut sim, &[request, handler::get("/b")].concat());
            end(&mut sim, &client);
            sim.settle();
            assert_eq!((sim.with_request(id), sim.buffers_lent()), (None, [0; 3]), "{why:?}");
            assert_eq!(sim.cancel(id), Err(IdError::Over));
            assert_eq!(sim.site.gone, why.map(|why| (id, why)).as_slice());
            assert_eq!(sim.site.asked, 1, "the request after it is not answered");
            client.fin();
            sim.settle();
            sim.assert_empty();
        }
    }
}

#[test]
fn a_kept_request_may_be_answered_in_a_drain_and_is_the_last() {
    let mut sim = Sim::new();
    let (client, id) = kept(&mut sim, &[post("/keep", &body(90_000), true), handler::get("/b")].concat());
    let now = sim.now();
    sim.engine.call(Some(now)).drain(3 * SECOND);
    sim.settle();
    assert!(sim.with_request(id).is_some());
    sim.respond_with(id, |responder| responder.send(200, "text/plain", b"the last")).unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.asked), (vec!["the last".into()], 1));
    assert!(client.responses()[0].says_close);
    client.fin();
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.site.gone.len()), (Phase::Closed, 0));
    sim.assert_empty();
}

#[test]
fn a_half_closed_client_still_gets_the_response_to_its_kept_request() {
    let mut sim = Sim::new();
    let (client, id) = kept(&mut sim, &post("/keep", &body(90_000), false));
    client.fin();
    sim.settle();
    sim.respond_with(id, |responder| responder.send(200, "text/plain", b"done")).unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["done"]);
    sim.assert_empty();
}

/// These are the smallest settings.
#[test]
fn with_one_of_everything_kept_requests_are_answered() {
    for body_bytes in [1, 4095, 4096, 1 << 20] {
        let mut sim = Sim::with(|config| {
            config.max_connections = 3;
            config.exchanges = 3;
            (config.buffers.heads, config.buffers.outs, config.buffers.bodies) = (1, 1, 1);
            config.limits.head_bytes = 200;
            config.limits.body_bytes = body_bytes;
            config.limits.out_bytes = 512;
            config.budget.requests_per_connection = 1;
            config.budget.requests = 1;
            config.budget.bytes_per_connection = 1;
        });
        for _ in 0..3 {
            let request = [post("/keep", &body(body_bytes.min(90_000)), true), handler::get("/b")].concat();
            let (client, id) = kept(&mut sim, &request);
            sim.respond_with(id, |responder| responder.send(200, "text/plain", b"done")).unwrap();
            sim.settle();
            assert_eq!(bodies(&client), ["done", "GET /b"], "{body_bytes}");
            client.fin();
            sim.settle();
        }
        sim.assert_empty();
    }
}
