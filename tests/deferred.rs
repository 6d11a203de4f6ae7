//! Answers that come later, on real sockets: from the host's own handler of datagrams, from another
//! thread, too late, twice, to the wrong server, and to clients that have gone.

mod common;

use std::collections::HashSet;
use std::net::UdpSocket as Sender;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::embed::Rig;
use common::{ANY_PORT, Client, PATIENCE, get};
use fourway::mio::net::UdpSocket;
use fourway::mio::{Interest, Token, Waker};
use fourway::{Config, GoneReason, Phase, Reason, RequestId, RespondError, Server};

fn answer(server: &mut Server, id: RequestId, body: &[u8]) {
    let responder = server.respond(id, Instant::now()).expect("it still waits");
    responder.send(200, "text/plain", body);
}

// --- answered from elsewhere ---

#[test]
fn a_request_is_answered_by_the_hosts_handler_of_datagrams() {
    const UDP: Token = Token(0);
    let mut rig = Rig::new(Config::default());
    let mut udp = UdpSocket::bind(ANY_PORT).expect("a free port");
    let registry = rig.host.poll.registry();
    registry.register(&mut udp, UDP, Interest::READABLE).expect("a source of the host's");
    let (mut client, id) = rig.parked("/later");
    rig.settle();
    assert_eq!((rig.server.stats().deferred, rig.server.stats().bytes_out), (1, 0));

    let sender = Sender::bind(ANY_PORT).expect("a free port");
    sender.send_to(b"news", udp.local_addr().expect("it is bound")).expect("a datagram");
    let others = rig.host.gather(&mut rig.server, PATIENCE);
    assert_eq!(others, [UDP], "nothing else has happened");
    let mut news = [0; 100];
    let len = udp.recv(&mut news).expect("the datagram");
    answer(&mut rig.server, id, &news[..len]);
    assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO), "there is an answer to send");
    rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(client.response().body, b"news");
    assert_eq!(rig.world.gone, []);
}

#[test]
fn requests_are_answered_by_another_thread_through_a_channel_and_a_waker() {
    const WAKER: Token = Token(usize::MAX);
    const CLIENTS: usize = 20;
    let mut rig = Rig::new(Config::default());
    let waker = Arc::new(Waker::new(rig.host.poll.registry(), WAKER).expect("the host's waker"));
    let (work, orders) = mpsc::channel::<RequestId>();
    let (results, answers) = mpsc::channel();
    let worker = thread::spawn(move || {
        for id in orders {
            results.send(id).expect("the host listens");
            waker.wake().expect("the host's waker");
        }
    });
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(rig.address)).collect();
    clients.iter_mut().for_each(|client| client.send(get("/later")));
    let (start, mut sent, mut answered) = (Instant::now(), 0, 0);
    while answered < CLIENTS {
        assert!(start.elapsed() < PATIENCE, "{answered} of {CLIENTS} are answered");
        for token in rig.host.gather(&mut rig.server, PATIENCE) {
            assert_eq!(token, WAKER);
        }
        for id in answers.try_iter() {
            answer(&mut rig.server, id, b"found");
            answered += 1;
        }
        rig.server.process(Instant::now(), &mut rig.world);
        for &id in &rig.world.parked[sent..] {
            work.send(id).expect("the worker is there");
        }
        sent = rig.world.parked.len();
    }
    drop(work);
    worker.join().expect("no panic");
    for client in &mut clients {
        assert_eq!(client.response().body, b"found");
    }
}

// --- in order ---

#[test]
fn requests_behind_a_deferred_one_are_answered_behind_it_and_not_before() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send(["/before", "/later-1", "/behind", "/later-2", "/last"].map(get).concat());
    rig.until_asked(2);
    rig.settle();
    assert_eq!(rig.world.asked, ["/before", "/later-1"], "the others wait");
    assert_eq!(client.response().body, b"/before");
    // What comes meanwhile waits as well.
    client.send(get("/much-later"));
    rig.settle();
    assert_eq!(rig.world.asked.len(), 2);
    answer(&mut rig.server, rig.world.parked[0], b"first");
    rig.until_asked(4);
    rig.settle();
    assert_eq!(rig.world.asked[2..], ["/behind", "/later-2"]);
    answer(&mut rig.server, rig.world.parked[1], b"second");
    rig.until_asked(6);
    rig.settle();
    for body in ["first", "/behind", "second", "/last", "/much-later"] {
        assert_eq!(client.response().body, body.as_bytes());
    }
}

#[test]
fn requests_are_answered_in_any_order_over_several_connections() {
    let mut rig = Rig::new(Config::default());
    let mut waiting: Vec<_> = (0..10).map(|_| rig.parked("/later")).collect();
    for (number, (_, id)) in waiting.iter().enumerate().rev() {
        answer(&mut rig.server, *id, number.to_string().as_bytes());
    }
    rig.settle();
    for (number, (client, _)) in waiting.iter_mut().enumerate() {
        assert_eq!(client.response().body, number.to_string().as_bytes());
    }
}

// --- clients that leave ---

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
fn of_a_client_that_resets_the_host_hears_exactly_once() {
    let mut rig = Rig::new(Config::default());
    let (client, id) = rig.parked("/later");
    client.reset();
    rig.until("the reset is noticed", |server, _| server.stats().open == 0);
    assert_eq!(rig.world.gone, [(id, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over));
    rig.settle();
    rig.server.abort();
    rig.settle();
    assert_eq!(rig.world.gone.len(), 1);
}

#[test]
fn of_a_client_that_resets_with_requests_behind_the_deferred_one_the_host_hears_exactly_once() {
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
fn an_answer_to_a_client_that_has_gone_unnoticed_harms_nobody() {
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
        assert_eq!(
            rig.server.respond(first, Instant::now()).err(),
            Some(RespondError::Over),
            "round {round}"
        );
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
fn an_id_of_another_server_is_told_from_one_that_is_over() {
    let (mut rig, mut other) = (Rig::new(Config::default()), Rig::new(Config::default()));
    let (mut client, id) = rig.parked("/later");
    let (_other_client, _) = other.parked("/later");
    assert_eq!(other.server.respond(id, Instant::now()).err(), Some(RespondError::WrongServer));
    answer(&mut rig.server, id, b"here");
    rig.settle();
    assert_eq!(client.response().body, b"here");
    assert_eq!(other.server.respond(id, Instant::now()).err(), Some(RespondError::WrongServer));
}

#[test]
fn of_two_answers_to_one_id_the_second_is_over() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    answer(&mut rig.server, id, b"first");
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over), "before it is sent");
    rig.settle();
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over), "and after");
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
    assert_eq!(rig.server.respond(first, Instant::now()).err(), Some(RespondError::Over));
    answer(&mut rig.server, second, b"at last");
    rig.settle();
    assert_eq!(client.response().body, b"at last");
    assert_eq!(rig.world.gone, []);
}

// --- answers that fail ---

#[test]
fn a_responder_that_is_dropped_answers_500() {
    let mut rig = Rig::new(Config::default());
    let (mut client, id) = rig.parked("/later");
    let _ = rig.server.respond(id, Instant::now()).expect("it waits");
    rig.settle();
    assert_eq!(client.response().status, 500);
    client.expect_end();
    assert_eq!((rig.server.stats().handler_errors, rig.server.stats().errors(500)), (1, 1));
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over));
    assert_eq!(rig.world.gone, [], "it was answered");
}

#[test]
fn an_answer_that_does_not_come_in_time_is_a_503_and_the_host_hears_of_it() {
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
    assert_eq!(rig.server.respond(id, start + early).err(), Some(RespondError::Over));
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
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over));
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
fn when_the_grace_is_over_the_host_hears_of_what_still_waits() {
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
fn after_an_abort_the_next_process_tells_what_is_gone() {
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
fn nothing_is_told_once_the_server_is_dropped() {
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
fn of_a_handler_that_defers_and_panics_the_host_hears_as_gone() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send(get("/later-panic"));
    rig.until_panic();
    let id = rig.world.parked[0];
    assert_eq!(rig.server.respond(id, Instant::now()).err(), Some(RespondError::Over));
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
