//! Deferred responses: what they can be, and which client gets them.

use std::sync::Arc;
use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::body::Body;
use crate::config::CloseMode;
use crate::deferred::IdError;
use crate::state::State;
use crate::stats::Reason;

pub(super) const DEFERRED: Duration = Duration::from_secs(30);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Connects a client whose request is deferred.
pub(super) fn waiting(sim: &mut Sim) -> Client {
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);
    client
}

pub(super) fn bodies(client: &Client) -> Vec<String> {
    let text = |body: &Vec<u8>| String::from_utf8_lossy(body).into_owned();
    client.responses().iter().map(|response| text(&response.body)).collect()
}

// --- the response ---

#[test]
fn the_next_turn_sends_a_deferred_response_without_an_event() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    assert_eq!((sim.stats().deferred, client.received_len()), (1, 0));
    sim.pass(SECOND);
    sim.answer("late").unwrap();
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    sim.process();
    assert_eq!(bodies(&client), ["late"]);
    assert_eq!((sim.state(&client), sim.stats().deferred), (State::Idle, 0));
    client.get("/next");
    sim.settle();
    assert_eq!(bodies(&client), ["late", "GET /next"]);
}

#[test]
fn a_deferred_response_is_dated_when_it_is_given() {
    let mut sim = Sim::with(|config| {
        config.wall_clock = || {
            use std::sync::atomic::{AtomicU64, Ordering};
            static READS: AtomicU64 = AtomicU64::new(0);
            let read = READS.fetch_add(1, Ordering::Relaxed);
            std::time::UNIX_EPOCH + Duration::from_secs(784_111_777 + 7 * read)
        };
    });
    let client = sim.connect();
    client.send(&[handler::get("/dated"), handler::get("/later")].concat());
    sim.settle();
    sim.advance(7 * SECOND);
    sim.answer("late").unwrap();
    sim.settle();
    let received = String::from_utf8(client.received()).unwrap();
    assert!(received.contains("Date: Sun, 06 Nov 1994 08:49:44 GMT\r\n"), "{received}");
}

#[test]
fn requests_after_a_deferred_one_wait_and_are_answered_in_order() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(
        &[handler::get("/a"), handler::get("/later"), handler::get("/b"), handler::get("/later")].concat(),
    );
    sim.settle();
    client.get("/c");
    sim.settle();
    assert_eq!((bodies(&client), sim.site.asked), (vec!["GET /a".into()], 2));
    sim.answer("one").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "one", "GET /b"]);
    sim.answer("two").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "one", "GET /b", "two", "GET /c"]);
}

#[test]
fn deferred_responses_may_be_given_in_any_order() {
    let mut sim = Sim::new();
    let clients = [waiting(&mut sim), waiting(&mut sim), waiting(&mut sim)];
    sim.site.parked.reverse();
    for text in ["third", "second", "first"] {
        sim.answer(text).unwrap();
    }
    sim.settle();
    assert_eq!(clients.map(|client| bodies(&client)), [["first"], ["second"], ["third"]]);
}

#[test]
fn a_response_may_be_given_while_an_earlier_one_is_still_being_sent() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(10_000);
    client.send(&[handler::get("/copied"), handler::get("/later"), handler::get("/b")].concat());
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.parked.len()), (State::Sending, 0), "one batch at a time");
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);

    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[handler::get("/a"), handler::get("/later"), handler::get("/b")].concat());
    sim.settle();
    assert_eq!(sim.state(&client), State::Sending);
    sim.site.parked.remove(0);
    sim.answer("late").unwrap();
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "late", "GET /b"]);
}

#[test]
fn a_deferred_response_may_be_large_and_the_last() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.status(200).close_after().body(&handler::LARGE[..])).unwrap();
    sim.settle();
    assert_eq!(client.responses()[0].body, handler::LARGE);
    assert!(client.responses()[0].says_close && client.ending() == Some(Ending::Fin));
}

#[test]
fn deferred_responses_obey_the_rules_of_head_and_of_http_1_0() {
    let mut sim = Sim::new();
    let (head, old) = (sim.connect(), sim.connect());
    head.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");
    old.send(b"GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    sim.settle();
    sim.answer("12345").unwrap();
    sim.answer("12345").unwrap();
    sim.settle();
    let text = |client: &Client| String::from_utf8(client.received()).unwrap();
    assert!(text(&head).ends_with("Content-Length: 5\r\n\r\n"), "{}", text(&head));
    assert!(text(&old).ends_with("Connection: keep-alive\r\n\r\n12345"), "{}", text(&old));
}

#[test]
fn a_requested_close_follows_the_deferred_response() {
    for (mode, lingers) in [(CloseMode::Fin, false), (CloseMode::Peer, true), (CloseMode::Rst, false)] {
        let mut sim = Sim::with(|config| config.close = mode);
        let client = sim.connect();
        client.get_and_close("/later");
        sim.settle();
        sim.answer("the last").unwrap();
        sim.settle();
        assert_eq!(bodies(&client), ["the last"], "{mode:?}");
        assert_eq!(client.is_served(), lingers, "{mode:?}");
    }
}

#[test]
fn a_dropped_responder_is_a_500_and_is_counted() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let (id, now) = (sim.site.parked[0], sim.now());
    drop(sim.engine.call(Some(now)).respond(id));
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().handler_errors), (vec![500], 1));
    assert!(client.responses()[0].says_close);
    let next = waiting(&mut sim);
    let (id, now) = (sim.site.parked[1], sim.now());
    sim.engine.call(Some(now)).respond(id).map(|responder| drop(responder.status(200))).unwrap();
    sim.settle();
    assert_eq!((next.statuses(), sim.stats().handler_errors), (vec![500], 2));
}

#[test]
fn a_deferred_request_may_be_closed_without_a_byte() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.close()).unwrap();
    sim.settle();
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_eq!((sim.stats().closes(Reason::Dropped), sim.site.gone.len()), (1, 0));
    sim.assert_empty();
}

#[test]
fn a_deferred_request_can_be_deferred_again_under_a_new_id() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let first = sim.site.parked[0];
    let now = sim.now();
    let (second, _) = sim.engine.call(Some(now)).respond(first).unwrap().defer();
    assert_ne!(first, second);
    sim.pass(SECOND);
    assert_eq!(sim.timeout(), Some(DEFERRED - SECOND), "its deadline stays");
    assert_eq!(sim.respond(first, |responder| responder.status(204).empty()), Err(IdError::Over));
    sim.respond(second, |responder| responder.send(200, "text/plain", b"at last")).unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["at last"]);
}

#[test]
fn a_request_that_is_deferred_again_keeps_its_deadline_while_outs_are_few() {
    let mut sim = Sim::with(|config| config.buffers.outs = 1);
    let client = waiting(&mut sim);
    let slow = sim.connect();
    slow.stop_reading();
    slow.get("/copied");
    sim.pass(SECOND);
    let id = sim.site.parked.pop().unwrap();
    sim.respond(id, |responder| responder.defer().1).unwrap();
    sim.settle();
    sim.pass(DEFERRED - 2 * SECOND);
    assert_eq!((sim.state(&client), client.received_len()), (State::Deferred, 0));
    sim.pass(SECOND);
    assert_eq!(client.statuses(), [503]);
}

// --- the body ---

/// Connects a client, and gives it a deferred response with this body.
fn answered(sim: &mut Sim, body: impl Into<Body>) -> Client {
    let client = waiting(sim);
    let id = sim.site.parked.pop().unwrap();
    let body = body.into();
    sim.respond(id, |responder| responder.status(200).body(body)).unwrap();
    client
}

#[test]
fn a_body_that_is_not_copied_may_exceed_the_out_buffer() {
    let mut sim = Sim::with(|config| config.limits.out_bytes = 512);
    for len in [1000, 2000, 4096, 4097, 100_000] {
        let client = answered(&mut sim, &handler::LARGE[..len]);
        sim.settle();
        assert_eq!(client.responses()[0].body, handler::LARGE[..len], "{len}");
    }
}

#[test]
fn a_body_of_a_small_page_costs_the_quota_what_its_writes_take() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, Body::Repeat { page: Arc::from(*b"x"), len: 10 << 20 });
    sim.process();
    let writes = client.count(|call| matches!(call, Call::Write(_)));
    assert!((100..300).contains(&writes), "{writes} writes in one turn");
}

#[test]
fn a_repeated_body_may_have_the_largest_possible_length() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    client.stop_reading();
    client.read(100_000);
    let id = sim.site.parked[0];
    let body = Body::Repeat { page: Arc::from(*handler::PAGE), len: u64::MAX };
    sim.respond(id, |responder| responder.status(200).body(body)).unwrap();
    sim.settle();
    let received = client.received();
    assert_eq!(received.len(), 100_000);
    assert!(String::from_utf8_lossy(&received).contains("Content-Length: 18446744073709551615\r\n"));
}

#[test]
fn a_shared_body_is_released_when_its_client_has_gone() {
    let mut sim = Sim::new();
    let shared: Arc<[u8]> = Arc::from(vec![b'x'; 100_000]);
    let clients: Vec<Client> = (0..3)
        .map(|_| {
            let client = waiting(&mut sim);
            client.stop_reading();
            let (id, body) = (sim.site.parked.pop().unwrap(), shared.clone());
            sim.respond(id, |responder| responder.status(200).body(body)).unwrap();
            sim.settle();
            client
        })
        .collect();
    assert_eq!(Arc::strong_count(&shared), 4);
    for client in &clients {
        client.reset();
    }
    sim.settle();
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[test]
fn a_205_has_no_content_and_says_so() {
    let mut sim = Sim::new();
    for written in [false, true] {
        let client = waiting(&mut sim);
        let id = sim.site.parked.pop().unwrap();
        sim.respond(id, |responder| match written {
            false => responder.send(205, "text/plain", b"left out"),
            true => {
                responder.body_with(205, "text/plain", |body| std::io::Write::write_all(body, b"left out"))
            }
        })
        .unwrap();
        sim.settle();
        assert_eq!((client.statuses(), bodies(&client)), (vec![205], vec![String::new()]));
        assert!(client.received().ends_with(b"\r\n\r\n"));
    }
}

// --- the ids ---

#[test]
fn a_request_gets_one_response() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.answer("once").unwrap();
    assert_eq!(sim.respond(id, |responder| responder.send(200, "text/plain", b"twice")), Err(IdError::Over));
    sim.settle();
    assert_eq!(sim.respond(id, |responder| responder.send(200, "text/plain", b"thrice")), Err(IdError::Over));
    sim.settle();
    assert_eq!(bodies(&client), ["once"]);
}

#[test]
fn an_id_never_means_a_later_request_of_its_connection_or_slot() {
    let mut sim = Sim::with(|config| config.max_connections = 1);
    let client = waiting(&mut sim);
    let old = sim.site.parked[0];
    sim.answer("first").unwrap();
    client.get("/later");
    sim.settle();
    assert_eq!(sim.respond(old, |responder| responder.status(204).empty()), Err(IdError::Over));
    client.reset();
    sim.settle();
    let other = waiting(&mut sim);
    assert_eq!(sim.respond(old, |responder| responder.status(204).empty()), Err(IdError::Over));
    assert_eq!(other.received_len(), 0);
}

#[test]
fn an_id_is_useless_at_another_server() {
    let (mut here, mut there) = (Sim::new(), Sim::new());
    let (_client, other) = (waiting(&mut here), waiting(&mut there));
    let id = here.site.parked[0];
    let answer = there.respond(id, |responder| responder.send(200, "text/plain", b"wrong"));
    assert_eq!(answer, Err(IdError::WrongServer));
    there.settle();
    assert_eq!(other.received_len(), 0);
}
