//! Connections that the host ends from outside of its handler, in each state and close mode.

use std::time::Duration;

use super::deadlines::begin_post;
use super::deferred::{bodies, waiting};
use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use super::names::{sim, with};
use crate::config::CloseMode;
use crate::deferred::{GoneReason, IdError};
use crate::net::Interest;
use crate::state::State;
use crate::stats::Reason;

const LINGER: Duration = Duration::from_secs(5);

pub(super) fn close(sim: &mut Sim, client: &Client, how: CloseMode) {
    let name = sim.name(client);
    sim.close(name, how).unwrap();
}

/// Asserts that the only connection has ended because of the host, and that it was reported.
pub(super) fn assert_closed(sim: &Sim) {
    let reasons: Vec<Reason> = sim.site.known.closed.iter().map(|&(_, why)| why).collect();
    assert_eq!(reasons, [Reason::ClosedByHost]);
    sim.assert_empty();
}

/// Brings a client into a state.
pub(super) type Begin = fn(&mut Sim, &Client);

/// Returns how a client comes into each state that waits, except `Sending` and `Streaming`, which are in
/// `host_closes_responses`.
pub(super) fn in_each_state() -> Vec<(State, Begin)> {
    vec![
        (State::Idle, |_, _| {}),
        (State::Head, |_, client| client.send(b"GET / HT")),
        (State::Body, |_, client| begin_post(client)),
        (State::AwaitingBuffer, |sim, client| {
            let other = sim.connect();
            for client in [&other, client] {
                begin_post(client);
                client.send(&[b'x'; 30_000]);
                sim.settle();
            }
        }),
        (State::Holding, |_, client| {
            client.send(b"POST /pieces/some/10 HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n");
            client.send(&[b'x'; 50]);
        }),
        (State::Deferred, |_, client| client.get("/later")),
        (State::Closing, |_, client| client.get("/close")),
    ]
}

/// A server with one body buffer, and a client in a state.
pub(super) fn bring(state: State, begin: Begin) -> (Sim, Client) {
    let mut sim = with(|config| config.buffers.bodies = 1);
    let client = sim.connect_idle();
    begin(&mut sim, &client);
    sim.settle();
    assert_eq!(sim.state(&client), state);
    (sim, client)
}

// --- without a response ---

#[test]
fn rst_resets_at_once_in_every_state() {
    for (state, begin) in in_each_state() {
        let (mut sim, client) = bring(state, begin);
        let (before, name) = (client.received_len(), sim.name(&client));
        close(&mut sim, &client, CloseMode::Rst);
        assert_eq!(
            (client.is_gone(), client.received_len()),
            (true, before),
            "{state:?}, before the next turn"
        );
        assert!(client.called(Call::ResetOnClose));
        assert_eq!(sim.timeout(), Some(Duration::ZERO), "the end is still to be reported");
        sim.settle();
        assert_eq!(sim.site.known.closed, [(name, Reason::ClosedByHost)]);
    }
}

#[test]
fn drop_closes_at_once_without_a_byte_in_every_state() {
    for (state, begin) in in_each_state() {
        let (mut sim, client) = bring(state, begin);
        let (before, name) = (client.received_len(), sim.name(&client));
        close(&mut sim, &client, CloseMode::Drop);
        assert_eq!((client.is_gone(), client.received_len()), (true, before), "{state:?}");
        assert_eq!((client.ending(), client.called(Call::ResetOnClose)), (Some(Ending::Fin), false));
        sim.settle();
        assert_eq!(sim.site.known.closed, [(name, Reason::ClosedByHost)]);
    }
}

#[test]
fn fin_sends_our_fin_at_once_and_then_lingers_in_every_state() {
    for (state, begin) in in_each_state() {
        let (mut sim, client) = bring(state, begin);
        let (before, name) = (client.received_len(), sim.name(&client));
        close(&mut sim, &client, CloseMode::Fin);
        assert_eq!((client.ending(), client.received_len()), (Some(Ending::Fin), before), "{state:?}");
        sim.settle();
        client.get("/not-answered");
        sim.settle();
        assert_eq!((sim.state(&client), sim.site.known.closed.len()), (State::Closing, 0));
        client.fin();
        sim.settle();
        let reason = if state == State::Closing { Reason::Answered } else { Reason::ClosedByHost };
        assert_eq!((&sim.site.known.closed[..], client.received_len()), (&[(name, reason)][..], before));
    }
}

#[test]
fn peer_waits_for_the_fin_of_the_client_in_every_state() {
    for (state, begin) in in_each_state().into_iter().filter(|&(state, _)| state != State::Closing) {
        let (mut sim, client) = bring(state, begin);
        close(&mut sim, &client, CloseMode::Peer);
        sim.settle();
        assert_eq!((sim.state(&client), client.ending()), (State::Closing, None), "{state:?}");
        client.get("/not-answered");
        client.fin();
        sim.settle();
        assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
        assert_eq!(
            (sim.site.known.closed[0].1, sim.stats().closed_by_client_first),
            (Reason::ClosedByHost, 1)
        );
    }
}

#[test]
fn a_body_that_the_host_ends_leaves_its_buffer_to_the_next() {
    for how in [CloseMode::Fin, CloseMode::Rst] {
        let mut sim = with(|config| config.buffers.bodies = 1);
        let clients = [sim.connect_idle(), sim.connect_idle()];
        for client in &clients {
            begin_post(client);
            client.send(&[b'x'; 30_000]);
            sim.settle();
        }
        assert_eq!(sim.waiting(State::AwaitingBuffer), 1);
        close(&mut sim, &clients[0], how);
        sim.settle();
        assert_eq!(sim.state(&clients[1]), State::Body);
    }
}

// --- deferred requests ---

#[test]
fn a_deferred_request_is_gone_and_its_client_gets_no_response() {
    for how in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop] {
        let mut sim = sim();
        let client = waiting(&mut sim);
        client.get("/behind");
        sim.settle();
        let id = sim.site.parked[0];
        close(&mut sim, &client, how);
        assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
        client.fin();
        sim.settle();
        assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::ClosedByHost))], "{how:?}");
        assert_eq!((client.received_len(), sim.site.asked), (0, 1));
        assert_closed(&sim);
    }
}

#[test]
fn a_response_that_the_host_has_just_given_is_sent_and_is_the_last() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    client.get("/behind");
    sim.settle();
    sim.answer("the last").unwrap();
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    assert_eq!((bodies(&client), client.ending()), (vec!["the last".into()], Some(Ending::Fin)));
    client.fin();
    sim.settle();
    assert_eq!(sim.site.gone, []);
    assert_closed(&sim);
}

#[test]
fn a_response_without_a_byte_that_the_host_has_just_given_ends_the_connection() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.close()).unwrap();
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_eq!((sim.site.known.closed[0].1, sim.site.gone.len()), (Reason::Dropped, 0));
    sim.assert_empty();
}

#[test]
fn a_fin_that_cannot_be_sent_ends_a_deferred_request_once() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    client.reset();
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::ClosedByHost))]);
    assert_eq!((client.is_gone(), sim.site.known.closed[0].1), (true, Reason::PeerReset));
    sim.assert_empty();
}

#[test]
fn a_body_that_the_host_takes_is_gone_when_the_host_ends_its_connection() {
    for how in [CloseMode::Fin, CloseMode::Drop] {
        for size in [5, 50] {
            let mut sim = sim();
            let client = sim.connect();
            client.send(b"POST /pieces/some/10 HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n");
            client.send(&vec![b'x'; size]);
            sim.settle();
            assert_eq!(sim.state(&client), if size < 10 { State::Body } else { State::Holding });
            close(&mut sim, &client, how);
            client.fin();
            sim.settle();
            let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
            assert_eq!(told, [GoneReason::Ended(Reason::ClosedByHost)], "{how:?} {size}");
            assert_closed(&sim);
        }
    }
}

// --- what follows ---

#[test]
fn a_connection_that_lingers_for_the_host_times_out_as_any_other() {
    let mut sim = sim();
    let client = sim.connect_idle();
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    sim.assert_ends_after(&client, LINGER);
    assert_eq!(sim.site.known.closed[0].1, Reason::LingerTimeout);
    sim.assert_empty();
}

#[test]
fn in_mode_peer_our_fin_follows_after_the_linger_timeout() {
    let mut sim = sim();
    let client = sim.connect_idle();
    close(&mut sim, &client, CloseMode::Peer);
    sim.settle();
    sim.assert_ends_after(&client, LINGER);
    assert_eq!((sim.state(&client), client.ending()), (State::Closing, Some(Ending::Fin)));
}

#[test]
fn a_close_that_waits_for_the_client_can_be_made_sooner() {
    let mut sim = sim();
    let client = sim.connect_idle();
    close(&mut sim, &client, CloseMode::Peer);
    sim.settle();
    assert_eq!(client.ending(), None);
    close(&mut sim, &client, CloseMode::Peer);
    sim.settle();
    assert_eq!(client.ending(), None, "it waits on");
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    assert_eq!((client.ending(), sim.state(&client)), (Some(Ending::Fin), State::Closing));
    close(&mut sim, &client, CloseMode::Drop);
    assert!(client.is_gone());
    sim.settle();
    assert_closed(&sim);
}

#[test]
fn a_connection_closed_before_its_first_turn_is_watched_while_it_lingers() {
    let mut sim = sim();
    let (client, _) = sim.adopt();
    close(&mut sim, &client, CloseMode::Fin);
    assert_eq!(client.ending(), Some(Ending::Fin));
    sim.settle();
    assert!(client.called(Call::Watch(Interest::Input)));
    client.fin();
    sim.settle();
    assert_closed(&sim);
}

#[test]
fn a_connection_between_two_steps_of_a_wave_can_be_closed() {
    for how in [CloseMode::Fin, CloseMode::Drop] {
        let mut sim = sim();
        let (first, panics) = (sim.connect_idle(), sim.connect_idle());
        let name = sim.name(&first);
        first.get("/answered-and-not-sent");
        panics.get("/panic");
        sim.turn();
        assert_eq!(sim.state(&first), State::Received);
        sim.close(name, how).unwrap();
        first.fin();
        sim.settle();
        assert_eq!(first.statuses(), if how == CloseMode::Fin { vec![200] } else { vec![] });
        assert!(sim.site.known.closed.contains(&(name, Reason::ClosedByHost)));
        sim.assert_empty();
    }
}

#[test]
fn an_event_of_a_connection_that_the_host_has_closed_does_not_reach_its_successor() {
    let mut sim = with(|config| config.max_connections = 1);
    let client = sim.connect_idle();
    let token = sim.token(&client);
    close(&mut sim, &client, CloseMode::Rst);
    let (successor, _) = sim.adopt();
    sim.process();
    let calls = successor.calls();
    let readable = crate::net::Readiness { readable: true, error: true, ..Default::default() };
    assert!(sim.handle(token, readable));
    sim.process();
    assert_eq!((successor.calls(), sim.stats().stale_events), (calls, 1));
}
