//! The same bytes get the same response, however they arrive and however the response leaves.

use super::any_split::{limited as sim, without_continue};
use super::harness::client::Client;
use super::harness::fixtures::{self, Answer, Fixture, Then};
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Arrival, Ending};
use crate::http::work::LOOKED_AT;

const FIRST: &[u8] = b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
const TRAILING: &[u8] = b"GET /trailing HTTP/1.1\r\nHost: x\r\n\r\n";

/// The bytes that come back, and how the server has ended the connection. A reset that is the client's own fault counts
/// as a FIN, and the bytes that it lost count as received.
type Outcome = (Vec<u8>, Option<Ending>);

/// Delivers in one way, both for kernels whose short reads prove that the socket is empty and for others. Returns the
/// outcome, which has to be the same.
fn outcome_of(fixture: &Fixture, way: &str, deliver: impl Fn(&mut Sim, &Client)) -> Outcome {
    let [believed, not] = [true, false].map(|short_read_drains| {
        let mut sim = sim(short_read_drains);
        let client = sim.connect();
        deliver(&mut sim, &client);
        sim.settle();
        let outcome = outcome(fixture, &client);
        client.close();
        sim.settle();
        sim.assert_empty();
        outcome
    });
    assert_eq!(believed, not, "{} {way}: the outcome depends on short reads", fixture.name);
    believed
}

fn outcome(fixture: &Fixture, client: &Client) -> Outcome {
    let is_deaf = fixture.then == Then::CloseDeaf;
    let ending = client.ending().map(|ending| if is_deaf { Ending::Fin } else { ending });
    (without_continue(&client.received()), ending)
}

fn whole(fixture: &Fixture) -> Outcome {
    outcome_of(fixture, "whole", |_, client| client.send(&fixture.request))
}

fn answer_to(request: &[u8]) -> Vec<u8> {
    let mut sim = sim(true);
    let client = sim.connect();
    client.send(request);
    sim.settle();
    client.received()
}

/// Delivers each fixture in one way, whose outcome must be that of delivering it whole.
fn check(way: &str, deliver: impl Fn(&mut Sim, &Client, &[u8])) {
    for fixture in fixtures::all() {
        let outcome = outcome_of(&fixture, way, |sim, client| deliver(sim, client, &fixture.request));
        assert_same(&outcome, &whole(&fixture), &fixture, way);
    }
}

fn assert_same(outcome: &Outcome, expected: &Outcome, fixture: &Fixture, way: &str) {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let (got, want) = (text(&outcome.0), text(&expected.0));
    assert_eq!((got, outcome.1), (want, expected.1), "{} {way}", fixture.name);
}

#[test]
fn each_request_gets_its_response_and_its_ending() {
    for fixture in fixtures::all() {
        let (bytes, ending) = whole(&fixture);
        let is_head = |at: usize| matches!(fixture.answers.get(at), Some(Answer::Head(_)));
        let responses = handler::responses_to(&bytes, is_head);
        let name = fixture.name;
        assert_eq!(responses.len(), fixture.answers.len(), "{name}: {}", bytes.escape_ascii());
        for (response, answer) in responses.iter().zip(&fixture.answers) {
            let body = std::str::from_utf8(&response.body).unwrap();
            assert!(response.is_whole, "{name}");
            match *answer {
                Answer::Full(status, text) => assert_eq!((response.status, body), (status, text), "{name}"),
                Answer::Head(status) => assert_eq!(response.status, status, "{name}"),
                Answer::Refused(status) => {
                    assert!(body.starts_with(&status.to_string()), "{name}: {status} and not {body}");
                    assert_eq!((response.status, response.says_close), (status, true), "{name}");
                }
            }
        }
        let closes = fixture.then != Then::Keep;
        assert_eq!(ending, closes.then_some(Ending::Fin), "{name}");
        if name != "the handler drops" {
            assert_eq!(responses.last().is_some_and(|last| last.says_close), closes, "{name}");
        }
    }
}

#[test]
fn a_request_split_in_two_anywhere_gets_the_same_response() {
    for fixture in fixtures::all() {
        let expected = whole(&fixture);
        for at in fixture.cuts() {
            let (front, back) = fixture.request.split_at(at);
            let outcome = outcome_of(&fixture, "split in two", |sim, client| {
                client.send(front);
                sim.settle();
                client.send(back);
            });
            assert_same(&outcome, &expected, &fixture, &format!("split at {at}"));
        }
    }
}

#[test]
fn a_request_gets_the_same_response_if_its_end_follows_the_first_read() {
    for fixture in fixtures::all() {
        let expected = whole(&fixture);
        for at in fixture.cuts() {
            let (front, back) = fixture.request.split_at(at);
            let outcome = outcome_of(&fixture, "split in one turn", |_, client| {
                client.send(front);
                client.send_later(back);
            });
            assert_same(&outcome, &expected, &fixture, &format!("split in one turn at {at}"));
        }
    }
}

#[test]
fn a_request_that_arrives_byte_by_byte_gets_the_same_response() {
    check("byte by byte", |sim, client, request| {
        for byte in request {
            client.send(std::slice::from_ref(byte));
            sim.settle();
        }
    });
}

#[test]
fn a_request_that_is_read_byte_by_byte_gets_the_same_response() {
    for fixture in fixtures::all() {
        let mut sim = sim(false);
        sim.world().read_limit = 1;
        let client = sim.connect();
        client.send(&fixture.request);
        sim.settle();
        let outcome = outcome(&fixture, &client);
        assert_same(&outcome, &whole(&fixture), &fixture, "read byte by byte");
    }
}

/// Delivers only the bytes that prove a fixture bad, in one way, whose outcome must be that of delivering it whole.
fn check_proofs(way: &str, deliver: impl Fn(&mut Sim, &Client, &[u8])) {
    for fixture in fixtures::all() {
        let Some(proof) = fixture.proof else { continue };
        let outcome =
            outcome_of(&fixture, way, |sim, client| deliver(sim, client, &fixture.request[..proof]));
        assert_same(&outcome, &whole(&fixture), &fixture, way);
    }
}

#[test]
fn a_bad_request_is_refused_as_soon_as_its_first_bytes_prove_it_bad() {
    check_proofs("proven", |_, client, proof| client.send(proof));
    check_proofs("proven by the last byte", |sim, client, proof| {
        let (front, last) = proof.split_at(proof.len() - 1);
        client.send(front);
        sim.settle();
        client.send(last);
    });
    check_proofs("proven byte by byte", |sim, client, proof| {
        for byte in proof {
            client.send(std::slice::from_ref(byte));
            sim.settle();
        }
    });
}

#[test]
fn a_bad_request_that_ends_with_a_fin_is_refused_and_not_dropped() {
    check_proofs("proven, and half-closed", |_, client, proof| {
        client.send(proof);
        client.fin();
    });
    check_proofs("proven, and half-closed later", |sim, client, proof| {
        client.send(proof);
        sim.settle();
        client.fin();
    });
}

#[test]
fn a_request_is_not_refused_before_it_is_proven_bad() {
    for fixture in fixtures::all() {
        let Some(proof) = fixture.proof else { continue };
        let front = &fixture.request[..proof - 1];
        let mut sim = sim(true);
        let client = sim.connect();
        client.send(front);
        sim.settle();
        let is_refused = client.statuses().iter().any(|&status| status >= 400);
        assert!(!is_refused, "{}: {}", fixture.name, front.escape_ascii());
    }
}

#[test]
fn each_byte_of_a_head_in_pieces_is_examined_only_a_few_times() {
    let head = |target: &str, lines: String| format!("GET {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
    let heads = [
        head("/", format!("A: {}\r\n", "v".repeat(16_000))),
        head("/", format!("{}: v\r\n", "a".repeat(16_000))),
        head("/", "A: 0123456789 0123456789 0123456789 0123456789 0123456789\r\n".repeat(250)),
        head("/", "A:\r\n".repeat(250)),
        head(&format!("/{}", "t".repeat(8_000)), String::new()),
        "\r\n".repeat(8_000) + &head("/", String::new()),
    ];
    let by_byte = |sim: &mut Sim, client: &Client, head: &str| {
        (sim.world().read_limit, sim.world().short_read_drains) = (1, false);
        client.send(head.as_bytes());
    };
    let by_line = |sim: &mut Sim, client: &Client, head: &str| {
        for line in head.split_inclusive('\n') {
            client.send(line.as_bytes());
            sim.settle();
        }
    };
    for head in &heads {
        for deliver in [&by_byte as &dyn Fn(&mut Sim, &Client, &str), &by_line] {
            let mut sim = Sim::with(|config| config.limits.headers = 256);
            let client = sim.connect();
            LOOKED_AT.set(0);
            deliver(&mut sim, &client, head);
            sim.settle();
            assert_eq!(client.statuses(), [200]);
            // The scan examines each byte twice. The first and the last attempt to parse examine it once each.
            assert!(LOOKED_AT.get() <= 4 * head.len(), "{} for {} bytes", LOOKED_AT.get(), head.len());
        }
    }
}

#[test]
fn a_request_with_an_urgent_byte_in_it_gets_the_same_response() {
    check("urgent", |sim, client, request| {
        let (front, back) = request.split_at(request.len() / 2);
        sim.settle();
        client.send(front);
        client.send_urgent();
        client.send(back);
    });
}

#[test]
fn a_request_pipelined_after_another_is_answered_after_it() {
    let first = answer_to(FIRST);
    for fixture in fixtures::all() {
        let outcome = outcome_of(&fixture, "pipelined", |_, client| {
            client.send(&[FIRST, &fixture.request].concat());
        });
        let (alone, ending) = whole(&fixture);
        assert_same(&outcome, &([&first[..], &alone].concat(), ending), &fixture, "pipelined");
    }
}

#[test]
fn bytes_after_a_request_are_the_next_request_or_nothing() {
    let trailing = answer_to(TRAILING);
    for fixture in fixtures::all() {
        let outcome = outcome_of(&fixture, "with more behind", |_, client| {
            client.send(&[&fixture.request, TRAILING].concat());
        });
        let (mut expected, ending) = whole(&fixture);
        if fixture.then == Then::Keep {
            expected.extend_from_slice(&trailing);
        }
        assert_same(&outcome, &(expected, ending), &fixture, "with more behind");
    }
}

#[test]
fn a_client_that_half_closes_gets_the_same_response() {
    for fixture in fixtures::all() {
        let outcome = outcome_of(&fixture, "half-closed", |_, client| {
            client.send(&fixture.request);
            client.fin();
        });
        assert_same(&outcome, &(whole(&fixture).0, Some(Ending::Fin)), &fixture, "half-closed");
        let outcome = outcome_of(&fixture, "half-closed later", |_, client| {
            client.send(&fixture.request);
            client.later(Arrival::Fin);
        });
        assert_same(&outcome, &(whole(&fixture).0, Some(Ending::Fin)), &fixture, "half-closed later");
    }
}

#[test]
fn a_response_written_byte_by_byte_is_the_same() {
    check("written byte by byte", |sim, client, request| {
        sim.world().write_limit = 1;
        client.send(request);
    });
}

#[test]
fn a_response_to_a_client_that_reads_byte_by_byte_is_the_same() {
    check("read by a slow client", |sim, client, request| {
        client.stop_reading();
        client.send(request);
        sim.settle();
        loop {
            let before = client.received_len();
            client.read(1);
            sim.settle();
            if client.received_len() == before {
                break;
            }
        }
        client.read(usize::MAX);
    });
}

#[test]
fn one_100_continue_is_sent_only_to_a_client_that_waits_for_it() {
    let head = b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let mut sim = sim(true);
    let patient = sim.connect();
    patient.send(head);
    sim.settle();
    assert_eq!(patient.statuses(), [100]);
    patient.send(b"a");
    sim.settle();
    patient.send(b"bc");
    sim.settle();
    assert_eq!(patient.statuses(), [100, 200]);

    let hasty = sim.connect();
    hasty.send(&[&head[..], b"abc"].concat());
    sim.settle();
    assert_eq!(hasty.statuses(), [200]);

    let old = sim.connect();
    old.send(b"POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    sim.settle();
    assert_eq!(old.statuses(), [] as [u16; 0]);
}

#[test]
fn the_error_page_that_replaces_a_response_to_head_has_no_body() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"HEAD /impossible HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    let received = client.received();
    assert!(received.starts_with(b"HTTP/1.1 500 "));
    assert!(received.ends_with(b"\r\n\r\n"), "{}", received.escape_ascii());
}
