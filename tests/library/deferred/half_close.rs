//! Clients that leave while their answer is awaited, and a host that wants to hear of it (`Config::half_close` is off).

use std::time::{Duration, Instant};

use fourway::{
    BodyWriter, Config, GoneReason, Handler, IdError, More, Reason, Reply, Request, RequestId, Responder,
};

use super::answer;
use crate::common::embed::Rig;
use crate::common::{Client, PATIENCE, get};

fn rig() -> Rig {
    let mut config = Config::default();
    config.half_close = false;
    Rig::new(config)
}

/// Turns until the only deferred request is gone, because its client has sent a FIN.
fn until_gone(rig: &mut Rig) {
    rig.until("the FIN is noticed", |_, world| !world.gone.is_empty());
    let id = rig.world.parked[0];
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::PeerClosedEarly))]);
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(IdError::Over));
    let stats = rig.server.stats();
    assert_eq!((stats.open, stats.closed_by_client_first), (0, 1));
    rig.expect_alive();
}

#[test]
fn a_client_that_closes_altogether_is_reported() {
    let mut rig = rig();
    let (client, _) = rig.parked("/later");
    rig.settle();
    drop(client);
    until_gone(&mut rig);
}

#[test]
fn a_client_that_closes_its_half_is_reported_and_gets_an_end() {
    let mut rig = rig();
    let (mut client, _) = rig.parked("/later");
    rig.settle();
    client.finish();
    until_gone(&mut rig);
    client.expect_end();
}

#[test]
fn a_fin_that_comes_with_the_request_is_reported() {
    let mut rig = rig();
    let mut client = Client::connect(rig.address);
    client.send(get("/later"));
    client.finish();
    until_gone(&mut rig);
    client.expect_end();
}

#[test]
fn a_fin_that_comes_with_a_later_request_of_the_connection_is_reported() {
    let mut rig = rig();
    let mut client = rig.asking("/first");
    rig.settle();
    client.response();
    client.send(get("/later"));
    client.finish();
    until_gone(&mut rig);
    client.expect_end();
}

#[test]
fn a_fin_after_requests_that_wait_unread_is_reported() {
    let mut rig = rig();
    let (mut client, _) = rig.parked("/later");
    client.send(get("/behind").repeat(1000));
    rig.settle();
    drop(client);
    until_gone(&mut rig);
    assert!(!rig.world.asked.contains(&"/behind".into()));
}

#[test]
fn an_answer_before_the_fin_is_noticed_reaches_a_client_that_reads_on() {
    let mut rig = rig();
    let (mut client, id) = rig.parked("/later");
    client.finish();
    answer(&mut rig.server, id, b"here");
    rig.until("it has ended", |server, _| server.stats().open == 0);
    assert_eq!(client.response().body, b"here");
    assert_eq!(rig.world.gone, []);
}

/// Streams to each client, and never has more than one piece.
#[derive(Default)]
struct Events {
    begun: usize,
    gone: Vec<GoneReason>,
}

impl Handler for Events {
    fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        responder.status(200).stream(None).1
    }

    fn more(&mut self, _: RequestId, piece: &mut BodyWriter<'_>) -> More {
        self.begun += 1;
        let _ = piece.write_all(b"the first");
        More::Later
    }

    fn gone(&mut self, _: RequestId, why: GoneReason) {
        self.gone.push(why);
    }
}

#[test]
fn a_client_that_closes_its_half_ends_its_stream_with_a_reset() {
    let mut rig = rig();
    let mut events = Events::default();
    let mut client = Client::connect(rig.address);
    client.send(get("/events"));
    let start = Instant::now();
    while events.gone.is_empty() {
        assert!(start.elapsed() < PATIENCE, "still not so: {:?}", rig.server);
        assert_eq!(rig.host.gather(&mut rig.server, Duration::from_millis(100)), []);
        let had_begun = events.begun > 0;
        rig.server.process(Instant::now(), &mut events);
        if events.begun > 0 && !had_begun {
            client.response_head();
            client.finish();
        }
    }
    assert_eq!(events.gone, [GoneReason::Ended(Reason::PeerClosedEarly)]);
    client.try_rest().expect_err("a reset, because the body is not whole");
}
