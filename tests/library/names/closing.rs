//! Connections that the host ends from outside of its handler, as their clients see it.

use std::io::ErrorKind;
use std::time::Instant;

use fourway::{GoneReason, IdError, Reason};

use super::*;
use crate::common::{get, stalled};

const MODES: [CloseMode; 4] = [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop];

fn close(rig: &mut Rig, name: ConnectionId, how: CloseMode) {
    assert_eq!(rig.server.close(name, how, Instant::now()), Ok(()));
}

/// Turns until the only connection has ended because of the host.
fn until_closed(rig: &mut Rig) {
    rig.until("it has ended", |server, _| server.stats().open == 0);
    rig.settle();
    let reasons: Vec<Reason> = rig.world.closed.iter().map(|&(_, why)| why).collect();
    assert_eq!(reasons, [Reason::ClosedByHost]);
}

#[test]
fn an_idle_client_sees_the_end_that_the_host_has_chosen() {
    for how in MODES {
        let mut rig = rig();
        let (mut client, name) = named(&mut rig);
        close(&mut rig, name, how);
        if how == CloseMode::Peer {
            rig.settle();
            assert_eq!(rig.server.stats().open, 1, "it waits for the client");
            client.finish();
        }
        match how {
            CloseMode::Rst => {
                let error = client.try_rest().expect_err("a reset");
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
            _ => {
                rig.settle();
                client.expect_end();
            }
        }
        drop(client);
        until_closed(&mut rig);
    }
}

#[test]
fn a_request_after_the_close_gets_no_response_and_no_reset_before_the_end() {
    let mut rig = rig();
    let (mut client, name) = named(&mut rig);
    close(&mut rig, name, CloseMode::Fin);
    client.send(get("/late"));
    rig.settle();
    client.expect_end();
    drop(client);
    until_closed(&mut rig);
    assert_eq!(rig.world.asked, ["/named"]);
}

#[test]
fn a_response_that_is_being_sent_arrives_whole_before_the_end() {
    let mut rig = rig();
    let mut client = stalled::client_in(&mut rig);
    client.send(get("/behind"));
    let name = last_name(&rig);
    close(&mut rig, name, CloseMode::Fin);
    let reader = std::thread::spawn(move || {
        let length = client.response().body.len() as u64;
        client.expect_end();
        length
    });
    assert_eq!(rig.serve(reader), stalled::LARGE);
    until_closed(&mut rig);
    assert_eq!(rig.world.asked, ["/stalled"]);
}

#[test]
fn a_response_that_is_cut_off_ends_with_a_reset() {
    for how in [CloseMode::Rst, CloseMode::Drop] {
        let mut rig = rig();
        let mut client = stalled::client_in(&mut rig);
        let name = last_name(&rig);
        close(&mut rig, name, how);
        client.try_rest().expect_err("a reset");
        until_closed(&mut rig);
    }
}

#[test]
fn a_deferred_request_is_reported_gone_and_its_client_sees_the_end() {
    for how in MODES {
        let mut rig = rig();
        let (mut client, id) = rig.parked("/later");
        let name = last_name(&rig);
        close(&mut rig, name, how);
        assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
        rig.settle();
        assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::ClosedByHost))]);
        if how == CloseMode::Peer {
            client.finish();
            rig.settle();
        }
        assert_eq!(client.try_rest().is_err(), how == CloseMode::Rst, "{how:?}");
        drop(client);
        until_closed(&mut rig);
    }
}
