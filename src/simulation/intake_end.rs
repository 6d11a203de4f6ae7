//! How the intake of a body ends: each id once, whoever ends it.

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use super::intake::{SECOND, assert_gone, post, post_chunks, send};
use crate::deferred::GoneReason;
use crate::state::State;
use crate::stats::Reason;

#[test]
fn an_answer_in_the_middle_of_a_body_ends_the_intake() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&post("/pieces/until/30000e", 190_000)[..100_000]);
    sim.settle();
    client.send(&[b'x'; 50_000]);
    sim.settle();
    assert_eq!((client.statuses(), client.responses()[0].says_close), (vec![507], true));
    assert_eq!((sim.site.asked, sim.site.gone.len(), client.ending()), (0, 0, Some(Ending::Fin)));
    client.fin();
    sim.settle();
    sim.assert_empty();
}

#[test]
fn an_answer_to_the_last_piece_keeps_the_connection() {
    for request in [post("/pieces/until/50e", 100), post_chunks("/pieces/until/50e", 100, 100)] {
        let mut sim = Sim::new();
        let client = send(&mut sim, request);
        assert_eq!((client.statuses(), sim.site.asked), (vec![507, 200], 1));
    }
}

#[test]
fn a_request_can_be_deferred_in_the_middle_of_its_body() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&post("/pieces/until/30000d", 190_000)[..100_000]);
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.parked.len()), (State::Deferred, 1));
    sim.answer("late").unwrap();
    sim.settle();
    assert!(client.statuses() == [200] && client.responses()[0].says_close);
}

#[test]
fn a_panic_in_a_piece_ends_only_its_own_connection() {
    let mut sim = Sim::new();
    let client = send(&mut sim, post("/pieces/until/50p", 100));
    assert_eq!(client.ending(), Some(Ending::Reset));
    assert_gone(&mut sim, GoneReason::Ended(Reason::HandlerPanic));
    sim.assert_empty();
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_body_is_reported() {
    for (leave, why) in
        [(Client::fin as fn(&Client), Reason::PeerClosedEarly), (Client::reset, Reason::PeerReset)]
    {
        for first in [0, 1] {
            let mut sim = Sim::new();
            let client = sim.connect();
            client.send(&post("/pieces", 190_000)[..50_000]);
            for _ in 0..first {
                sim.settle();
            }
            leave(&client);
            sim.settle();
            assert_gone(&mut sim, GoneReason::Ended(why));
            sim.assert_empty();
        }
    }
}

#[test]
fn a_client_that_resets_while_the_host_holds_its_body_is_reported() {
    let mut sim = Sim::new();
    let client = send(&mut sim, post("/pieces/some/1", 100));
    client.reset();
    sim.settle();
    assert_gone(&mut sim, GoneReason::Ended(Reason::PeerReset));
}

#[test]
fn a_body_that_is_refused_is_reported() {
    for (rest, wait, status) in [(&b"xyz\r\n"[..], 0, 400), (b"", 30, 408)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(b"POST /pieces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
        sim.settle();
        client.send(rest);
        sim.pass(wait * SECOND);
        assert_eq!(client.statuses(), [status]);
        assert_gone(&mut sim, GoneReason::Refused(status));
    }
}

#[test]
fn a_held_body_makes_way_for_those_who_need_its_buffer() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let client = send(&mut sim, post("/pieces/some/1", 100));
    let other = sim.connect();
    other.send(b"GET /other HT");
    sim.settle();
    assert_eq!(client.statuses(), [503]);
    assert_gone(&mut sim, GoneReason::NoRoom);
}

#[test]
fn a_drain_and_an_abort_report_the_bodies_that_they_end() {
    for grace in [None, Some(10)] {
        let mut sim = Sim::new();
        let held = send(&mut sim, post("/pieces/some/1", 100));
        let now = sim.now();
        match grace {
            Some(grace) => sim.engine.call(Some(now)).drain(grace * SECOND),
            None => sim.engine.call(None).abort(),
        }
        sim.pass(11 * SECOND);
        assert!(held.is_gone());
        assert_gone(&mut sim, GoneReason::Ended(Reason::Shutdown));
        sim.assert_empty();
    }
}
