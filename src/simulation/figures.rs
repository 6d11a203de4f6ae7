//! The server's own figures inside a handler: its counters, its gauges and the host's time.

use std::time::{Duration, Instant};

use super::deferred::waiting;
use super::harness::figures::gauges;
use super::harness::net::FakeStream;
use super::harness::sim::Sim;
use crate::config::CloseMode;
use crate::deferred::RequestId;
use crate::handler::request::Request;
use crate::handler::{Handler, Host, Reply, Responder};
use crate::stats::{Reason, Stats};

/// A handler that writes down what it sees.
#[derive(Default)]
struct Observer {
    seen: Vec<(Stats, Instant)>,
}

impl Handler for Observer {
    fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.seen.push((responder.stats().clone(), responder.now()));
        responder.status(204).empty()
    }
}

impl Host<FakeStream> for Observer {
    fn take(&mut self, _: RequestId, _: FakeStream, _: &[u8]) {
        unreachable!("it takes nothing over");
    }
}

impl Observer {
    /// Does one turn with this handler. Returns what it has seen.
    fn turn(sim: &mut Sim) -> Vec<(Stats, Instant)> {
        let mut observer = Observer::default();
        let now = sim.now();
        sim.deliver();
        sim.engine.call(Some(now)).process(&mut observer);
        observer.seen
    }
}

/// Connects clients until the server has one connection in each state, and one more that is idle.
fn one_in_each_state(sim: &mut Sim) {
    let (head, holder, queued, sending) = (sim.connect(), sim.connect(), sim.connect(), sim.connect());
    let large = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 90000\r\n\r\n";
    sim.connect_idle();
    sim.connect_idle();
    head.send(b"GET / HT");
    holder.send(large);
    sim.settle();
    queued.send(large);
    sending.stop_reading();
    sending.get("/large");
    waiting(sim);
    let paused = b"POST /pieces/some/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab";
    sim.connect().send(paused);
    sim.connect().get("/stream/chunked/5l,5e");
    sim.connect().get("/close");
    sim.settle();
}

#[test]
fn a_handler_sees_how_many_connections_are_in_each_state() {
    let mut sim = Sim::with(|config| config.buffers.bodies = 1);
    one_in_each_state(&mut sim);
    sim.connect().get("/");
    let [(stats, _)] = &Observer::turn(&mut sim)[..] else { panic!("there is one request") };
    assert_eq!((stats.open, gauges(stats)), (10, [2, 1, 1, 1, 1, 1, 1, 1, 1]));
    assert_eq!(gauges(&sim.stats()), [3, 1, 1, 1, 1, 1, 1, 1, 1], "the newcomer is idle now");
}

#[test]
fn gauges_stay_as_they_were_when_the_turn_began_and_counters_count_on() {
    let mut sim = Sim::new();
    let before = sim.connect_idle();
    let requests = sim.stats().requests;
    for client in [before, sim.connect(), sim.connect()] {
        client.get("/");
    }
    let seen = Observer::turn(&mut sim);
    let of =
        |figure: fn(&Stats) -> u64| -> Vec<u64> { seen.iter().map(|(stats, _)| figure(stats)).collect() };
    assert_eq!(of(|stats| stats.open as u64), [1, 1, 1]);
    assert_eq!(of(|stats| stats.idle as u64), [1, 1, 1]);
    assert_eq!(of(|stats| stats.requests - 1), [requests, requests + 1, requests + 2]);
    assert_eq!(of(|stats| stats.accepted), [1, 3, 3]);
    assert_eq!(sim.stats().open, 3);
}

#[test]
fn a_handler_sees_reasons_and_lateness_like_the_host() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.fin();
    sim.settle();
    let late = sim.connect_idle();
    late.send(b"GET / HT");
    sim.settle();
    sim.advance(Duration::from_secs(13));
    sim.connect().get("/");
    let [(stats, _)] = &Observer::turn(&mut sim)[..] else { panic!("there is one request") };
    assert_eq!(stats.closes(Reason::PeerClosed), 1);
    assert_eq!(stats.max_lateness, Duration::from_secs(3), "the head was due after ten seconds");
    assert_eq!(sim.stats().max_lateness, Duration::from_secs(3));
}

#[test]
fn a_handler_sees_the_time_that_the_host_has_passed_even_if_it_went_back() {
    let mut sim = Sim::new();
    sim.advance(Duration::from_secs(9));
    sim.connect().get("/");
    let later = sim.now();
    let [(_, seen)] = Observer::turn(&mut sim)[..] else { panic!("there is one request") };
    assert_eq!(seen, later);
    sim.elapsed -= Duration::from_secs(5);
    sim.connect().get("/");
    let [(_, seen)] = Observer::turn(&mut sim)[..] else { panic!("there is one request") };
    assert_eq!(seen, later - Duration::from_secs(5));
}

#[test]
fn the_responder_of_a_deferred_request_shows_the_figures_of_that_call() {
    let mut sim = Sim::new();
    let (first, second) = (waiting(&mut sim), waiting(&mut sim));
    let ids = sim.site.parked.clone();
    sim.advance(Duration::from_secs(2));
    let now = sim.now();
    sim.respond(ids[0], |responder| {
        assert_eq!((responder.now(), responder.stats().deferred), (now, 2));
        responder.status(204).empty()
    })
    .unwrap();
    sim.settle();
    sim.respond(ids[1], |responder| {
        assert_eq!((responder.stats().deferred, responder.stats().idle), (1, 1));
        responder.status(204).empty()
    })
    .unwrap();
    sim.settle();
    assert_eq!((first.statuses(), second.statuses()), (vec![204], vec![204]));
}

#[test]
fn each_response_counts_in_the_class_of_its_status_once_it_has_begun() {
    let mut sim = Sim::new();
    let classes = |sim: &Sim| [0, 1, 2, 3, 4, 5].map(|class| sim.stats().responses(class));
    for target in ["/", "/204", "/304", "/missing", "/impossible", "/refuse", "/upgrade", "/stream/5/5e"] {
        sim.connect().get(target);
    }
    sim.settle();
    assert_eq!(classes(&sim), [0, 1, 3, 1, 1, 2]);
    sim.connect().send(b"nonsense\r\n\r\n");
    sim.settle();
    assert_eq!(classes(&sim), [0, 1, 3, 1, 2, 2], "the server's own errors count");
    sim.connect().get("/drop");
    waiting(&mut sim);
    assert_eq!(classes(&sim), [0, 1, 3, 1, 2, 2], "these have no response, or none yet");
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.raw(b"any bytes")).unwrap();
    sim.settle();
    assert_eq!(classes(&sim), [1, 1, 3, 1, 2, 2], "nobody knows the status of a raw response");
}

#[test]
fn a_stream_whose_head_was_taken_back_counts_as_the_500_in_its_place() {
    let mut sim = Sim::new();
    sim.connect().get("/stream/10/9e");
    sim.settle();
    assert_eq!((sim.stats().responses(2), sim.stats().responses(5)), (0, 1));
}

#[test]
fn a_server_that_answers_nothing_counts_no_response() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Drop);
    sim.connect().get("/");
    sim.connect().send(b"nonsense\r\n\r\n");
    sim.settle();
    let stats = sim.stats();
    assert_eq!((stats.requests, stats.errors(400)), (1, 1));
    assert!((0..=5).all(|class| stats.responses(class) == 0), "{stats:?}");
}

#[test]
fn closes_are_counted_by_their_reason_and_by_the_side_that_was_first() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Peer);
    sim.connect_idle().fin();
    let clients = [sim.connect(), sim.connect()];
    for client in &clients {
        client.get("/close");
    }
    sim.settle();
    clients[0].fin();
    sim.settle();
    sim.pass(Duration::from_secs(20));
    let stats = sim.stats();
    let both = |reason| (stats.closes(reason), stats.closes_by_client(reason));
    assert_eq!((both(Reason::PeerClosed), both(Reason::Answered)), ((1, 1), (1, 1)));
    assert_eq!(both(Reason::LingerTimeout), (1, 0));
}
