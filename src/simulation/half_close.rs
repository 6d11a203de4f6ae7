//! Clients that send their FIN while the host's response is awaited, if the settings take that for the end.
//!
//! `deferred_gone` has the default, in which such a client still gets its response.

use super::deferred::{bodies, waiting};
use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Arrival, Call, Ending};
use super::streams::{chunked, streaming};
use crate::deferred::{GoneReason, IdError};
use crate::net::Readiness;
use crate::state::State;
use crate::stats::Reason;

/// A server for which a FIN is the end of a deferred request.
fn sim() -> Sim {
    Sim::with(|config| config.half_close = false)
}

/// Asserts that the only deferred request is gone because of the FIN, and that nothing was read after it.
fn assert_gone(sim: &mut Sim, client: &Client) {
    let id = sim.site.parked[0];
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::PeerClosedEarly))]);
    assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
    assert!(client.is_gone() && !client.called(Call::Read(Ok(0))), "{:?}", client.calls());
    let stats = sim.stats();
    assert_eq!((stats.closes(Reason::PeerClosedEarly), stats.closed_by_client_first), (1, 1));
    sim.assert_empty();
}

#[test]
fn a_fin_during_a_deferred_request_ends_it_and_is_reported() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    client.fin();
    sim.settle();
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_gone(&mut sim, &client);
}

#[test]
fn a_fin_after_further_requests_ends_it_without_reading_them() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    client.get("/behind");
    sim.settle();
    client.fin();
    sim.settle();
    assert_eq!((sim.site.asked, client.ending()), (1, Some(Ending::Fin)));
    assert_gone(&mut sim, &client);
}

#[test]
fn a_fin_that_has_come_with_the_request_is_found_at_registration() {
    let mut sim = sim();
    let client = sim.connect();
    client.get("/later");
    client.fin();
    sim.settle();
    assert_gone(&mut sim, &client);
}

#[test]
fn a_fin_between_the_read_and_the_registration_is_found() {
    let mut sim = sim();
    let client = sim.connect();
    client.get("/later");
    client.later(Arrival::Fin);
    sim.settle();
    assert_gone(&mut sim, &client);
}

#[test]
fn a_fin_that_was_hinted_at_before_the_request_was_read_is_remembered() {
    let mut sim = sim();
    let client = sim.connect_idle();
    client.get("/later");
    client.fin();
    sim.settle();
    assert_gone(&mut sim, &client);
}

#[test]
fn a_response_that_the_host_gives_before_the_fin_is_noticed_is_sent() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    sim.answer("in time").unwrap();
    client.fin();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["in time".into()], 0));
    sim.assert_empty();
}

#[test]
fn responses_before_the_deferred_one_are_sent_first() {
    let mut sim = sim();
    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[handler::get("/large"), handler::get("/later")].concat());
    client.fin();
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.asked), (State::Sending, 1), "it may still read");
    client.read(usize::MAX);
    sim.settle();
    let responses = client.responses();
    assert!(responses.len() == 1 && responses[0].is_whole);
    assert_gone(&mut sim, &client);
}

#[test]
fn a_request_that_is_deferred_again_after_the_fin_is_gone_by_its_new_id() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    let (first, now) = (sim.site.parked.remove(0), sim.now());
    client.fin();
    let (second, _) = sim.engine.call(Some(now)).respond(first).unwrap().defer();
    sim.site.parked.push(second);
    sim.settle();
    assert_gone(&mut sim, &client);
}

#[test]
fn a_request_that_is_answered_at_once_is_answered_after_a_fin_too() {
    let mut sim = sim();
    let client = sim.connect_idle();
    client.get("/large");
    client.fin();
    sim.settle();
    assert!(client.responses()[0].is_whole);
    assert_eq!(sim.stats().closes(Reason::PeerClosed), 1);
    sim.assert_empty();
}

#[test]
fn a_false_hint_is_forgotten_when_a_read_finds_no_end() {
    let mut sim = sim();
    let client = sim.connect_idle();
    let token = sim.token(&client);
    sim.handle(token, Readiness { read_closed: true, ..Readiness::default() });
    sim.settle();
    client.get("/later");
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.gone.len()), (State::Deferred, 0));
}

// --- streams ---

#[test]
fn a_fin_ends_a_stream_that_waits_for_the_host_with_a_reset() {
    let mut sim = sim();
    let client = streaming(&mut sim, "10l,5e");
    client.fin();
    sim.settle();
    let (received, calls) = (client.received(), client.calls());
    assert_eq!((client.is_gone(), client.called(Call::ResetOnClose)), (true, true), "{calls:?}");
    assert!(!received.ends_with(b"0\r\n\r\n"), "the client can tell that something is missing");
    let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
    assert_eq!(told, [GoneReason::Ended(Reason::PeerClosedEarly)]);
    sim.assert_empty();
}

#[test]
fn a_fin_ends_a_stream_before_the_host_is_asked_for_the_next_piece() {
    let mut sim = sim();
    let client = sim.connect();
    client.stop_reading();
    client.read(1000);
    client.get(&chunked("40000a,40000a,5e"));
    sim.settle();
    client.fin();
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.pieces), (State::Sending, 1), "it may still read");
    client.read(usize::MAX);
    sim.settle();
    assert_eq!((client.is_gone(), sim.site.pieces), (true, 1));
    let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
    assert_eq!(told, [GoneReason::Ended(Reason::PeerClosedEarly)]);
    sim.assert_empty();
}

#[test]
fn a_reset_during_a_stream_is_not_taken_for_a_fin() {
    let mut sim = sim();
    let client = streaming(&mut sim, "10l,5e");
    client.reset();
    sim.settle();
    assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
    sim.assert_empty();
}
