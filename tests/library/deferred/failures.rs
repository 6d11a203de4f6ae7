//! Deferred answers that fail, that come too late, or that the end of the server cuts off.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use fourway::{Config, GoneReason, IdError, Phase, Reason};

use super::answer;
use crate::common::embed::Rig;
use crate::common::{Client, PATIENCE, get};

#[test]
fn a_responder_that_is_dropped_answers_500() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    let _ = rig.server.respond(id, Instant::now()).expect("it waits");
    rig.settle();
    assert_eq!(client.response().status, 500);
    client.expect_end();
    assert_eq!((rig.server.stats().handler_errors, rig.server.stats().errors(500)), (1, 1));
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
    assert_eq!(rig.world.gone, [], "it was answered");
}

#[test]
fn a_deferred_request_that_times_out_is_a_503_and_is_reported() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    rig.settle();
    let start = Instant::now();
    let early = rig.server.next_timeout(start).expect("it is timed");
    assert!(early <= Duration::from_secs(30) && early > Duration::from_secs(20), "{early:?}");
    rig.server.process(start + early - Duration::from_millis(1), &mut rig.world);
    assert_eq!((rig.world.gone.len(), rig.server.stats().deferred), (0, 1), "not before its time");
    rig.server.process(start + early, &mut rig.world);
    assert_eq!(rig.world.gone, [(id, GoneReason::Timeout)]);
    assert_eq!(rig.server.respond(id, start + early).err(), Some(IdError::Over));
    assert_eq!(client.response().status, 503);
    client.expect_end();
    assert_eq!(rig.server.stats().max_lateness, Duration::ZERO);
}

#[test]
fn an_answer_in_the_last_moment_is_no_timeout() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    let late = Instant::now() + Duration::from_secs(40);
    let responder = rig.server.respond(id, late).expect("no call of process has ended it");
    responder.send(200, "text/plain", b"in time");
    rig.server.process(late, &mut rig.world);
    assert_eq!(client.response().body, b"in time");
    assert_eq!(rig.world.gone, []);
}

#[test]
fn when_all_exchanges_wait_for_answers_one_more_is_a_503_at_once() {
    let mut config = Config::default();
    config.exchanges = 3;
    let mut rig = Rig::new(config);
    let mut waiting: Vec<_> = (0..3).map(|_| rig.parked("/later")).collect();
    assert_eq!(rig.world.gone, []);
    let (mut fourth, id) = rig.parked("/later");
    assert_eq!(rig.world.gone, [(id, GoneReason::NoRoom)]);
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
    rig.settle();
    assert_eq!(fourth.response().status, 503);
    fourth.expect_end();
    // What is answered at once needs no exchange of its own.
    rig.expect_alive();
    for (client, id) in &mut waiting {
        answer(&mut rig.server, *id, b"here");
        rig.settle();
        assert_eq!(client.response().body, b"here");
    }
    assert_eq!(rig.world.gone.len(), 1);
}

#[test]
fn a_request_that_is_deferred_takes_the_exchange_of_a_slow_client() {
    let mut config = Config::default();
    config.exchanges = 1;
    let mut rig = Rig::new(config);
    let mut slow = Client::connect(rig.address);
    slow.send("GET /slow HTTP/1.1\r\n");
    rig.until("its head has begun", |server, _| server.stats().accepted == 1 && server.stats().idle == 0);
    let (mut client, id) = rig.parked("/later");
    rig.settle();
    assert_eq!(slow.response().status, 503);
    answer(&mut rig.server, id, b"here");
    rig.settle();
    assert_eq!(client.response().body, b"here");
    assert_eq!(rig.world.gone, []);
}

// --- ends of the server ---

#[test]
fn a_draining_server_still_sends_deferred_answers() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    rig.server.drain(Instant::now(), PATIENCE);
    rig.settle();
    answer(&mut rig.server, id, b"here");
    rig.settle();
    let response = client.response();
    assert_eq!((response.header("Connection"), &response.body[..]), (Some("close"), &b"here"[..]));
    client.expect_end();
    drop(client);
    rig.until("all have ended", |server, _| server.phase() == Phase::Closed);
    assert_eq!(rig.world.gone, []);
}

#[test]
fn deferred_requests_are_reported_at_the_end_of_the_grace() {
    let mut rig = Rig::new(Config::default());
    let (client, id) = rig.parked("/later");
    let start = Instant::now();
    rig.server.drain(start, Duration::from_secs(5));
    rig.server.process(start + Duration::from_secs(4), &mut rig.world);
    assert_eq!((rig.world.gone.len(), rig.server.phase()), (0, Phase::Draining));
    rig.server.process(start + Duration::from_secs(5), &mut rig.world);
    rig.server.process(start + Duration::from_secs(5), &mut rig.world);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::Shutdown))]);
    assert_eq!((rig.server.phase(), rig.server.next_timeout(start)), (Phase::Closed, None));
    drop(client);
}

#[test]
fn the_first_process_after_an_abort_reports_deferred_requests() {
    let mut rig = Rig::new(Config::default());
    let waiting: Vec<_> = (0..3).map(|_| rig.parked("/later")).collect();
    rig.server.abort();
    assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO), "there is news");
    rig.server.process(Instant::now(), &mut rig.world);
    let told: HashSet<_> = rig.world.gone.iter().map(|(id, _)| *id).collect();
    assert_eq!(told, rig.world.parked.iter().copied().collect());
    assert_eq!(rig.world.gone.len(), 3);
    assert_eq!(rig.server.phase(), Phase::Closed);
    drop(waiting);
}

#[test]
fn a_dropped_server_reports_nothing() {
    let mut rig = Rig::new(Config::default());
    let (mut client, _) = rig.parked("/later");
    // There is news, and no `process` to tell it.
    rig.server.abort();
    let Rig { server, world, .. } = rig;
    drop(server);
    assert_eq!(world.gone, []);
    client.try_rest().expect_err("its client is reset");
}

#[test]
fn a_request_deferred_by_a_handler_that_panics_is_reported_gone() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send(get("/later-panic"));
    rig.until_panic();
    let id = rig.world.parked[0];
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
    rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::HandlerPanic))]);
    rig.settle();
    assert_eq!(rig.world.gone.len(), 1);
    client.try_rest().expect_err("its client is reset");
    rig.expect_alive();
}

#[test]
fn an_answer_that_is_given_before_the_next_process_survives_another_handlers_panic() {
    let mut rig = Rig::new(Config::default());
    let (mut waiting, id) = rig.parked("/later");
    let mut victim = Client::connect(rig.address);
    victim.send(get("/later-panic"));
    rig.until_panic();
    rig.server.respond(id, Instant::now()).unwrap().send(200, "text/plain", b"here");
    rig.settle();
    assert_eq!(rig.server.stats().deferred, 0);
    assert_eq!(rig.world.gone, [(rig.world.parked[1], GoneReason::Ended(Reason::HandlerPanic))]);
    assert_eq!(waiting.response().body, b"here");
}
