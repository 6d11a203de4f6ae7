//! Drains, aborts, and handlers that panic.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fourway::{Config, Phase, Reason, Stats};

use super::with_connections;
use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, PATIENCE, big, get, get_and_close, stalled};

// --- drains ---

/// A client that has stopped reading, and the server that drains meanwhile.
fn a_large_response_in_a_drain(grace: Duration) -> (Rig, Client) {
    let mut rig = Rig::new(Config::default());
    let client = stalled::client_in(&mut rig);
    rig.server.drain(Instant::now(), grace);
    rig.settle();
    assert_eq!(rig.server.phase(), Phase::Draining);
    (rig, client)
}

#[test]
fn a_drain_lets_a_slow_reader_have_its_whole_response() {
    let (mut rig, mut client) = a_large_response_in_a_drain(PATIENCE);
    let reader = thread::spawn(move || {
        let response = client.response();
        client.expect_end();
        response.body
    });
    rig.until("all have ended", |server, _| server.phase() == Phase::Closed);
    let body = reader.join().expect("a whole response");
    assert_eq!(body.len() as u64, stalled::LARGE);
    assert!(body.chunks(big().len()).all(|page| page == &big()[..page.len()]));
    assert_eq!(rig.server.stats().closes(Reason::Answered), 1);
    assert_eq!(rig.server.next_timeout(Instant::now()), None);
}

#[test]
fn a_drain_cuts_off_a_slow_reader_at_the_end_of_its_grace() {
    let grace = Duration::from_secs(20);
    let (mut rig, mut client) = a_large_response_in_a_drain(grace);
    let left = rig.server.next_timeout(Instant::now()).expect("the grace is timed");
    assert!(left <= grace, "{left:?}");
    let end = Instant::now() + left;
    rig.server.process(end - Duration::from_secs(1), &mut rig.world);
    assert_eq!((rig.server.phase(), rig.server.stats().open), (Phase::Draining, 1));
    rig.server.process(end, &mut rig.world);
    assert_eq!((rig.server.phase(), rig.server.stats().open), (Phase::Closed, 0));
    assert_eq!(rig.server.stats().closes(Reason::Shutdown), 1);
    client.try_response().expect_err("what is cut does not look whole");
}

// --- handlers that panic ---

#[test]
fn a_handlers_panic_resets_its_connection_and_no_other() {
    let mut rig = Rig::new(Config::default());
    let mut others: Vec<Client> = (0..3).map(|_| rig.asking("/before")).collect();
    let mut half = Client::connect(rig.address);
    half.send("POST /half HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n12");
    let (mut waiting, id) = rig.parked("/later");
    let mut victim = Client::connect(rig.address);
    victim.send([get("/fine"), get("/panic"), get("/behind")].concat());
    rig.until_panic();
    rig.server.process(Instant::now(), &mut rig.world);
    victim.try_rest().expect_err("a reset");
    assert_eq!((rig.server.stats().handler_panics, rig.server.stats().closes(Reason::HandlerPanic)), (1, 1));
    assert!(!rig.world.asked.contains(&"/behind".to_owned()));

    for client in &mut others {
        rig.ask(client, "/after");
        rig.settle();
        assert_eq!(
            (client.response().body, client.response().body),
            (b"/before".to_vec(), b"/after".to_vec())
        );
    }
    half.send("345");
    rig.server.respond(id, Instant::now()).expect("it waits").send(200, "text/plain", b"here");
    rig.until("the body has come", |_, world| world.asked.last().is_some_and(|target| target == "/half"));
    rig.settle();
    assert_eq!(half.response().body, b"/half12345");
    assert_eq!(waiting.response().body, b"here");
    rig.expect_alive();
}

#[test]
fn a_handler_that_panics_at_every_second_request_costs_no_other_client_an_answer() {
    let mut rig = Rig::new(with_connections(4));
    for round in 0..100 {
        let mut victim = Client::connect(rig.address);
        victim.send(get("/panic"));
        rig.until_panic();
        rig.expect_alive();
        victim.try_rest().expect_err("a reset");
        assert_eq!(rig.server.stats().handler_panics, round + 1);
    }
}

#[test]
fn after_a_handlers_panic_there_is_work_until_its_connection_is_ended() {
    let mut rig = Rig::new(Config::default());
    let mut victim = rig.asking("/");
    rig.settle();
    victim.send(get("/panic"));
    rig.until_panic();
    assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO));
    rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(rig.server.stats().open, 0);
    assert_eq!(rig.server.next_timeout(Instant::now()), None);
}

// --- aborts ---

#[test]
fn an_abort_closes_listeners_and_connections_before_it_returns() {
    let mut rig = Rig::new(Config::default());
    let mut clients: Vec<Client> = (0..3).map(|_| rig.asking("/")).collect();
    rig.settle();
    clients.iter_mut().for_each(|client| drop(client.response()));
    let mut last = Client::connect(rig.address);
    last.send(get_and_close("/never"));
    rig.server.abort();
    let Stats { open, closed, .. } = rig.server.stats();
    assert_eq!((rig.server.phase(), open, closed), (Phase::Closed, 0, 3));
    clients.iter_mut().for_each(Client::expect_end);
    last.try_rest().expect_err("it was never accepted");
    assert!(TcpStream::connect(rig.address).is_err(), "nobody listens");
}

#[test]
fn a_stream_that_is_adopted_after_a_panic_is_not_taken_for_its_victim() {
    let mut config = Config::default();
    config.max_connections = 1;
    let mut rig = Rig::new(config);
    let mut client = rig.asking("/fine");
    rig.settle();
    client.response();
    client.send(get("/panic"));
    rig.until_panic();
    let own = TcpListener::bind(ANY_PORT).unwrap();
    let mut adopted = Client::connect(own.local_addr().unwrap());
    adopted.send(get("/adopted"));
    rig.server.adopt(own.accept().unwrap().0, Instant::now()).unwrap();
    rig.until("it is asked", |server, world| world.asked.len() == 3 || server.stats().open == 0);
    rig.settle();
    assert_eq!(adopted.response().body, b"/adopted");
    assert_eq!(rig.server.stats().closes(Reason::HandlerPanic), 1);
}
