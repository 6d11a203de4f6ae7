//! `/ledger.json`: who holds TIME_WAIT.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::documentation::{names, page};
use super::start;
use crate::common::json::Json;
use crate::common::{Client, get_and_close, wait_until};

fn ledger(status: &mut Client) -> Json {
    let response = status.ask("/ledger.json");
    assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
    Json::parse(std::str::from_utf8(&response.body).expect("UTF-8"))
}

/// Waits until a look has ended in which it is so.
fn ledger_when(status: &mut Client, is_so: impl Fn(&Json) -> bool) -> Json {
    let mut found = ledger(status);
    wait_until("a look has seen it", || {
        found = ledger(status);
        found.at("look") != &Json::Null && is_so(found.at("look"))
    });
    found
}

/// Makes connections, each with one request, that end as the close mode says.
fn come_and_go(address: SocketAddr, count: usize) {
    for _ in 0..count {
        let mut client = Client::connect(address);
        client.send(get_and_close("/"));
        client.response();
    }
}

#[test]
fn a_server_that_closes_first_holds_time_wait_itself() {
    let (program, address) = start(&["--close", "fin"]);
    come_and_go(program.address, 20);
    let mut status = Client::connect(address);
    let ledger = ledger_when(&mut status, |look| look.count("held_here") >= 20);
    assert!(ledger.count("time_wait") >= 20, "{ledger:?}");
    assert!(ledger.count("look.states.time_wait") >= 20, "{ledger:?}");
    assert_eq!(ledger.at("problem"), &Json::Null);
}

#[test]
fn clients_that_close_first_hold_it_and_their_ports_are_counted() {
    let (program, address) = start(&["--close", "peer"]);
    come_and_go(program.address, 20);
    let _open = program.connect();
    let mut status = Client::connect(address);
    let ledger = ledger_when(&mut status, |look| look.count("held_by_clients") >= 20);
    let Json::Array(pairs) = ledger.at("look.pairs") else { panic!("no pairs: {ledger:?}") };
    let pair = pairs.iter().find(|pair| pair.text("server") == program.address.to_string());
    let pair = pair.unwrap_or_else(|| panic!("the target is no pair: {ledger:?}"));
    assert_eq!(pair.text("client"), "127.0.0.1");
    assert!(pair.count("time_wait") >= 20 && pair.count("live") >= 1, "{pair:?}");
    let left = ledger.count("look.outlook.ports_left");
    assert_eq!(left, ledger.count("look.outlook.ports") - ledger.count("look.outlook.ports_taken"));
}

#[test]
fn every_field_of_the_ledger_is_documented() {
    let (program, address) = start(&["--close", "peer"]);
    come_and_go(program.address, 3);
    let mut status = Client::connect(address);
    let ledger = ledger_when(&mut status, |look| look.at("outlook") != &Json::Null);
    let general = |path: String| match path.rsplit_once('.') {
        Some(("look.states", _)) => "look.states.STATE".to_owned(),
        _ => path,
    };
    let written: BTreeSet<_> = ledger.paths().into_iter().map(general).collect();
    let documented = names(&page(), "field of the ledger").into_iter();
    let documented: BTreeSet<_> = documented.map(|field| field.replace("[]", ".[]")).collect();
    assert_eq!(written, documented);
}
