//! Beginnings and ends of a server's sockets in a host's loop: streams and listeners that change
//! hands, drains, and handlers that panic.

mod common;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::embed::{Loop, Rig};
use common::{ANY_PORT, Client, PATIENCE, big, get, get_and_close, stalled};
use fourway::mio::{self, Interest, Token};
use fourway::{AtCapacity, Config, Listener, Phase, Reason, Server, Stats, Stream, TokenRange};
use socket2::SockRef;

fn with_connections(max: usize) -> Config {
    let mut config = Config::default();
    config.max_connections = max;
    config
}

/// Both ends of a connection that the host has accepted itself.
fn accepted() -> (Client, TcpStream) {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let client = Client::connect(listener.local_addr().expect("it is bound"));
    (client, listener.accept().expect("the client").0)
}

fn std_stream(stream: Stream) -> TcpStream {
    let Stream::Tcp(stream) = stream else { panic!("it was TCP") };
    stream.into()
}

// --- streams that are adopted ---

#[test]
fn an_adopted_stream_with_a_request_in_it_is_answered_by_the_next_process() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    client.send(get("/first"));
    stream.peek(&mut [0]).expect("it has come");
    let now = Instant::now();
    rig.server.adopt(stream, now).expect("there is room");
    assert_eq!(rig.server.next_timeout(now), Some(Duration::ZERO), "it is to be looked at");
    let progress = rig.server.process(now, &mut rig.world);
    assert_eq!(progress.requests, 1);
    assert_eq!(client.response().body, b"/first");
    rig.ask(&mut client, "/second");
    rig.settle();
    assert_eq!(client.response().body, b"/second");
}

#[test]
fn an_adopted_stream_of_std_that_was_blocking_blocks_nobody() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    // A read that blocks would be for ever: then the client says something, for the test to fail.
    let (done, is_done) = mpsc::channel();
    let client = thread::spawn(move || {
        let in_time = is_done.recv_timeout(PATIENCE).is_ok();
        client.send(get("/next"));
        in_time.then_some(client)
    });
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    rig.server.process(Instant::now(), &mut rig.world);
    let _ = done.send(());
    let mut client = client.join().expect("no panic").expect("process has returned at once");
    rig.until_asked(1);
    rig.settle();
    assert_eq!(client.response().body, b"/next");
}

#[test]
fn what_the_host_had_set_to_be_reset_when_it_is_closed_is_closed_by_a_fin() {
    let mut rig = Rig::new(Config::default());
    let (mut adopted, stream) = accepted();
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it can be set");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    SockRef::from(&own).set_linger(Some(Duration::ZERO)).expect("what it accepts inherits it");
    let address = own.local_addr().expect("it is bound");
    rig.server.add_listener(own).expect("it is taken");
    let mut accepted = Client::connect(address);
    for client in [&mut adopted, &mut accepted] {
        client.send(get_and_close("/whole"));
    }
    rig.until_asked(2);
    for mut client in [adopted, accepted] {
        assert_eq!(client.response().body, b"/whole");
        client.expect_end();
    }
}

/// Linux holds back what does not fill a segment for 200 ms.
#[cfg(target_os = "linux")]
#[test]
fn what_the_host_had_corked_is_answered_at_once() {
    let mut rig = Rig::new(Config::default());
    let (mut adopted, stream) = accepted();
    SockRef::from(&stream).set_tcp_cork(true).expect("it can be set");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    SockRef::from(&own).set_tcp_cork(true).expect("what it accepts inherits it");
    let address = own.local_addr().expect("it is bound");
    rig.server.add_listener(own).expect("it is taken");
    let mut accepted = Client::connect(address);
    for client in [&mut adopted, &mut accepted] {
        let begin = Instant::now();
        rig.ask(client, "/corked");
        assert!(begin.elapsed() < Duration::from_millis(150), "{:?}", begin.elapsed());
    }
}

#[test]
fn an_adopted_stream_of_mio_may_be_registered_with_the_hosts_poller() {
    const OWN: Token = Token(7);
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    stream.set_nonblocking(true).expect("non-blocking");
    let mut stream = mio::net::TcpStream::from_std(stream);
    let both = Interest::READABLE | Interest::WRITABLE;
    rig.host.poll.registry().register(&mut stream, OWN, both).expect("a source of the host's");
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), [OWN], "it can be written to");
    rig.server.adopt(stream, Instant::now()).expect("there is room");
    rig.server.process(Instant::now(), &mut rig.world);
    // From now on no event has the host's token, which a turn asserts.
    for target in ["/first", "/second"] {
        rig.ask(&mut client, target);
        rig.settle();
        assert_eq!(client.response().body, target.as_bytes());
    }
}

#[test]
fn a_stream_adopted_with_no_request_expires_after_the_idle_time() {
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    let now = Instant::now();
    rig.server.adopt(stream, now).expect("there is room");
    rig.server.process(now, &mut rig.world);
    assert_eq!(rig.server.next_timeout(now), Some(Config::default().timeouts.idle));
    rig.server.process(now + Config::default().timeouts.idle, &mut rig.world);
    assert_eq!(rig.server.stats().closes(Reason::IdleTimeout), 1);
    client.expect_end();
}

#[test]
fn at_capacity_an_adopted_stream_takes_the_place_of_the_longest_idle() {
    let mut rig = Rig::new(with_connections(2));
    let mut idle: Vec<Client> = ["/0", "/1"].iter().map(|target| rig.asking(target)).collect();
    rig.settle();
    idle.iter_mut().for_each(|client| drop(client.response()));
    let (mut client, stream) = accepted();
    rig.server.adopt(stream, Instant::now()).expect("one makes room");
    rig.ask(&mut client, "/adopted");
    rig.settle();
    assert_eq!(client.response().body, b"/adopted");
    idle.remove(0).expect_end();
    rig.ask(&mut idle[0], "/still-here");
    assert_eq!(rig.server.stats().closes(Reason::Evicted), 1);
}

#[test]
fn at_capacity_with_none_idle_a_stream_comes_back_and_still_works() {
    let mut rig = Rig::new(with_connections(1));
    let (mut busy, id) = rig.parked("/later");
    let (mut client, stream) = accepted();
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("the only place is taken");
    assert_eq!(refused.error.kind(), ErrorKind::ResourceBusy);
    let mut own = Client::over(std_stream(refused.socket));
    own.socket().set_nonblocking(false).expect("blocking");
    own.send("by hand");
    drop(own);
    assert_eq!(client.try_rest().expect("what was sent"), b"by hand");

    rig.server.respond(id, Instant::now()).expect("it waits").send(200, "text/plain", b"here");
    rig.settle();
    assert_eq!(busy.response().body, b"here");
    assert_eq!((rig.server.stats().accepted, rig.server.stats().closed), (1, 0));
}

#[test]
fn at_capacity_a_server_that_pauses_gives_a_stream_back_although_one_is_idle() {
    let mut config = with_connections(1);
    config.at_capacity = AtCapacity::Pause;
    let mut rig = Rig::new(config);
    let mut idle = rig.asking("/");
    rig.settle();
    idle.response();
    let (client, stream) = accepted();
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("the only place is taken");
    assert_eq!(refused.error.kind(), ErrorKind::ResourceBusy);
    drop((client, idle));
    rig.until("there is room", |server, _| server.stats().open == 0);
    rig.server.adopt(refused.socket, Instant::now()).expect("and now it is taken");
}

#[test]
fn a_draining_server_gives_a_stream_back_still_registered_with_the_host() {
    const OWN: Token = Token(7);
    let mut rig = Rig::new(Config::default());
    let (mut client, stream) = accepted();
    let mut stream = mio::net::TcpStream::from_std(stream);
    rig.host.poll.registry().register(&mut stream, OWN, Interest::READABLE).expect("a source");
    rig.server.drain(Instant::now(), PATIENCE);
    let refused = rig.server.adopt(stream, Instant::now()).expect_err("it is draining");
    assert_eq!(refused.error.to_string(), "the server is draining or closed");
    client.send("for the host");
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), [OWN]);
    drop(refused);
}

// --- listeners that change hands ---

#[test]
fn clients_that_wait_at_a_removed_listener_are_answered_by_the_server_that_gets_it() {
    let mut rig = Rig::new(Config::default());
    let mut host = Loop::new(4);
    let mut next = host.server(3, Config::default());
    let own = rig.server.listen(ANY_PORT).expect("a free port");
    let address = rig.server.local_addr(own).expect("it listens");
    let mut served = Client::connect(address);
    rig.ask(&mut served, "/before");
    let mut waiting: Vec<Client> = (0..5).map(|_| Client::connect(address)).collect();
    waiting.iter_mut().for_each(|client| client.send(get("/after")));

    let Some(Listener::Tcp(listener)) = rig.server.remove_listener(own) else { panic!("it was TCP") };
    rig.settle();
    assert_eq!(rig.world.asked, ["/before"], "those in the queue stay there");
    // The way to another poller leads over std.
    let listener = TcpListener::from(listener);
    let own = next.add_listener(listener).expect("it takes a listener");
    assert_eq!(next.local_addr(own), Some(address));
    let start = Instant::now();
    while next.stats().requests < 5 {
        assert!(start.elapsed() < PATIENCE, "still waiting: {next:?}");
        assert_eq!(host.gather(&mut next, PATIENCE), []);
        next.process(Instant::now(), &mut rig.world);
    }
    for client in &mut waiting {
        assert_eq!(client.response().body, b"/after");
    }
    // Who was accepted before stays where it is.
    rig.ask(&mut served, "/again");
    rig.settle();
    assert_eq!((served.response().body, served.response().body), (b"/before".to_vec(), b"/again".to_vec()));
}

#[test]
fn a_removed_listener_can_be_added_to_another_server_in_the_same_poller() {
    let mut rig = Rig::new(Config::default());
    let mut next = rig.host.server(1, Config::default());
    let own = rig.server.listen(ANY_PORT).expect("a free port");
    let address = rig.server.local_addr(own).expect("it listens");
    let mut client = Client::connect(address);
    client.send(get("/"));
    let listener = rig.server.remove_listener(own).expect("it listens");
    next.add_listener(listener).expect("no way round");
    let start = Instant::now();
    while next.stats().requests == 0 {
        assert!(start.elapsed() < PATIENCE, "still waiting: {next:?}");
        rig.host.wait(Some(PATIENCE));
        for event in &rig.host.events {
            assert!(!rig.server.handle_event(event), "nothing is left of it there");
            assert!(next.handle_event(event));
        }
        next.process(Instant::now(), &mut rig.world);
    }
    assert_eq!(client.response().body, b"/");
}

#[test]
fn a_removed_listeners_id_names_nothing_even_when_its_place_is_taken() {
    let mut rig = Rig::new(Config::default());
    let own = rig.server.listen(ANY_PORT).expect("a free port");
    assert!(rig.server.remove_listener(own).is_some());
    for _ in 0..100 {
        assert_eq!(rig.server.local_addr(own), None);
        assert!(rig.server.remove_listener(own).is_none());
        let next = rig.server.listen(ANY_PORT).expect("a free port");
        assert_ne!(own, next);
        assert!(rig.server.local_addr(next).is_some());
        assert!(rig.server.remove_listener(own).is_none());
        assert!(rig.server.remove_listener(next).is_some());
    }
    rig.expect_alive();
}

#[test]
fn a_listener_is_closed_by_a_drain_unless_it_was_removed_before() {
    let mut rig = Rig::new(Config::default());
    let own = rig.server.listen(ANY_PORT).expect("a free port");
    let address = rig.server.local_addr(own).expect("it listens");
    let kept = rig.server.remove_listener(own);
    rig.server.drain(Instant::now(), PATIENCE);
    assert!(TcpStream::connect(rig.address).is_err(), "nobody listens");
    assert!(TcpStream::connect(address).is_ok(), "somebody may still accept");
    drop(kept);
}

#[test]
fn the_sixty_fifth_listener_comes_back() {
    let mut rig = Rig::new(Config::default());
    for _ in 1..64 {
        rig.server.listen(ANY_PORT).expect("a free port");
    }
    let one_more = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = one_more.local_addr().expect("it is bound");
    let refused = rig.server.add_listener(one_more).expect_err("64 is the limit");
    let Listener::Tcp(listener) = refused.socket else { panic!("it was TCP") };
    assert_eq!(listener.local_addr().expect("it is bound"), address);
    rig.expect_alive();
}

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

// --- names ---

#[test]
fn a_removed_listeners_id_names_no_later_listener() {
    let host = Loop::new(16);
    let mut config = Config::default();
    config.max_connections = 10;
    // The smallest range, in which the tokens' generations soon come again.
    let range = TokenRange::new(1000, 2048).unwrap();
    let mut server = Server::new(host.poll.registry(), range, config).unwrap();
    let removed = server.listen(ANY_PORT).unwrap();
    server.remove_listener(removed).unwrap();
    for round in 0..100 {
        let next = server.listen(ANY_PORT).unwrap();
        assert_eq!(server.local_addr(removed), None, "round {round}");
        server.remove_listener(next).unwrap();
    }
}

#[test]
fn a_listener_id_of_another_server_names_nothing() {
    let host = Loop::new(16);
    let (mut a, mut b) = (host.server(0, Config::default()), host.server(1, Config::default()));
    let of_a = a.listen(ANY_PORT).unwrap();
    let of_b = b.listen(ANY_PORT).unwrap();
    assert_eq!(b.local_addr(of_a), None);
    assert!(b.remove_listener(of_a).is_none());
    assert!(b.remove_listener(of_b).is_some());
}

#[test]
fn a_socket_that_is_refused_is_as_it_was() {
    let host = Loop::new(16);
    let mut server = host.server(0, Config::default());
    server.drain(Instant::now(), Duration::ZERO);
    let own = TcpListener::bind(ANY_PORT).unwrap();
    let _client = TcpStream::connect(own.local_addr().unwrap()).unwrap();
    let (stream, _) = own.accept().unwrap();
    let Stream::Tcp(stream) = server.adopt(stream, Instant::now()).unwrap_err().socket else { panic!() };
    let Listener::Tcp(own) = server.add_listener(own).unwrap_err().socket else { panic!() };
    assert!(!SockRef::from(&stream).nonblocking().unwrap() && !stream.nodelay().unwrap());
    assert!(!SockRef::from(&own).nonblocking().unwrap());
}

#[test]
fn a_listener_that_the_host_has_registered_is_taken_from_its_poller() {
    let mut host = Loop::new(16);
    let mut own = mio::net::TcpListener::bind(ANY_PORT).unwrap();
    let address = own.local_addr().unwrap();
    host.poll.registry().register(&mut own, Token(7), Interest::READABLE).unwrap();
    let mut server = host.server(0, Config::default());
    server.add_listener(own).unwrap();
    let mut client = Client::connect(address);
    client.send(get("/"));
    let mut hello = fourway::handler_fn(|_, responder| responder.send(200, "text/plain", b"taken"));
    let end = Instant::now() + PATIENCE;
    while server.stats().requests == 0 {
        assert!(Instant::now() < end, "it is not served");
        host.poll.poll(&mut host.events, server.next_timeout(Instant::now())).unwrap();
        assert!(host.events.iter().all(|event| server.handle_event(event)), "the old token is void");
        server.process(Instant::now(), &mut hello);
    }
    assert_eq!(client.response().body, b"taken");
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
fn a_handler_that_panics_at_every_second_request_costs_nobody_else_an_answer() {
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
