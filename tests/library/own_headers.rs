//! The headers that the server writes by itself, where a handler gives them too.

use crate::common::{ANY_PORT, Client, Host, get};
use fourway::{Config, Reply, Request, Responder, handler_fn};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn routes<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    match request.path() {
        "/date" => responder.status(404).header("date", DATE).send(b"old"),
        "/close" => responder.status(200).header("connection", "keep-alive, CLOSE").send(b"last"),
        "/keep-alive" => responder.status(200).header("Connection", "keep-alive").send(b"kept"),
        "/upgrade" => responder.status(426).header("Upgrade", "h").header("Connection", "Upgrade").empty(),
        "/hop" => responder.status(200).header("Connection", "X-Hop").empty(),
        "/length" => responder.status(200).header("Content-Length", "5").send(b"12345"),
        _ => responder.send(200, "text/plain", b"plain"),
    }
}

fn host() -> Host {
    Host::start_with(ANY_PORT, Config::default(), handler_fn(routes)).expect("a server")
}

/// Returns how many lines of a head begin with this name.
fn count(head: &str, name: &str) -> usize {
    head.lines().filter(|line| line.to_ascii_lowercase().starts_with(name)).count()
}

#[test]
fn a_date_of_the_handlers_replaces_the_servers_in_its_own_response_only() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send([get("/date"), get("/plain")].concat());
    let old = client.response();
    assert_eq!((old.status, old.header("Date"), count(&old.head, "date:")), (404, Some(DATE), 1));
    let plain = client.response();
    assert!(plain.header("Date").is_some_and(|date| date != DATE), "{}", plain.head);
}

#[test]
fn a_handlers_own_connection_close_ends_the_connection_and_is_written_once() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send([get("/close"), get("/behind")].concat());
    let last = client.response();
    assert_eq!((last.header("Connection"), count(&last.head, "connection:")), (Some("close"), 1));
    assert_eq!(last.body, b"last");
    client.expect_end();
    assert_eq!(host.stats().requests, 1);
}

#[test]
fn a_handlers_own_keep_alive_changes_nothing() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send([get("/keep-alive"), get("/behind")].concat());
    let kept = client.response();
    assert_eq!((kept.header("Connection"), kept.body.as_slice()), (None, &b"kept"[..]));
    assert_eq!(client.response().body, b"plain");
}

#[test]
fn a_handlers_own_upgrade_is_sent_and_the_connection_goes_on() {
    let host = host();
    let mut client = Client::connect(host.address);
    client.send([get("/upgrade"), get("/behind")].concat());
    let refused = client.response();
    assert_eq!((refused.status, refused.header("Connection")), (426, Some("Upgrade")));
    assert_eq!((refused.header("Upgrade"), client.response().body.as_slice()), (Some("h"), &b"plain"[..]));
}

#[test]
fn another_option_of_connection_and_a_length_are_a_500() {
    let host = host();
    for target in ["/hop", "/length"] {
        let mut client = Client::connect(host.address);
        client.send(get(target));
        assert_eq!(client.response().status, 500, "{target}");
        client.expect_end();
    }
    assert_eq!(host.stats().handler_errors, 2);
}
