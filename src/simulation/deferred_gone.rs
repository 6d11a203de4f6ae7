//! Deferred requests that end without a response, and what the handler hears of them.

use std::time::Duration;

use super::deferred::{DEFERRED, SECOND, bodies, waiting};
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::deferred::{GoneReason, IdError};
use crate::net::Readiness;
use crate::state::State;
use crate::stats::{Phase, Reason};

// --- the end of the wait ---

#[test]
fn a_response_that_is_not_given_in_time_is_a_503_and_reported_gone() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.assert_ends_after(&client, DEFERRED);
    assert_eq!((client.statuses(), sim.stats().errors(503)), (vec![503], 1));
    assert!(client.responses()[0].says_close);
    assert_eq!(sim.site.gone, [(id, GoneReason::Timeout)]);
    assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
    client.fin();
    sim.settle();
    assert_eq!(sim.site.gone.len(), 1);
    sim.assert_empty();
}

#[test]
fn the_503_to_head_has_no_body_and_later_requests_get_no_response() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    sim.pass(DEFERRED);
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 ") && text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!((text.matches("HTTP/1.1").count(), sim.site.asked), (1, 1));
}

#[test]
fn a_response_given_at_the_last_moment_is_in_time() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    sim.advance(DEFERRED);
    sim.answer("just in time").unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["just in time".into()], 0));
}

#[test]
fn a_half_closed_client_still_gets_a_deferred_response() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    client.fin();
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["late".into()], 0));
    assert_eq!(sim.stats().closes(Reason::PeerClosed), 1);
    sim.assert_empty();
}

#[test]
fn a_reset_during_a_deferred_request_is_reported_once_without_reading() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    client.get("/behind");
    sim.settle();
    client.reset();
    sim.settle();
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(
        client.count(|call| matches!(call, Call::Read(Ok(_)))),
        1,
        "the server reads nothing meanwhile"
    );
    assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
    sim.assert_empty();
}

#[test]
fn an_error_hint_alone_ends_nothing() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let token = sim.token(&client);
    sim.handle(token, Readiness { error: true, read_closed: true, ..Readiness::default() });
    sim.settle();
    assert_eq!((sim.state(&client), client.called(Call::TakeError)), (State::Deferred, true));
}

#[test]
fn a_request_that_was_answered_before_a_reset_is_not_reported_gone() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    sim.answer("too late").unwrap();
    client.reset();
    sim.settle();
    assert_eq!((sim.site.gone.len(), sim.stats().closes(Reason::PeerReset)), (0, 1), "it was answered");
    sim.assert_empty();
}

#[test]
fn a_deferred_request_after_an_unread_response_is_reported_gone() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[handler::get("/a"), handler::get("/later")].concat());
    sim.settle();
    let id = sim.site.parked[0];
    sim.pass(Duration::from_secs(30));
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::WriteTimeout))]);
    sim.assert_empty();
}

#[test]
fn a_deferred_request_is_gone_if_its_connection_cannot_be_watched() {
    let mut sim = Sim::new();
    sim.world().watch_faults.push_back(std::io::ErrorKind::StorageFull);
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Unpollable))]);
    sim.assert_empty();
}

#[test]
fn a_handler_that_defers_and_panics_hears_that_its_request_is_gone() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later-panic");
    sim.settle();
    assert!(client.is_gone());
    let id = sim.site.parked[0];
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::HandlerPanic))]);
    assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
    sim.assert_empty();
}

#[test]
fn an_id_left_by_a_panic_does_not_mix_with_the_next_response() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let victim = sim.connect();
    victim.get("/later-panic");
    sim.turn();
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["late"]);
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::HandlerPanic))]);
}

// --- buffers ---

#[test]
fn deferred_requests_are_not_evicted() {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let (waiter, slow) = (waiting(&mut sim), sim.connect());
    slow.send(b"GET / HT");
    sim.settle();
    let other = sim.connect();
    other.send(b"GET / HT");
    sim.settle();
    assert_eq!((slow.statuses(), other.statuses(), sim.state(&waiter)), (vec![503], vec![], State::Deferred));
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(bodies(&waiter), ["late"]);
}

#[test]
fn another_deferred_request_gets_a_503_if_all_exchanges_are_deferred() {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let waiters = [waiting(&mut sim), waiting(&mut sim)];
    let third = sim.connect();
    third.get("/later");
    sim.settle();
    assert_eq!(third.statuses(), [503]);
    assert_eq!(sim.site.gone, [(sim.site.parked[2], GoneReason::NoRoom)]);
    let whole = sim.connect();
    whole.get("/");
    sim.settle();
    assert_eq!(whole.statuses(), [200], "a request that is answered at once keeps no exchange");
    sim.answer("one").unwrap();
    sim.answer("two").unwrap();
    sim.settle();
    assert_eq!(waiters.map(|client| bodies(&client)), [["one"], ["two"]]);
}

#[test]
fn a_slow_head_is_refused_if_all_exchanges_are_deferred() {
    let mut sim = Sim::with(|config| config.exchanges = 1);
    let _waiter = waiting(&mut sim);
    let slow = sim.connect();
    slow.send(b"GET / HT");
    sim.settle();
    assert_eq!((slow.statuses(), sim.stats().deferred), (vec![503], 1));
}

// --- the server's own end ---

#[test]
fn a_deferred_request_may_be_answered_in_a_drain_and_is_the_last() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let now = sim.now();
    sim.engine.call(Some(now)).drain(3 * SECOND);
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Draining, Some(3 * SECOND)));
    sim.answer("the last").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["the last"]);
    assert!(client.responses()[0].says_close);
    client.fin();
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.site.gone.len()), (Phase::Closed, 0));
}

#[test]
fn deferred_requests_are_gone_when_the_grace_ends() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let now = sim.now();
    sim.engine.call(Some(now)).drain(3 * SECOND);
    sim.pass(3 * SECOND);
    assert_eq!(client.ending(), Some(Ending::Reset));
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Shutdown))]);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
}

#[test]
fn the_turn_after_an_abort_reports_what_is_gone() {
    let mut sim = Sim::new();
    let _clients = [waiting(&mut sim), waiting(&mut sim)];
    sim.answer("written, but never sent").unwrap();
    sim.engine.call(None).abort();
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Draining, Some(Duration::ZERO)));
    sim.turn();
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Shutdown))]);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
    sim.assert_empty();
}

#[test]
fn the_phase_is_closed_only_after_the_handler_knows_all_gone_requests() {
    let mut sim = Sim::new();
    let _client = waiting(&mut sim);
    sim.engine.call(None).abort();
    let now = sim.now();
    sim.engine.call(Some(now)).drain(SECOND);
    assert_eq!(sim.engine.phase(), Phase::Draining);
    sim.turn();
    assert_eq!((sim.engine.phase(), sim.site.gone.len()), (Phase::Closed, 1));
}
