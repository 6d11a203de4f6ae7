//! The descriptors of connections that the host takes over. The tests here count the process's descriptors, so they take
//! turns.

use std::time::Instant;

use fourway::{CloseMode, Config, Handler, Reply, Request, Responder};

use crate::common::own::{descriptors, expect_descriptors, my_turn};
use crate::common::taken::{Site, UPGRADE, UPGRADE_LATER};
use crate::common::{Client, PATIENCE};

#[test]
fn a_connection_that_is_taken_over_is_one_descriptor_and_closed_with_the_hosts_stream() {
    let _turn = my_turn();
    for close in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        let mut site = Site::with_mode(close);
        let address = site.listen();
        let before = descriptors();
        let mut clients: Vec<Client> = (0..50).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            client.send(UPGRADE);
        }
        site.until("all are taken over", |site| site.echoing() == 50);
        expect_descriptors(before + 100);
        site.hang_up();
        expect_descriptors(before + 50);
        drop(clients);
        expect_descriptors(before);
    }
}

#[test]
fn connections_that_are_taken_over_outlive_the_server() {
    let _turn = my_turn();
    let before = descriptors();
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    client.send(UPGRADE);
    site.until_taken();
    let Site { taker, host, server, .. } = site;
    drop((host, server));
    expect_descriptors(before + 2);
    drop(taker);
    assert_eq!(client.response().status, 101);
    client.expect_end();
    drop(client);
    expect_descriptors(before);
}

#[test]
fn a_handler_that_does_not_want_its_connection_closes_it() {
    /// Promises to take connections over, and cannot.
    struct Unable;
    impl Handler for Unable {
        fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
            responder.status(101).header("Upgrade", "echo").take_over().1
        }
    }
    let _turn = my_turn();
    let mut site = Site::new(Config::default());
    let address = site.listen();
    let before = descriptors();
    for round in 1..=20 {
        let mut client = Client::connect(address);
        client.send(UPGRADE);
        while site.server.stats().closed < round {
            site.host.gather(&mut site.server, PATIENCE);
            site.server.process(Instant::now(), &mut Unable);
        }
        assert_eq!(client.response().status, 101);
        client.expect_end();
    }
    expect_descriptors(before);
}

#[test]
fn a_connection_that_ends_before_it_is_taken_over_leaves_no_descriptor() {
    let _turn = my_turn();
    let before = descriptors();
    let mut site = Site::new(Config::default());
    let mut client = Client::connect(site.listen());
    client.send(UPGRADE_LATER);
    site.until("it waits", |site| site.taker.parked.len() == 1);
    let responder = site.server.respond(site.taker.parked[0], Instant::now()).expect("it waits");
    let (id, _) = responder.status(101).header("Upgrade", "echo").take_over();
    // The response is not sent.
    site.server.abort();
    site.settle();
    assert_eq!(site.taker.gone.iter().map(|gone| gone.0).collect::<Vec<_>>(), [id]);
    drop((site, client));
    expect_descriptors(before);
}
