//! Steps 5 to 7: clients that are slow, greedy or wrong.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Row, expect_xixizi, has_something, known, request_of, start};
use crate::common::{Client, get, wait_until};

/// A slow-loris attack on all places, and a client that comes after it.
fn attack(address: SocketAddr) -> (Vec<Client>, Client) {
    const PLACES: usize = 64;
    let begin = |_| {
        let mut client = Client::connect(address);
        client.send("GET / HTTP/1.1\r\nSlow: ");
        client
    };
    let slow: Vec<Client> = (0..PLACES).map(begin).collect();
    let mut honest = Client::connect(address);
    honest.send(get("/"));
    (slow, honest)
}

/// Clients that never end a request keep the others out of step 5 for ever, and out of step 6 for two deadlines.
pub fn slow_loris() -> Row {
    let (_step5, address5) = start(5);
    let (_step6, address6) = start(6);
    let began = Instant::now();
    let (mut slow5, mut honest5) = attack(address5);
    let (mut slow6, mut honest6) = attack(address6);
    wait_until("step 6 serves the honest client", || {
        for client in slow5.iter().chain(&slow6) {
            // Step 6 closes some of them meanwhile.
            let _ = client.socket().write(b"x");
        }
        has_something(&honest6)
    });
    let waited = began.elapsed();
    assert_eq!(honest6.response().body, b"xixizi\n");
    assert_eq!(slow6.pop().expect("a slow client").response().status, 408);
    let slow = slow5.last_mut().expect("a slow client");
    slow.send("\r\n\r\n");
    assert_eq!(slow.response().body, b"xixizi\n", "whoever has a place is served");
    assert!(!has_something(&honest5), "and nobody else");
    let held = began.elapsed();
    slow5.pop();
    assert_eq!(honest5.response().body, b"xixizi\n");
    Row {
        step: 5,
        failure: "slow clients hold all places",
        measured: format!("no response in {held:.1?}, and then only because a slow client leaves"),
        mended: format!("the response after {waited:.1?}"),
    }
}

/// Step 5 serves a client that sends many requests at once to the end, and step 6 serves the others as well.
#[cfg(target_os = "linux")]
pub fn greedy_client() -> Row {
    const REQUESTS: usize = 500;
    let step5 = served_first(5, REQUESTS);
    assert_eq!(step5, REQUESTS);
    // If the other client looks too late, step 6 has gone on meanwhile, and the round proves nothing.
    let mut rounds = (0..20).map(|_| served_first(6, REQUESTS));
    let step6 = rounds.find(|&first| first < REQUESTS).expect("step 6 serves the other client before");
    Row {
        step: 5,
        failure: "a client sends many requests at once",
        measured: format!(
            "killed after its response to another client, the server has delivered {step5} of {REQUESTS}"
        ),
        mended: format!("{step6} of {REQUESTS}"),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn greedy_client() -> Row {
    crate::common::say(
        "SKIPPED: a client that sends many requests at once, because only Linux tells when a server sleeps",
    );
    Row { step: 5, failure: "a client sends many requests at once", measured: "?".into(), mended: "?".into() }
}

/// Stops the server until one client has sent many requests, and another client one. Kills it when the other client has its
/// response. Returns how many responses arrive at the first client.
#[cfg(target_os = "linux")]
fn served_first(step: u8, requests: usize) -> usize {
    let (server, address) = start(step);
    let (mut greedy, mut other) = (known(address), known(address));
    wait_until("it has read everything", || server.child.is_asleep());
    server.child.signal("STOP");
    wait_until("it has stopped", || server.child.is_stopped());
    greedy.send("GET / HTTP/1.1\r\n\r\n".repeat(requests));
    other.send(get("/"));
    server.child.signal("CONT");
    assert_eq!(other.response().body, b"xixizi\n");
    // Its end comes after all that it has sent.
    drop(server);
    responses_in(&super::read_to_end(&mut greedy).0)
}

fn responses_in(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count()
}

/// Step 6 takes the body of a request for a request, and step 7 does not.
pub fn body() -> Row {
    let responses = |step| {
        let (_server, address) = start(step);
        let mut client = known(address);
        let body = get("/");
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        client.finish();
        responses_in(&client.rest())
    };
    let (step6, step7) = (responses(6), responses(7));
    assert_eq!((step6, step7), (2, 1));
    Row {
        step: 6,
        failure: "a body is taken for a request",
        measured: format!("{step6} responses to one POST"),
        mended: format!("{step7}"),
    }
}

#[test]
fn step5_is_held_by_slow_clients_and_step6_is_not() {
    slow_loris();
}

#[test]
fn step5_serves_a_greedy_client_to_the_end_and_step6_serves_others_between() {
    greedy_client();
}

#[test]
fn step6_takes_a_body_for_a_request_and_step7_does_not() {
    body();
}

#[test]
fn step6_refuses_a_long_head_and_the_refusal_arrives() {
    let (_step6, address) = start(6);
    let mut client = known(address);
    client.send(request_of(200_000));
    assert_eq!(client.response().status, 431);
    client.expect_end();
    expect_xixizi(&mut known(address));
}
