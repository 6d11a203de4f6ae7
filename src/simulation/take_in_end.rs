//! How a request ends whose body waits unread, or has been taken in later: its id ends once.

use super::harness::handler::{self, Taking};
use super::harness::overdue::Overdue;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use super::intake::{SECOND, assert_gone, post};
use super::take_in::{INTAKES, deferred, expecting};
use crate::config::CloseMode;
use crate::deferred::{GoneReason, IdError};
use crate::intake::Intake;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;

/// Everything that a host can say about a request is too late.
fn assert_over(sim: &mut Sim) {
    let id = sim.site.parked[0];
    assert_eq!(sim.take_in(id, Intake::Whole), Err(IdError::Over));
    assert_eq!(sim.respond(id, |responder| responder.close()), Err(IdError::Over));
    assert_eq!(sim.cancel(id), Err(IdError::Over));
}

#[test]
fn a_client_that_leaves_while_its_body_waits_is_reported() {
    let mut sim = Sim::new();
    let (client, _) = deferred(&mut sim, &post("/head-later", 190_000));
    client.reset();
    sim.settle();
    assert_gone(&mut sim, GoneReason::Ended(Reason::PeerReset));
    assert_over(&mut sim);
    sim.assert_empty();
}

#[test]
fn a_client_that_ends_its_half_is_heard_of_if_the_settings_say_so() {
    let mut sim = Sim::with(|config| config.half_close = false);
    let (client, _) = deferred(&mut sim, &post("/head-later", 190_000)[..1000]);
    client.fin();
    sim.settle();
    assert_gone(&mut sim, GoneReason::Ended(Reason::PeerClosedEarly));
    sim.assert_empty();
}

#[test]
fn a_client_that_leaves_in_a_body_that_was_taken_in_is_reported() {
    for intake in INTAKES {
        let mut sim = Sim::new();
        let (client, id) = deferred(&mut sim, &post("/head-later", 190_000)[..1000]);
        sim.take_in(id, intake).unwrap();
        sim.settle();
        assert_eq!(sim.state(&client), State::Body);
        assert_over(&mut sim);
        client.fin();
        sim.settle();
        assert_gone(&mut sim, GoneReason::Ended(Reason::PeerClosedEarly));
        assert_eq!(sim.site.asked, 0, "{intake:?}");
        sim.assert_empty();
    }
}

#[test]
fn a_body_that_was_taken_in_and_comes_too_late_is_reported() {
    for intake in INTAKES {
        let mut sim = Sim::new();
        let (client, id) = deferred(&mut sim, &expecting("/head-later", 100));
        sim.take_in(id, intake).unwrap();
        sim.settle();
        sim.assert_ends_after(&client, 30 * SECOND);
        assert_eq!(client.statuses(), [100, 408]);
        assert_gone(&mut sim, GoneReason::Refused(408));
    }
}

#[test]
fn a_body_that_waits_too_long_costs_the_client_a_503() {
    let mut sim = Sim::new();
    let (client, _) = deferred(&mut sim, &post("/head-later", 190_000));
    sim.assert_ends_after(&client, 30 * SECOND);
    assert_eq!(client.statuses(), [503]);
    assert_gone(&mut sim, GoneReason::Timeout);
    assert_over(&mut sim);
}

#[test]
fn a_handler_responds_to_a_body_that_waits_too_long() {
    for len in [100, 190_000] {
        let mut sim = Sim::new();
        sim.site.overdue = Overdue::Respond;
        let (client, _) = deferred(&mut sim, &[post("/head-later", len), handler::get("/next")].concat());
        sim.pass(30 * SECOND);
        assert_eq!((client.responses()[0].body.as_slice(), sim.site.gone.len()), (&b"better late"[..], 0));
        assert_eq!(client.responses().len(), if len == 100 { 2 } else { 1 });
        assert_over(&mut sim);
    }
}

#[test]
fn a_handler_defers_a_body_that_waits_too_long_once_more() {
    let mut sim = Sim::new();
    sim.site.overdue = Overdue::DeferAgain;
    let (client, _) = deferred(&mut sim, &post("/head-later", 30_000));
    sim.pass(30 * SECOND);
    assert_over(&mut sim);
    let again = sim.site.parked[1];
    sim.take_in(again, Intake::Whole).unwrap();
    sim.settle();
    assert_eq!((client.responses()[0].body.as_slice(), sim.site.gone.len()), (&b"30000"[..], 0));
}

#[test]
fn the_deadline_of_a_body_begins_when_it_is_taken_in() {
    let mut sim = Sim::new();
    let (client, id) = deferred(&mut sim, &expecting("/head-later", 100));
    sim.pass(29 * SECOND);
    sim.take_in(id, Intake::Whole).unwrap();
    sim.settle();
    sim.assert_ends_after(&client, 30 * SECOND);
}

#[test]
fn a_host_cancels_a_request_whose_body_waits() {
    let mut sim = Sim::new();
    let (client, id) = deferred(&mut sim, &post("/head-later", 100));
    sim.cancel(id).unwrap();
    sim.settle();
    assert_eq!((client.received_len(), client.is_gone(), sim.site.gone.len()), (0, true, 0));
    sim.assert_empty();
}

#[test]
fn a_host_closes_the_connection_of_a_body_that_waits() {
    for how in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop] {
        let mut sim = Sim::with(|config| config.names = true);
        let (client, id) = deferred(&mut sim, &post("/head-later", 190_000));
        let name = sim.engine.names().of(Slot::new(id.slot())).expect("it has a name");
        sim.close(name, how).unwrap();
        sim.settle();
        client.fin();
        sim.settle();
        assert_gone(&mut sim, GoneReason::Ended(Reason::ClosedByHost));
        assert_over(&mut sim);
    }
}

#[test]
fn a_drain_and_an_abort_report_the_bodies_that_wait() {
    for aborts in [false, true] {
        let mut sim = Sim::new();
        let _client = deferred(&mut sim, &post("/head-later", 190_000)).0;
        let now = sim.now();
        if aborts {
            sim.engine.call(Some(now)).abort();
        } else {
            sim.engine.call(Some(now)).drain(SECOND);
            sim.pass(SECOND);
        }
        sim.settle();
        assert_gone(&mut sim, GoneReason::Ended(Reason::Shutdown));
        sim.assert_empty();
    }
}

#[test]
fn a_body_is_taken_in_during_a_drain() {
    let mut sim = Sim::new();
    let (client, id) = deferred(&mut sim, &expecting("/head-later", 100));
    let now = sim.now();
    sim.engine.call(Some(now)).drain(10 * SECOND);
    sim.take_in(id, Intake::Whole).unwrap();
    sim.settle();
    client.send(&[b'b'; 100]);
    sim.settle();
    assert_eq!((client.statuses(), client.responses()[1].says_close), (vec![100, 200], true));
}

#[test]
fn a_panic_in_a_piece_of_a_body_that_was_taken_in_is_reported_once() {
    let mut sim = Sim::new();
    let (client, id) = deferred(&mut sim, &post("/head-later", 100));
    sim.take_in(id, Intake::Pieces).unwrap();
    sim.site.bodies[0].2 = Taking::Until(10, 'p');
    sim.settle();
    assert_eq!(client.ending(), Some(Ending::Reset));
    assert_gone(&mut sim, GoneReason::Ended(Reason::HandlerPanic));
    sim.assert_empty();
}

#[test]
fn a_body_that_waits_makes_way_for_a_head() {
    let mut sim = Sim::with(|config| config.buffers.heads = 2);
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let client = sim.connect();
            client.send(&post("/head-later", 190_000));
            sim.settle();
            client
        })
        .collect();
    assert_eq!(clients[0].statuses(), [503]);
    assert_gone(&mut sim, GoneReason::NoRoom);
    let id = sim.site.parked[1];
    sim.take_in(id, Intake::Discard).unwrap();
    sim.settle();
    assert_eq!(clients[1].responses()[0].body, b"190000");
}

#[test]
fn only_a_request_that_was_deferred_at_its_head_has_a_body_to_take_in() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    let id = sim.site.parked[0];
    assert_eq!(sim.take_in(id, Intake::Whole), Err(IdError::Over));
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(client.statuses(), [200], "it has waited on");
    let other = sim.connect();
    other.send(&post("/pieces/until/1000d", 30_000));
    sim.settle();
    let id = sim.site.parked[0];
    assert_eq!(sim.take_in(id, Intake::Whole), Err(IdError::Over), "deferred in the middle of its body");
    let stranger = Sim::new().engine.call(None).take_in(id, Intake::Whole);
    assert_eq!(stranger, Err(IdError::WrongServer));
}
