//! Listeners that change hands, and what their names mean.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use fourway::mio::{self, Interest, Token};
use fourway::{Config, Listener, Server, Stream, TokenRange};
use socket2::SockRef;

use crate::common::embed::{Loop, Rig};
use crate::common::{ANY_PORT, Client, PATIENCE, get};

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
    // The connection that was accepted before stays where it is.
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
fn an_option_that_the_host_sets_on_a_listener_of_the_server_stays_with_it() {
    let mut rig = Rig::new(Config::default());
    let own = rig.server.listen(ANY_PORT).expect("a free port");
    let Some(Listener::Tcp(listener)) = rig.server.listener(own) else { panic!("it is TCP") };
    assert_eq!(listener.local_addr().ok(), rig.server.local_addr(own));
    let before = SockRef::from(listener).send_buffer_size().expect("SO_SNDBUF");
    SockRef::from(listener).set_send_buffer_size(5000).expect("SO_SNDBUF");

    let mut client = Client::connect(listener.local_addr().expect("it listens"));
    rig.ask(&mut client, "/served");
    assert_eq!(client.response().body, b"/served");
    let Some(Listener::Tcp(listener)) = rig.server.remove_listener(own) else { panic!("it was TCP") };
    let after = SockRef::from(&listener).send_buffer_size().expect("SO_SNDBUF");
    assert!(after < before, "{after} of {before}");
    assert!(rig.server.listener(own).is_none(), "it is no longer the server's");
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
fn a_refused_socket_is_unchanged() {
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

#[test]
fn clients_that_connect_during_a_pause_are_served_after_it_and_nobody_spins() {
    let mut rig = Rig::new(Config::default());
    let mut open = rig.asking("/before");
    rig.server.pause_accepting();
    let mut waiting: Vec<Client> = (0..20).map(|_| Client::connect(rig.address)).collect();
    for client in &mut waiting {
        client.send(get("/waiting"));
    }
    rig.ask(&mut open, "/meanwhile");
    rig.settle();
    let timeout = rig.server.next_timeout(Instant::now()).expect("the open connection is timed");
    assert!(timeout > Duration::from_secs(1), "{timeout:?}");
    assert_eq!(rig.world.asked, ["/before", "/meanwhile"]);
    rig.server.resume_accepting();
    assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO));
    // No client has come since the pause, so there is no event.
    rig.settle();
    assert_eq!(rig.server.stats().accepted, 21);
    for mut client in waiting {
        assert_eq!(client.response().body, b"/waiting");
    }
}
