//! A client sees the end of its connection although the server's socket has a second handle.
//!
//! A host that forks gives its child a second handle of every connection. Here the host makes it without a child.

use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::config;
use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, PATIENCE, get, get_and_close};
use fourway::{CloseMode, Config, Phase, Reason};

/// The longest that an answer or a FIN may take after the server's last system call.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A connection whose socket has a second handle on the server's side.
struct Pair {
    client: Client,
    _second_handle: TcpStream,
}

impl Pair {
    fn adopted_by(rig: &mut Rig) -> Pair {
        let listener = TcpListener::bind(ANY_PORT).expect("a free port");
        let client = Client::connect(listener.local_addr().expect("it listens"));
        let (stream, _) = listener.accept().expect("the client has connected");
        let second_handle = stream.try_clone().expect("a second handle");
        rig.server.adopt(stream, Instant::now()).expect("there is room");
        rig.settle();
        Pair { client, _second_handle: second_handle }
    }

    /// The client has sent one request and read the answer.
    fn served_by(rig: &mut Rig) -> Pair {
        let mut pair = Pair::adopted_by(rig);
        rig.ask(&mut pair.client, "/first");
        rig.settle();
        assert_eq!(pair.client.response().body, b"/first");
        pair
    }

    fn expect_answer_at_once(&mut self, body: &[u8]) {
        let start = Instant::now();
        assert_eq!(self.client.response().body, body);
        let waited = start.elapsed();
        assert!(waited < AT_ONCE, "the answer came after {waited:?}");
    }

    fn expect_end_at_once(&mut self) {
        self.client.socket().set_read_timeout(Some(AT_ONCE)).expect("a read timeout");
        match self.client.stream.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => panic!("more than the answer"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no FIN within {AT_ONCE:?}"),
            Err(error) => panic!("no FIN: {error}"),
        }
    }
}

fn rig() -> Rig {
    Rig::new(config(CloseMode::Fin))
}

/// Runs the host's loop until the connection has ended for this reason.
fn run_until_closed(rig: &mut Rig, why: Reason) {
    rig.until("the connection has ended", |server, _| server.stats().open == 0);
    assert_eq!(rig.server.stats().closes(why), 1, "{:?}", rig.server.stats());
}

// --- after an answer ---

#[test]
fn the_answer_and_the_end_come_at_once_when_the_client_asked_for_the_close() {
    let mut rig = rig();
    for request in [get_and_close("/who"), "GET /who HTTP/1.0\r\n\r\n".to_owned()] {
        let mut pair = Pair::adopted_by(&mut rig);
        let asked = rig.world.asked.len();
        pair.client.send(&request);
        rig.until_asked(asked + 1);
        rig.settle();
        pair.expect_answer_at_once(b"/who");
        pair.expect_end_at_once();
    }
}

#[test]
fn the_answer_and_the_end_come_at_once_when_the_server_decided_to_close() {
    let mut config = config(CloseMode::Fin);
    config.keep_alive = false;
    let mut rig = Rig::new(config);
    let mut pair = Pair::adopted_by(&mut rig);
    rig.ask(&mut pair.client, "/who");
    rig.settle();
    pair.expect_answer_at_once(b"/who");
    pair.expect_end_at_once();
}

#[test]
fn a_client_that_closes_its_half_sees_the_end_after_its_answer() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        let mut rig = Rig::new(config(close));
        let mut pair = Pair::adopted_by(&mut rig);
        pair.client.send(get("/who"));
        pair.client.finish();
        run_until_closed(&mut rig, Reason::PeerClosed);
        pair.expect_answer_at_once(b"/who");
        pair.expect_end_at_once();
    }
}

// --- without an answer ---

#[test]
fn the_client_sees_the_close_after_an_idle_timeout() {
    let idle = |make: fn(&mut Rig) -> Pair| {
        let mut config = config(CloseMode::Fin);
        config.timeouts.idle = Duration::from_millis(50);
        let mut rig = Rig::new(config);
        let mut pair = make(&mut rig);
        run_until_closed(&mut rig, Reason::IdleTimeout);
        pair.expect_end_at_once();
    };
    idle(Pair::adopted_by);
    idle(Pair::served_by);
}

#[test]
fn the_client_sees_that_it_is_evicted() {
    let mut config = config(CloseMode::Fin);
    config.max_connections = 1;
    let mut rig = Rig::new(config);
    let mut pair = Pair::served_by(&mut rig);
    rig.expect_alive();
    assert_eq!(rig.server.stats().closes(Reason::Evicted), 1, "{:?}", rig.server.stats());
    pair.expect_end_at_once();
}

#[test]
fn an_idle_client_sees_the_close_of_a_drain() {
    for make in [Pair::adopted_by, Pair::served_by] {
        let mut rig = rig();
        let mut pair = make(&mut rig);
        rig.server.drain(Instant::now(), PATIENCE);
        rig.until("the drain is over", |server, _| server.phase() == Phase::Closed);
        pair.expect_end_at_once();
    }
}

#[test]
fn an_idle_client_sees_the_close_of_an_abort() {
    for make in [Pair::adopted_by, Pair::served_by] {
        let mut rig = rig();
        let mut pair = make(&mut rig);
        rig.server.abort();
        assert_eq!(rig.server.phase(), Phase::Closed);
        pair.expect_end_at_once();
    }
}

#[test]
fn a_client_that_closes_its_half_within_a_request_sees_the_end() {
    let mut rig = Rig::new(Config::default());
    let mut pair = Pair::adopted_by(&mut rig);
    pair.client.send("GET /wh");
    pair.client.finish();
    run_until_closed(&mut rig, Reason::PeerClosedEarly);
    pair.expect_end_at_once();
}
