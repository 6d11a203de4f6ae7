//! What the kernel keeps of a connection that has ended: who holds TIME_WAIT.

use std::io::ErrorKind;
use std::time::Duration;

use fourway::{CloseMode, Config, Reason};
use socket2::{Domain, Socket, Type};

use crate::common::kernel::{Ends, Pair, State, every_round_leaves};
use crate::common::own::my_turn;
use crate::common::sockets::{ALL, Entry, ONE, by_netlink, by_table, end_of};
use crate::common::{ByHand, Client, Host, PATIENCE, expect_alive, get, get_and_close, wait_until};

/// A server that waits for a client's FIN longer than any test does.
fn config(close: CloseMode) -> Config {
    let mut config = Config::default();
    config.close = close;
    config.timeouts.linger = PATIENCE;
    // The tests make many servers, each for few clients.
    config.exchanges = 16;
    config
}

const ROUNDS: usize = 20;
const AT_THE_SERVER: Ends = Ends { server: Some(State::TimeWait), client: None };
const AT_THE_CLIENT: Ends = Ends { server: None, client: Some(State::TimeWait) };
const NOWHERE: Ends = Ends { server: None, client: None };

/// One request, as a client that reads to the end of input and then closes.
fn read_to_the_end(host: &Host, request: &str) -> Pair {
    let mut client = Client::connect(host.address);
    let pair = Pair::of(client.socket());
    client.send(request);
    assert_eq!(client.response().body, b"/who");
    client.expect_end();
    pair
}

#[test]
fn fin_leaves_time_wait_at_the_server_when_the_client_asked_for_the_close() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Fin));
    every_round_leaves(AT_THE_SERVER, ROUNDS, || read_to_the_end(&host, &get_and_close("/who")));
}

#[test]
fn fin_leaves_time_wait_at_the_server_when_the_server_decided_to_close() {
    let _turn = my_turn();
    let mut config = config(CloseMode::Fin);
    config.keep_alive = false;
    let host = Host::start(config);
    every_round_leaves(AT_THE_SERVER, ROUNDS, || read_to_the_end(&host, &get("/who")));
}

#[test]
fn fin_leaves_time_wait_at_the_server_after_an_error() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Fin));
    every_round_leaves(AT_THE_SERVER, ROUNDS, || {
        let mut client = Client::connect(host.address);
        let pair = Pair::of(client.socket());
        client.send("nonsense\r\n\r\n");
        assert_eq!(client.response().status, 400);
        client.expect_end();
        pair
    });
}

#[test]
fn while_a_client_does_not_close_fin_waits_in_fin_wait_2_and_the_client_in_close_wait() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Fin));
    for request in [get_and_close("/big"), "nonsense\r\n\r\n".to_owned()] {
        let mut client = Client::connect(host.address);
        let pair = Pair::of(client.socket());
        client.send(request);
        client.response();
        client.expect_end();
        pair.wait_for_server(State::FinWait2);
        assert_eq!(pair.ends().client, Some(State::CloseWait));
        client.reset();
    }
}

#[test]
fn peer_leaves_time_wait_at_the_client() {
    let _turn = my_turn();
    let mut config = config(CloseMode::Peer);
    for keep_alive in [true, false] {
        config.keep_alive = keep_alive;
        let host = Host::start(config.clone());
        every_round_leaves(AT_THE_CLIENT, ROUNDS, || {
            let mut client = Client::connect(host.address);
            let pair = Pair::of(client.socket());
            client.send(get_and_close("/who"));
            assert_eq!(client.response().body, b"/who");
            pair
        });
        let stats = host.stats();
        assert_eq!(stats.closed_by_client_first, stats.closed);
    }
}

#[test]
fn peer_leaves_time_wait_at_the_server_when_the_client_does_not_close_in_time() {
    let _turn = my_turn();
    let mut config = config(CloseMode::Peer);
    config.timeouts.linger = Duration::from_millis(20);
    let host = Host::start(config);
    every_round_leaves(AT_THE_SERVER, ROUNDS, || read_to_the_end(&host, &get_and_close("/who")));
}

#[test]
fn rst_leaves_no_time_wait() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Rst));
    every_round_leaves(NOWHERE, ROUNDS, || {
        let mut client = Client::connect(host.address);
        let pair = Pair::of(client.socket());
        client.send(get_and_close("/who"));
        assert_eq!(client.response().body, b"/who");
        let error = client.try_rest().expect_err("a reset, not a FIN");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        pair
    });
}

#[test]
fn drop_leaves_time_wait_at_the_server_when_it_had_read_everything() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Drop));
    every_round_leaves(AT_THE_SERVER, ROUNDS, || {
        let mut client = Client::connect(host.address);
        let pair = Pair::of(client.socket());
        client.send(get("/who"));
        client.expect_end();
        pair
    });
    let stats = host.stats();
    assert_eq!(stats.closes(Reason::Dropped), stats.closed);
}

#[test]
fn drop_leaves_no_time_wait_when_input_was_unread() {
    let _turn = my_turn();
    let mut server = ByHand::new(config(CloseMode::Drop));
    every_round_leaves(NOWHERE, ROUNDS, || {
        let dropped = server.server.stats().closes(Reason::Dropped);
        let mut client = Client::connect(server.address);
        let pair = Pair::of(client.socket());
        // More than the server takes in one read, and all there before it reads.
        client.send([get("/who").as_bytes(), &[b'x'; 200_000]].concat());
        server.turn_until("the connection is dropped", |server| {
            server.stats().closes(Reason::Dropped) > dropped
        });
        // The FIN, and perhaps the reset behind it.
        assert!(client.try_rest().is_ok_and(|rest| rest.is_empty()), "not a byte is answered");
        pair
    });
}

#[test]
fn after_closing_first_a_server_binds_its_port_again_at_once() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Fin));
    let address = host.address;
    every_round_leaves(AT_THE_SERVER, 1, || read_to_the_end(&host, &get_and_close("/who")));
    drop(host);
    let plain = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let error = plain.bind(&address.into()).expect_err("TIME_WAIT keeps the port from others");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let again = Host::start_at(address, config(CloseMode::Fin)).expect("the port at once");
    assert_eq!(again.address, address);
    expect_alive(address);
}

/// The test of what all of these look at.
#[test]
fn each_way_to_find_a_socket_finds_the_same_connection() {
    let _turn = my_turn();
    let host = Host::start(config(CloseMode::Fin));
    let client = Client::connect(host.address);
    let own = client.socket().local_addr().expect("its own address");
    let is_it = |entry: &Entry| (entry.local, entry.remote) == (own, host.address);
    let ask = |flags| by_netlink(own, host.address, flags).expect("this kernel has sock_diag");
    let [one, all, text] = [ask(ONE), ask(ALL), by_table()].map(|found| found.into_iter().find(is_it));
    assert!(one.is_some() && one == all && one == text, "{one:?}, {all:?}, {text:?}");
    client.reset();
    wait_until("it is gone", || end_of(own, host.address).is_none());
}
