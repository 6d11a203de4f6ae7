//! A body that is thrown away: how it is read, and that nothing after it is lost.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Call;
use super::intake::SECOND;
use crate::state::State;

/// One read of a large body.
const READ: usize = 64 * 1024;

/// Returns the head of a request, and its body in one chunk or in none.
fn upload(len: usize, in_chunk: bool) -> (Vec<u8>, Vec<u8>) {
    let framing =
        if in_chunk { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {len}") };
    let head = format!("POST /discard HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n").into_bytes();
    let bytes = vec![b'b'; len];
    let body =
        if in_chunk { [format!("{len:x}\r\n").as_bytes(), &bytes, b"\r\n0\r\n\r\n"].concat() } else { bytes };
    (head, body)
}

/// Returns how many bytes each read has taken.
fn reads(client: &Client) -> Vec<usize> {
    let taken = client.calls().into_iter().filter_map(|call| match call {
        Call::Read(Ok(len)) => Some(len),
        _ => None,
    });
    taken.collect()
}

fn bodies(client: &Client) -> Vec<String> {
    let responses = client.responses().into_iter();
    responses.map(|response| String::from_utf8(response.body).expect("it is text")).collect()
}

#[test]
fn a_large_body_is_read_in_parts_of_64_kib() {
    for in_chunk in [false, true] {
        let mut sim = Sim::new();
        let (client, len) = (sim.connect(), 32 * READ);
        let (head, body) = upload(len, in_chunk);
        client.send(&head);
        sim.settle();
        client.send(&[&body[..], &handler::get("/next")].concat());
        sim.settle();
        assert_eq!(bodies(&client), [len.to_string(), "GET /next".into()]);
        let reads = reads(&client);
        let large = reads.iter().filter(|&&len| len == READ).count();
        // A chunk's size has to be read before its length is known.
        assert!(large >= if in_chunk { 31 } else { 32 }, "{reads:?}");
        assert!(reads.len() <= 36, "{reads:?}");
    }
}

#[test]
fn nothing_after_a_body_of_any_length_is_lost() {
    let head_buffer = 20 * 1024;
    for end in [head_buffer, READ, READ + head_buffer, 2 * READ] {
        for len in (end - 150..end + 10).chain([end + 200]) {
            for in_chunk in [false, true] {
                let mut sim = Sim::new();
                let client = sim.connect();
                let (head, body) = upload(len, in_chunk);
                client.send(&[&head, &body[..], &handler::get("/next")].concat());
                sim.settle();
                assert_eq!(bodies(&client), [len.to_string(), "GET /next".into()], "{len}");
                assert_eq!((sim.state(&client), sim.lent()), (State::Idle, 0));
            }
        }
    }
}

#[test]
fn a_read_is_no_longer_than_a_small_out() {
    let mut sim = Sim::with(|config| config.limits.out_bytes = 4096);
    let client = sim.connect();
    let (head, body) = upload(10 * READ, false);
    client.send(&head);
    sim.settle();
    client.send(&[&body[..], &handler::get("/next")].concat());
    sim.settle();
    assert_eq!(bodies(&client), [(10 * READ).to_string(), "GET /next".into()]);
    let longest = *reads(&client).iter().max().expect("it has read");
    assert!((4096..READ).contains(&longest), "{longest}");
}

#[test]
fn each_4_kib_that_are_thrown_away_extend_the_deadline() {
    let mut sim = Sim::new();
    let client = sim.connect();
    let (head, body) = upload(10 * READ, false);
    client.send(&head);
    sim.settle();
    for part in body.chunks(4096).take(4) {
        sim.pass(29 * SECOND);
        client.send(part);
        sim.settle();
    }
    client.send(b"b");
    sim.pass(30 * SECOND - Duration::from_nanos(1));
    assert_eq!((sim.state(&client), client.received_len()), (State::Body, 0));
    sim.pass(Duration::from_nanos(1));
    assert_eq!(client.statuses(), [408]);
}

#[test]
fn a_large_body_leaves_the_other_connections_their_turns() {
    let mut sim = Sim::with(|config| config.budget.bytes_per_connection = 2 * READ);
    let client = sim.connect();
    let (head, body) = upload(16 * READ, false);
    client.send(&head);
    sim.settle();
    client.send(&body);
    let other = sim.connect();
    other.get("/other");
    sim.turn();
    sim.turn();
    assert_eq!((other.statuses(), client.received_len()), (vec![200], 0));
    sim.settle();
    assert_eq!(client.statuses(), [200]);
}
