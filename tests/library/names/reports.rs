//! The names of connections and listeners in requests, and the report of each end.

use std::time::{Duration, Instant};

use fourway::{CloseMode, Config, IdError, Reason};

use super::{last_name, named, rig, rig_with};
use crate::common::embed::Rig;
use crate::common::{ANY_PORT, Client, PATIENCE, get_and_close};

#[test]
fn each_request_has_the_name_of_its_connection_and_of_its_listener() {
    let mut rig = rig();
    let other = rig.server.listen(ANY_PORT).expect("a free port");
    let mut clients = [rig.address, rig.server.local_addr(other).expect("it listens")].map(Client::connect);
    for _ in 0..2 {
        for client in &mut clients {
            rig.ask(client, "/");
        }
    }
    let origins = &rig.world.origins;
    assert_eq!((origins[0], origins[1]), (origins[2], origins[3]));
    assert_ne!(origins[0].0, origins[1].0);
    assert!(origins[0].1.is_some_and(|listener| listener != other) && origins[1].1 == Some(other));
}

#[test]
fn an_adopted_stream_has_the_name_that_adopt_returned_and_no_listener() {
    let mut rig = rig();
    let own = std::net::TcpListener::bind(ANY_PORT).expect("a free port");
    let mut client = Client::connect(own.local_addr().expect("it is bound"));
    let (stream, _) = own.accept().expect("the client");
    let name = rig.server.adopt(stream, Instant::now()).expect("there is room");
    rig.ask(&mut client, "/");
    assert!(name.is_some());
    assert_eq!(rig.world.origins, [(name, None)]);
}

#[test]
fn without_names_there_is_nothing_to_tell() {
    let mut rig = Rig::new(Config::default());
    let client = rig.asking("/");
    drop(client);
    rig.until("it has ended", |server, _| server.stats().closed == 1);
    assert_eq!((&rig.world.origins[..], rig.world.closed.len()), (&[(None, None)][..], 0));
}

#[test]
fn the_end_of_a_connection_is_reported_with_its_reason() {
    let mut rig = rig();
    let (client, closes) = named(&mut rig);
    let (reset_client, resets) = named(&mut rig);
    let mut last = Client::connect(rig.address);
    last.send(get_and_close("/last"));
    rig.until_asked(3);
    let answered = last_name(&rig);
    last.response();
    last.expect_end();
    drop((client, last));
    reset_client.reset();
    rig.until("all have ended", |server, _| server.stats().open == 0);
    let mut closed = rig.world.closed.clone();
    closed.sort_by_key(|&(name, _)| name);
    let reasons = [Reason::PeerClosed, Reason::PeerReset, Reason::Answered];
    let mut expected: Vec<_> = [closes, resets, answered].into_iter().zip(reasons).collect();
    expected.sort_by_key(|&(name, _)| name);
    assert_eq!(closed, expected);
}

#[test]
fn a_name_is_over_after_its_slot_was_used_again() {
    let mut rig = rig_with(|config| config.max_connections = 1);
    let (client, name) = named(&mut rig);
    drop(client);
    rig.until("it has ended", |server, _| server.stats().open == 0);
    let (mut successor, other) = named(&mut rig);
    assert_ne!(name, other);
    assert_eq!(rig.server.close(name, CloseMode::Rst, Instant::now()), Err(IdError::Over));
    rig.ask(&mut successor, "/still-here");
    rig.settle();
    assert_eq!(successor.response().body, b"/still-here");
}

#[test]
fn the_process_after_an_abort_reports_all_ends_and_a_dropped_server_none() {
    for is_dropped in [false, true] {
        let mut rig = rig();
        let clients = [named(&mut rig), named(&mut rig)];
        rig.server.abort();
        assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO), "there is news");
        if is_dropped {
            let Rig { server, world, .. } = rig;
            drop(server);
            assert_eq!(world.closed, []);
        } else {
            rig.server.process(Instant::now(), &mut rig.world);
            let mut closed = rig.world.closed.clone();
            closed.sort_by_key(|&(name, _)| name);
            assert_eq!(closed, clients.map(|(_, name)| (name, Reason::Shutdown)));
        }
    }
}

#[cfg(unix)]
#[test]
fn a_handler_can_ask_the_kernel_about_its_clients_socket() {
    use fourway::{Handler, Reply, Request, Responder};
    use socket2::SockRef;

    struct Asks(Vec<std::net::SocketAddr>);
    impl Handler for Asks {
        fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
            let socket = request.as_fd().expect("requests come over sockets");
            self.0.extend(SockRef::from(&socket).peer_addr().ok().and_then(|peer| peer.as_socket()));
            responder.send(200, "text/plain", b"")
        }
    }
    let mut rig = rig();
    let mut client = Client::connect(rig.address);
    client.send(crate::common::get("/"));
    let mut asks = Asks(Vec::new());
    let start = Instant::now();
    while asks.0.is_empty() {
        assert!(start.elapsed() < PATIENCE, "no request has come: {:?}", rig.server);
        rig.host.gather(&mut rig.server, Duration::from_millis(100));
        rig.server.process(Instant::now(), &mut asks);
    }
    assert_eq!(asks.0, [client.socket().local_addr().expect("it is connected")]);
}
