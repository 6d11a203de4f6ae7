//! Deferred requests that the host cancels.

use std::time::Instant;

use fourway::{CloseMode, Config, IdError, Phase, Reason};

use super::answer;
use crate::common::embed::Rig;
use crate::common::{Client, PATIENCE, get};

#[test]
fn the_client_of_a_cancelled_request_sees_the_end_at_once_in_every_close_mode() {
    for mode in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        let mut config = Config::default();
        config.close = mode;
        let mut rig = Rig::new(config);
        let (mut client, id) = rig.parked("/later");
        rig.server.cancel(id, Instant::now()).expect("it waits");
        assert_eq!(rig.server.cancel(id, Instant::now()), Err(IdError::Over), "it is cancelled already");
        rig.server.process(Instant::now(), &mut rig.world);
        assert_eq!(client.rest(), b"", "{mode:?}");
        let stats = rig.server.stats();
        assert_eq!((stats.open, stats.closes(Reason::Dropped), stats.closed_by_client_first), (0, 1, 0));
        assert_eq!(rig.world.gone, []);
        rig.expect_alive();
    }
}

#[test]
fn a_cancelled_request_does_not_take_the_response_before_it_along() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send([get("/before"), get("/later")].concat());
    rig.until_asked(2);
    rig.server.cancel(rig.world.parked[0], Instant::now()).expect("it waits");
    rig.settle();
    assert_eq!(client.response().body, b"/before");
    client.expect_end();
}

#[test]
fn a_host_that_cancels_one_request_answers_the_others() {
    let mut rig = Rig::new(Config::default());
    let mut waiting: Vec<_> = (0..6).map(|_| rig.parked("/later")).collect();
    rig.server.drain(Instant::now(), PATIENCE);
    for (at, (_, id)) in waiting.iter().enumerate() {
        match at % 2 {
            0 => rig.server.cancel(*id, Instant::now()).expect("it waits"),
            _ => answer(&mut rig.server, *id, b"here"),
        }
    }
    rig.settle();
    for (at, (client, _)) in waiting.iter_mut().enumerate() {
        if at % 2 == 1 {
            assert_eq!(client.response().body, b"here");
        }
        client.expect_end();
    }
    drop(waiting);
    rig.until("all have ended", |server, _| server.phase() == Phase::Closed);
    assert_eq!(rig.world.gone, []);
}
