//! Clients that leave before their deferred answer, and ids that outlive them.

use std::collections::HashSet;
use std::time::Instant;

use fourway::{Config, GoneReason, IdError, Reason};

use super::answer;
use crate::common::embed::Rig;
use crate::common::{Client, get};

#[test]
fn a_client_that_closes_its_half_still_gets_its_deferred_answer() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send([get("/later"), get("/behind")].concat());
    client.finish();
    rig.until_asked(1);
    rig.settle();
    assert_eq!(rig.server.stats().deferred, 1);
    answer(&mut rig.server, rig.world.parked[0], b"here");
    rig.until("it has ended", |server, _| server.stats().open == 0);
    assert_eq!(client.response().body, b"here");
    assert_eq!(client.response().body, b"/behind");
    client.expect_end();
    assert_eq!(rig.world.gone, []);
}

#[test]
fn a_reset_is_reported_to_the_host_once() {
    let mut rig = Rig::new(Config::default());
    let (client, id) = rig.parked("/later");
    client.reset();
    rig.until("the reset is noticed", |server, _| server.stats().open == 0);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
    rig.settle();
    rig.server.abort();
    rig.settle();
    assert_eq!(rig.world.gone.len(), 1);
}

#[test]
fn reset_behind_a_deferred_request_is_reported_once() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    client.send(get("/behind").repeat(1000));
    rig.settle();
    client.reset();
    rig.until("the reset is noticed", |server, _| server.stats().open == 0);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(rig.world.asked.len(), 1);
}

#[test]
fn an_answer_to_a_client_whose_reset_is_not_noticed_yet_does_no_harm() {
    let mut rig = Rig::new(Config::default());
    let (client, id) = rig.parked("/later");
    client.reset();
    // Its event has not been polled for yet.
    answer(&mut rig.server, id, b"too late");
    rig.server.process(Instant::now(), &mut rig.world);
    rig.until("the reset is noticed", |server, _| server.stats().open == 0);
    assert_eq!(rig.world.gone, [], "it was answered");
    rig.expect_alive();
}

// --- ids ---

#[test]
fn an_id_is_over_however_often_its_place_was_used_again() {
    let mut config = Config::default();
    config.max_connections = 2;
    let mut rig = Rig::new(config);
    let (client, first) = rig.parked("/later");
    client.reset();
    rig.until("the reset is noticed", |server, _| server.stats().open == 0);
    // A token's generation has 16 bits, and it may come back; an id must not.
    let mut seen = HashSet::from([first]);
    let mut client = Client::connect(rig.address);
    for round in 0..70_000 {
        let asked = rig.world.asked.len();
        client.send(get("/later"));
        rig.until_asked(asked + 1);
        let id = rig.world.parked[asked];
        assert!(seen.insert(id), "round {round}");
        assert_eq!(rig.server.respond(first, Instant::now()).err(), Some(IdError::Over), "round {round}");
        // By requests on one connection, and by connections in one place.
        let closes = round % 8 == 0;
        let responder = rig.server.respond(id, Instant::now()).expect("it still waits");
        if closes {
            responder.close();
        } else {
            responder.send(200, "text/plain", b"x");
        }
        rig.server.process(Instant::now(), &mut rig.world);
        if closes {
            client = Client::connect(rig.address);
        } else {
            assert_eq!(client.response().body, b"x");
        }
    }
    assert_eq!(rig.server.stats().accepted, 2 + 70_000 / 8);
    assert_eq!(rig.world.gone.len(), 1);
}

#[test]
fn an_id_of_another_server_differs_from_one_that_is_over() {
    let (mut rig, mut other) = (Rig::new(Config::default()), Rig::new(Config::default()));
    let (mut client, id) = rig.parked("/later");
    let (_other_client, _) = other.parked("/later");
    assert_eq!(other.server.respond(id, Instant::now()).err(), Some(IdError::WrongServer));
    answer(&mut rig.server, id, b"here");
    rig.settle();
    assert_eq!(client.response().body, b"here");
    assert_eq!(other.server.respond(id, Instant::now()).err(), Some(IdError::WrongServer));
}

#[test]
fn of_two_answers_to_one_id_the_second_is_over() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    answer(&mut rig.server, id, b"first");
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over), "before it is sent");
    rig.settle();
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over), "and after");
    assert_eq!(client.response().body, b"first");
    assert_eq!(rig.server.stats().handler_errors, 0);
    rig.expect_alive();
}

#[test]
fn an_answer_that_is_deferred_again_has_a_new_id() {
    let mut rig = Rig::new(Config::default());
    let (mut client, first) = rig.parked("/later");
    let (second, _) = rig.server.respond(first, Instant::now()).expect("it waits").defer();
    rig.settle();
    assert_eq!(rig.server.respond(first, Instant::now()).err(), Some(IdError::Over));
    answer(&mut rig.server, second, b"at last");
    rig.settle();
    assert_eq!(client.response().body, b"at last");
    assert_eq!(rig.world.gone, []);
}
