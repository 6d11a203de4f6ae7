//! The ledger as a part of `/stats.json`: who holds TIME_WAIT.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{start, stats};
use crate::common::json::Json;
use crate::common::{Client, get_and_close, wait_until};

const CONNECTIONS: u64 = 20;

/// Makes connections that end as the close mode says.
fn come_and_go(address: SocketAddr) {
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(address);
        client.send(get_and_close("/"));
        client.response();
    }
}

/// Asks for looks until one has found this.
fn stats_when(status: &mut Client, field: &str) -> Json {
    let mut found = Json::Null;
    wait_until(field, || {
        let response = status.ask("/stats.json?ledger");
        found = Json::parse(std::str::from_utf8(&response.body).expect("UTF-8"));
        found.at(field).as_count().is_some_and(|count| count >= CONNECTIONS)
    });
    found
}

#[test]
fn time_wait_of_a_server_that_closes_first_is_its_own() {
    let (program, address) = start(&["--close", "fin"]);
    come_and_go(program.address);
    let stats = stats_when(&mut Client::connect(address), "ledger.held_here");
    assert_eq!(stats.count("ledger.held_here"), CONNECTIONS);
    assert_eq!(stats.count("ledger.held_by_clients"), 0);
    assert!(stats.count("kernel.time_wait") >= CONNECTIONS, "{stats:?}");
    assert_eq!(stats.at("ledger.remedy"), &Json::Null);
}

#[test]
fn time_wait_of_clients_that_close_first_takes_their_ports() {
    let (program, address) = start(&["--close", "peer"]);
    come_and_go(program.address);
    let stats = stats_when(&mut Client::connect(address), "ledger.held_by_clients");
    assert_eq!(stats.count("ledger.held_by_clients"), CONNECTIONS);
    assert_eq!(stats.count("ledger.held_here"), 0);
    assert_eq!(stats.text("ledger.client"), IpAddr::from(Ipv4Addr::LOCALHOST).to_string());
    assert_eq!(stats.text("ledger.server"), program.address.to_string());
    assert!(stats.count("ledger.ports_left") > 0, "{stats:?}");
}

#[test]
fn nobody_looks_at_the_sockets_unless_asked() {
    let (program, address) = start(&["--close", "fin"]);
    come_and_go(program.address);
    let mut status = Client::connect(address);
    let without = stats(&mut status);
    let is_unknown = without.members("ledger").values().all(|value| *value == Json::Null);
    assert!(is_unknown, "{without:?}");
    stats_when(&mut status, "ledger.held_here");
    let with = stats(&mut status);
    assert_eq!(with.count("ledger.held_here"), CONNECTIONS, "the last look is shown to all");
}
