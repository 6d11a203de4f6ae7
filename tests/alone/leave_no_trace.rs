//! A server that is dropped leaves nothing behind: no descriptor, no event, nothing of the host's
//! touched. The tests here count the process's descriptors, so they take turns.

use std::net::{TcpListener, UdpSocket as Sender};
use std::time::{Duration, Instant};

use crate::common::embed::{Loop, World};
use crate::common::own::{descriptors, expect_descriptors, my_turn};
use crate::common::{ANY_PORT, Client, PATIENCE, big, get};
use fourway::mio::net::UdpSocket;
use fourway::mio::{Interest, Token};
use fourway::{Body, Config, Server};

/// Clients in every state that a connection can have.
fn traffic(host: &mut Loop, server: &mut Server) -> Vec<Client> {
    let listener = server.listen(ANY_PORT).expect("a free port");
    let address = server.local_addr(listener).expect("it listens");
    let mut world = World::default();
    world.bodies.insert("/large", Body::Repeat { page: big().into(), len: 10 << 30 });
    let requests = [
        String::new(),
        get("/idle"),
        "GET /half".to_owned(),
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n12".to_owned(),
        get("/large"),
        get("/later"),
        "nonsense\r\n\r\n".to_owned(),
        get("/pipelined").repeat(1000),
    ];
    let clients: Vec<Client> = requests
        .iter()
        .map(|request| {
            let mut client = Client::connect(address);
            client.send(request);
            client
        })
        .collect();
    let start = Instant::now();
    let is_busy = |server: &Server, world: &World| {
        let stats = server.stats();
        (stats.accepted, stats.deferred, stats.errors(400)) == (8, 1, 1) && world.asked.len() > 3
    };
    while !is_busy(server, &world) {
        assert!(start.elapsed() < PATIENCE, "the traffic does not begin: {server:?}");
        host.gather(server, Duration::from_millis(10));
        server.process(Instant::now(), &mut world);
    }
    clients
}

#[test]
fn a_server_dropped_in_the_middle_of_traffic_leaves_no_descriptor() {
    let _turn = my_turn();
    let mut host = Loop::new(64);
    let before = descriptors();
    let mut server = host.server(0, Config::default());
    let clients = traffic(&mut host, &mut server);
    assert!(descriptors() >= before + 2 * clients.len());
    drop(server);
    expect_descriptors(before + clients.len());
    drop(clients);
    expect_descriptors(before);
}

#[test]
fn a_server_dropped_in_the_middle_of_traffic_causes_no_more_events() {
    const UDP: Token = Token(0);
    let _turn = my_turn();
    let mut host = Loop::new(64);
    let mut udp = UdpSocket::bind(ANY_PORT).expect("a free port");
    host.poll.registry().register(&mut udp, UDP, Interest::READABLE).expect("a source of the host's");
    let mut server = host.server(0, Config::default());
    let mut clients = traffic(&mut host, &mut server);
    // There is more that it has not polled for, of every client.
    for client in &mut clients {
        client.send("x");
    }
    drop(server);
    host.wait(Some(Duration::ZERO));
    assert!(host.events.is_empty(), "{:?}", host.events);
    // Whatever the clients do is nothing to the host.
    for client in clients {
        client.reset();
    }
    host.wait(Some(Duration::ZERO));
    assert!(host.events.is_empty(), "{:?}", host.events);

    let sender = Sender::bind(ANY_PORT).expect("a free port");
    sender.send_to(b"news", udp.local_addr().expect("it is bound")).expect("a datagram");
    host.wait(Some(PATIENCE));
    assert_eq!(host.events.iter().map(|event| event.token()).collect::<Vec<_>>(), [UDP]);
    assert_eq!(udp.recv(&mut [0; 100]).expect("the datagram"), 4);
}

#[test]
fn another_server_may_have_the_tokens_of_one_that_was_dropped() {
    let _turn = my_turn();
    let mut host = Loop::new(64);
    let before = descriptors();
    for _ in 0..20 {
        let mut server = host.server(0, Config::default());
        // It asserts that each is served as it should be.
        let clients = traffic(&mut host, &mut server);
        assert_eq!(server.stats().stale_events, 0);
        drop((server, clients));
    }
    expect_descriptors(before);
}

#[test]
fn a_server_that_was_drained_or_aborted_keeps_one_descriptor_and_dropped_none() {
    let _turn = my_turn();
    let mut host = Loop::new(64);
    let before = descriptors();
    for drained in [true, false] {
        let mut server = host.server(0, Config::default());
        let clients = traffic(&mut host, &mut server);
        let now = Instant::now();
        if drained {
            server.drain(now, Duration::from_secs(1));
            server.process(now + Duration::from_secs(1), &mut World::default());
        } else {
            server.abort();
        }
        drop(clients);
        // That of the host's poller, which it has cloned.
        expect_descriptors(before + 1);
        drop(server);
        expect_descriptors(before);
    }
}

#[test]
fn sockets_that_were_refused_or_handed_back_are_closed_by_their_owner() {
    let _turn = my_turn();
    let mut config = Config::default();
    config.max_connections = 1;
    config.at_capacity = fourway::AtCapacity::Pause;
    let host = Loop::new(64);
    let before = descriptors();
    let mut server = host.server(0, config);
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    let accepted = || {
        let client = Client::connect(own.local_addr().expect("it is bound"));
        (client, own.accept().expect("the client").0)
    };
    let ((first, stream), (second, refused)) = (accepted(), accepted());
    server.adopt(stream, Instant::now()).expect("there is room");
    drop(server.adopt(refused, Instant::now()).expect_err("there is none"));
    let listener = server.listen(ANY_PORT).expect("a free port");
    drop(server.remove_listener(listener));
    // The poller's clone, the listener, two clients, one stream.
    expect_descriptors(before + 5);
    drop((server, own, first, second));
    expect_descriptors(before);
}

#[test]
fn a_listener_of_which_the_host_has_kept_a_handle_is_no_longer_watched() {
    let _turn = my_turn();
    let mut host = Loop::new(64);
    let own = TcpListener::bind(ANY_PORT).expect("a free port");
    let mut server = host.server(0, Config::default());
    server.add_listener(own.try_clone().expect("a second handle")).expect("it is taken");
    drop(server);
    let _client = Client::connect(own.local_addr().expect("it is bound"));
    host.poll.poll(&mut host.events, Some(Duration::ZERO)).expect("the poller works");
    assert_eq!(host.events.iter().count(), 0);
}
