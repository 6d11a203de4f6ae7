//! Connections that the host ends from outside of its handler while a response is being sent or streamed.

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use super::host_closes::{assert_closed, close};
use super::names::{sim, with};
use super::streams::{only, streaming};
use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::state::State;
use crate::stats::Reason;

// --- Sending ---

/// A client that has received a part of a large response, and has sent a further request.
fn sending(target: &str) -> (Sim, Client) {
    let mut sim = sim();
    let client = sim.connect();
    client.stop_reading();
    client.read(1000);
    client.send(&[handler::get(target), handler::get("/behind")].concat());
    sim.settle();
    assert_eq!((sim.state(&client), client.received_len()), (State::Sending, 1000));
    (sim, client)
}

#[test]
fn a_response_that_is_being_sent_is_finished_and_is_the_last() {
    for target in ["/large", "/copied"] {
        for how in [CloseMode::Fin, CloseMode::Peer] {
            let (mut sim, client) = sending(target);
            close(&mut sim, &client, how);
            client.read(usize::MAX);
            sim.settle();
            let responses = client.responses();
            assert!(responses.len() == 1 && responses[0].is_whole, "{target} {how:?}");
            let ending = if how == CloseMode::Fin { Some(Ending::Fin) } else { None };
            assert_eq!((sim.state(&client), client.ending()), (State::Closing, ending));
            client.fin();
            sim.settle();
            assert_closed(&sim);
        }
    }
}

#[test]
fn a_deferred_request_behind_a_response_is_gone_before_the_response_is_sent() {
    let mut sim = sim();
    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[handler::get("/a"), handler::get("/later")].concat());
    sim.settle();
    assert_eq!(sim.state(&client), State::Sending);
    close(&mut sim, &client, CloseMode::Fin);
    sim.settle();
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::ClosedByHost))]);
    client.read(usize::MAX);
    client.fin();
    sim.settle();
    assert!(client.responses().len() == 1 && client.responses()[0].is_whole);
    assert_closed(&sim);
}

#[test]
fn a_response_that_is_cut_off_ends_with_a_reset() {
    for how in [CloseMode::Rst, CloseMode::Drop] {
        let (mut sim, client) = sending("/large");
        close(&mut sim, &client, how);
        assert_eq!((client.ending(), client.received_len()), (Some(Ending::Reset), 1000), "{how:?}");
        sim.settle();
        assert_closed(&sim);
    }
}

#[test]
fn the_host_decides_and_not_the_settings_how_the_connection_ends() {
    for usual in [CloseMode::Rst, CloseMode::Peer] {
        let mut sim = with(|config| config.close = usual);
        let client = sim.connect();
        client.stop_reading();
        client.get_and_close("/copied");
        sim.settle();
        close(&mut sim, &client, CloseMode::Fin);
        client.read(usize::MAX);
        sim.settle();
        assert!(client.responses()[0].is_whole);
        assert_eq!((sim.state(&client), client.ending()), (State::Closing, Some(Ending::Fin)), "{usual:?}");
        client.fin();
        sim.settle();
        assert_closed(&sim);
    }
}

#[test]
fn our_fin_leaves_in_one_segment_with_the_end_of_the_last_response() {
    let (mut sim, client) = sending("/copied");
    close(&mut sim, &client, CloseMode::Fin);
    client.read(usize::MAX);
    sim.settle();
    assert!(client.got_fin_with_bytes());
}

// --- Streaming ---

#[test]
fn a_streamed_response_goes_on_until_the_host_ends_it_and_is_the_last() {
    for usual in [CloseMode::Fin, CloseMode::Rst] {
        for how in [CloseMode::Fin, CloseMode::Peer] {
            let mut sim = with(|config| config.close = usual);
            let client = streaming(&mut sim, "10l,20l,5e");
            client.get("/behind");
            sim.settle();
            close(&mut sim, &client, how);
            sim.settle();
            assert_eq!((sim.state(&client), client.ending()), (State::Streaming, None));
            for _ in 0..2 {
                sim.resume().unwrap();
                sim.settle();
            }
            assert!(only(&client).is_whole, "{usual:?} {how:?}");
            let ending = if how == CloseMode::Fin { Some(Ending::Fin) } else { None };
            assert_eq!((sim.state(&client), client.ending()), (State::Closing, ending));
            client.fin();
            sim.settle();
            assert_eq!((sim.site.asked, sim.site.gone.len()), (1, 0));
            assert_closed(&sim);
        }
    }
}

#[test]
fn a_streamed_response_that_is_cut_off_is_reset_and_its_request_is_gone() {
    for how in [CloseMode::Rst, CloseMode::Drop] {
        let mut sim = sim();
        let client = streaming(&mut sim, "10l,5e");
        close(&mut sim, &client, how);
        assert_eq!((client.is_gone(), client.called(Call::ResetOnClose)), (true, true), "{how:?}");
        sim.settle();
        let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
        assert_eq!(told, [GoneReason::Ended(Reason::ClosedByHost)]);
        assert_closed(&sim);
    }
}

#[test]
fn a_connection_that_the_host_ends_before_it_can_take_it_over_is_closed() {
    for how in [CloseMode::Fin, CloseMode::Rst] {
        let mut sim = sim();
        let client = sim.connect();
        client.stop_reading();
        client.read(10);
        client.get("/upgrade");
        sim.settle();
        assert_eq!(sim.state(&client), State::Sending);
        close(&mut sim, &client, how);
        client.read(usize::MAX);
        client.fin();
        sim.settle();
        let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
        assert_eq!(told, [GoneReason::Ended(Reason::ClosedByHost)], "{how:?}");
        assert!(sim.site.taken.is_empty());
        assert_closed(&sim);
    }
}
