//! Deferred requests that the host cancels.

use std::time::Duration;

use super::deferred::{SECOND, bodies, waiting};
use super::drain::drain;
use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::CloseMode;
use crate::deferred::{GoneReason, IdError};
use crate::state::State;
use crate::stats::{Phase, Reason};

#[test]
fn the_next_turn_closes_the_connection_of_a_cancelled_request_without_a_byte() {
    for mode in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        let mut sim = Sim::with(|config| config.close = mode);
        let client = waiting(&mut sim);
        let id = sim.site.parked[0];
        sim.cancel(id).unwrap();
        assert_eq!((client.is_served(), sim.timeout()), (true, Some(Duration::ZERO)));
        sim.process();
        assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)), "{mode:?}");
        assert_eq!((sim.stats().closes(Reason::Dropped), sim.site.gone.len()), (1, 0));
        sim.assert_empty();
    }
}

#[test]
fn a_cancelled_request_takes_no_buffer() {
    let mut sim = Sim::new();
    let _client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.cancel(id).unwrap();
    assert_eq!(sim.buffers_lent(), [0; 3]);
}

#[test]
fn requests_after_a_cancelled_one_get_no_response() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/a"), handler::get("/later"), handler::get("/b")].concat());
    sim.settle();
    let id = sim.site.parked[0];
    sim.cancel(id).unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.asked), (vec!["GET /a".into()], 2));
    sim.assert_empty();
}

#[test]
fn responses_before_a_cancelled_request_are_sent_first() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[handler::get("/a"), handler::get("/later")].concat());
    sim.settle();
    let id = sim.site.parked[0];
    sim.cancel(id).unwrap();
    sim.settle();
    assert_eq!(sim.state(&client), State::Sending);
    client.read(usize::MAX);
    sim.settle();
    assert_eq!((bodies(&client), client.ending()), (vec!["GET /a".into()], Some(Ending::Fin)));
    assert_eq!(sim.site.gone, []);
}

#[test]
fn a_cancelled_request_that_loses_its_connection_first_is_not_reported() {
    type End = fn(&mut Sim, &Client);
    let ends: [(Reason, End); 3] = [
        (Reason::Dropped, |sim, _| drain(sim)),
        (Reason::Shutdown, |sim, _| sim.engine.call(None).abort()),
        (Reason::PeerReset, |_, client| client.reset()),
    ];
    for (reason, end) in ends {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.stop_reading();
        client.send(&[handler::get("/a"), handler::get("/later")].concat());
        sim.settle();
        let id = sim.site.parked[0];
        sim.cancel(id).unwrap();
        end(&mut sim, &client);
        client.read(usize::MAX);
        sim.settle();
        assert_eq!((sim.stats().closes(reason), sim.site.gone.len()), (1, 0), "{reason:?}");
        sim.assert_empty();
    }
}

#[test]
fn a_request_that_is_over_cannot_be_cancelled() {
    let (mut sim, mut other) = (Sim::new(), Sim::new());
    let (_clients, lost) = ([waiting(&mut sim), waiting(&mut sim)], waiting(&mut sim));
    let [cancelled, answered, gone] = sim.site.parked[..] else { panic!("three are deferred") };
    sim.cancel(cancelled).unwrap();
    assert_eq!(sim.cancel(cancelled), Err(IdError::Over), "before its connection closes");
    sim.respond(answered, |responder| responder.status(204).empty()).unwrap();
    assert_eq!(sim.cancel(answered), Err(IdError::Over), "before it is sent");
    lost.reset();
    sim.settle();
    for id in [cancelled, answered, gone] {
        assert_eq!(sim.cancel(id), Err(IdError::Over));
        assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
        assert_eq!(other.cancel(id), Err(IdError::WrongServer));
    }
    assert_eq!(sim.site.gone, [(gone, GoneReason::Ended(Reason::PeerReset))]);
}

#[test]
fn a_streamed_response_cannot_be_cancelled() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/stream/chunked/5l,5e");
    sim.settle();
    let id = sim.site.streams[0].0;
    assert_eq!(sim.cancel(id), Err(IdError::Over));
    sim.resume_of(id).unwrap();
    sim.settle();
    assert!(client.responses()[0].is_whole);
}

#[test]
fn a_drain_ends_when_its_last_request_is_cancelled() {
    let mut sim = Sim::new();
    let _client = waiting(&mut sim);
    let now = sim.now();
    sim.engine.call(Some(now)).drain(3 * SECOND);
    sim.settle();
    let id = sim.site.parked[0];
    sim.cancel(id).unwrap();
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
}

#[test]
fn a_cancelled_request_whose_head_is_taken_is_closed_and_not_refused() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let client = sim.connect();
    client.send(&[handler::get("/later"), b"G".to_vec()].concat());
    sim.settle();
    let newcomer = sim.connect_idle();
    newcomer.send(b"GET / HT");
    sim.deliver();
    let id = sim.site.parked[0];
    sim.cancel(id).unwrap();
    sim.process();
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    newcomer.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!((newcomer.statuses(), sim.stats().errors(503)), (vec![200], 0));
}
