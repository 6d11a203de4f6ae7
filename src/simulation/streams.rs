//! Streamed responses: what the client gets, and when the host is asked.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler::{self, Response};
use super::harness::script;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::config::CloseMode;
use crate::deferred::IdError;
use crate::state::State;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Returns the path of a stream of unknown length.
pub(super) fn chunked(steps: &str) -> String {
    format!("/stream/chunked/{steps}")
}

/// Connects a client that asks for a stream of unknown length.
pub(super) fn streaming(sim: &mut Sim, steps: &str) -> Client {
    let client = sim.connect();
    client.get(&chunked(steps));
    sim.settle();
    client
}

pub(super) fn only(client: &Client) -> Response {
    let [response] = client.responses().try_into().expect("there is one response");
    response
}

fn writes(client: &Client) -> usize {
    client.count(|call| matches!(call, Call::Write(_)))
}

// --- what the client gets ---

#[test]
fn a_stream_of_any_pieces_arrives_whole() {
    for steps in
        ["5e", "0e", "1a,0e", "10a,10a,10e", "70000a,5e", "300000e", "100f,3f,0e", "65536a,65537a,1e"]
    {
        let mut sim = Sim::new();
        let client = streaming(&mut sim, steps);
        let (len, _) = script::Script::of(&chunked(steps)).unwrap().whole();
        let response = only(&client);
        assert!(response.is_whole && response.body == script::body(len), "{steps}");
        assert_eq!((sim.state(&client), sim.lent()), (State::Idle, 0), "{steps}");
    }
}

#[test]
fn the_head_and_a_first_piece_leave_in_one_write() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "100e");
    assert_eq!((writes(&client), only(&client).body.len()), (1, 100));
}

#[test]
fn a_piece_is_asked_for_when_the_one_before_is_taken() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get(&chunked("1000a,1000a,1000a,0e"));
    sim.settle();
    assert_eq!((sim.site.pieces, sim.state(&client)), (1, State::Sending));
    client.read(1500);
    sim.settle();
    assert_eq!(sim.site.pieces, 2);
    client.read(usize::MAX);
    sim.settle();
    assert_eq!((sim.site.pieces, only(&client).is_whole), (4, true));
}

#[test]
fn a_flush_ends_a_chunk() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "100f,0e");
    let text = client.received();
    let chunks = text.windows(4).filter(|four| *four == b"32\r\n").count();
    assert_eq!((chunks, only(&client).body.len()), (2, 100));
}

#[test]
fn trailers_follow_the_last_chunk() {
    for steps in ["0t", "10a,0t", "10a,70000a,5t"] {
        let mut sim = Sim::new();
        let client = streaming(&mut sim, steps);
        assert!(client.received().ends_with(b"\r\n0\r\nX-Sum: 5\r\n\r\n"), "{steps}");
        assert!(only(&client).is_whole && sim.state(&client) == State::Idle);
        client.get("/next");
        sim.settle();
        assert_eq!(client.statuses(), [200, 200]);
    }
}

#[test]
fn trailers_of_a_body_that_is_not_chunked_are_left_out() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/stream/15/10a,5t");
    sim.settle();
    assert!(only(&client).is_whole && only(&client).body == script::body(15));
}

#[test]
fn a_length_that_is_known_is_announced() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/stream/150000/100000a,50000e");
    sim.settle();
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.contains("Content-Length: 150000\r\n") && !text.contains("Transfer-Encoding"));
    assert!(only(&client).is_whole && only(&client).body == script::body(150_000));
    assert_eq!(sim.state(&client), State::Idle);
}

#[test]
fn a_client_of_http_1_0_gets_a_body_that_the_close_ends() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"GET /stream/chunked/10a,20l,5e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    sim.settle();
    assert_eq!(client.ending(), None);
    sim.resume().unwrap();
    sim.settle();
    let response = only(&client);
    assert!(response.says_close && response.body == script::body(35));
    assert_eq!(client.ending(), Some(Ending::Fin));
}

#[test]
fn a_client_of_http_1_0_keeps_its_connection_if_the_length_is_known() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"GET /stream/35/10a,25e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    sim.settle();
    assert!(only(&client).is_whole && client.ending().is_none());
}

#[test]
fn requests_after_a_stream_wait_and_are_answered_in_order() {
    let mut sim = Sim::new();
    let client = sim.connect();
    let requests = [handler::get("/a"), handler::get(&chunked("5l,6e")), handler::get("/b")];
    client.send(&requests.concat());
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.asked), (State::Streaming, 2));
    client.get("/c");
    sim.settle();
    sim.resume().unwrap();
    sim.settle();
    let bodies: Vec<_> = client.responses().into_iter().map(|response| response.body).collect();
    assert_eq!(bodies, [b"GET /a".to_vec(), script::body(11), b"GET /b".to_vec(), b"GET /c".to_vec()]);
}

#[test]
fn a_stream_after_many_responses_still_has_room_for_its_pieces() {
    let mut sim = Sim::new();
    let client = sim.connect();
    let mut requests: Vec<_> = (0..3).map(|_| handler::get("/copied")).collect();
    requests.push(handler::get(&chunked("100000a,0e")));
    client.send(&requests.concat());
    sim.settle();
    let responses = client.responses();
    assert_eq!((responses.len(), responses[3].body.len()), (4, 100_000));
}

#[test]
fn the_last_stream_of_a_connection_ends_as_the_close_mode_says() {
    for (close, ending) in
        [(CloseMode::Fin, Some(Ending::Fin)), (CloseMode::Peer, None), (CloseMode::Rst, Some(Ending::Reset))]
    {
        let mut sim = Sim::with(|config| config.close = close);
        let client = sim.connect();
        client.get_and_close(&chunked("10a,20000a,5e"));
        sim.settle();
        let response = only(&client);
        assert!(response.says_close && response.is_whole, "{close:?}");
        assert_eq!(client.ending(), ending, "{close:?}");
    }
}

#[test]
fn a_deferred_request_can_be_answered_with_a_stream() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    let parked = sim.site.parked.remove(0);
    sim.stream(parked, &chunked("10a,10l,10e")).unwrap();
    sim.settle();
    assert_eq!((sim.state(&client), sim.resume_of(parked)), (State::Streaming, Err(IdError::Over)));
    sim.resume().unwrap();
    sim.settle();
    assert_eq!(only(&client).body, script::body(30));
}

// --- when the host has nothing yet ---

#[test]
fn a_stream_that_waits_for_the_host_owns_no_buffer() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,5e");
    assert_eq!((sim.state(&client), sim.stats().streaming), (State::Streaming, 1));
    assert_eq!((sim.lent(), sim.buffers_lent()), (1, [0; 3]));
    assert_eq!(only(&client).body, script::body(10), "what was written before has been sent");
}

#[test]
fn the_next_turn_asks_a_resumed_stream_without_an_event() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,0l,5e");
    assert_eq!(sim.site.pieces, 1);
    sim.resume().unwrap();
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    sim.process();
    assert_eq!((sim.site.pieces, sim.state(&client)), (2, State::Streaming), "still nothing");
    sim.settle();
    assert_eq!(sim.site.pieces, 2, "it is not asked again and again");
    sim.resume().unwrap();
    sim.settle();
    assert!(only(&client).is_whole);
}

#[test]
fn a_stream_resumed_before_its_piece_is_taken_goes_on_at_once() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get(&chunked("1000l,5e"));
    sim.settle();
    assert_eq!(sim.state(&client), State::Sending);
    sim.resume().unwrap();
    client.read(usize::MAX);
    sim.settle();
    assert!(only(&client).is_whole);
}

#[test]
fn an_empty_piece_with_more_to_come_waits_for_the_host() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10a,0a,5e");
    assert_eq!((sim.site.pieces, sim.state(&client)), (2, State::Streaming));
    sim.resume().unwrap();
    sim.settle();
    assert!(only(&client).is_whole);
}

#[test]
fn the_host_may_take_as_long_as_the_stream_timeout_for_each_piece() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,10l,5e");
    for _ in 0..2 {
        sim.pass(299 * SECOND);
        assert_eq!(sim.state(&client), State::Streaming);
        sim.resume().unwrap();
        sim.settle();
    }
    assert!(only(&client).is_whole);
}

#[test]
fn a_client_that_closes_its_half_still_gets_its_stream() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,50000e");
    client.fin();
    sim.settle();
    assert_eq!(sim.state(&client), State::Streaming);
    sim.resume().unwrap();
    sim.settle();
    assert!(only(&client).is_whole);
}

// --- fairness ---

#[test]
fn an_endless_stream_lets_others_have_their_turn() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get(&chunked("1000000000a,0e"));
    sim.turn();
    sim.turn();
    let pieces = sim.site.pieces;
    let other = sim.connect();
    other.get("/other");
    sim.turn();
    sim.turn();
    assert_eq!(other.statuses(), [200]);
    assert!(sim.site.pieces > pieces && sim.site.pieces < pieces + 100, "{} and {pieces}", sim.site.pieces);
    client.reset();
    sim.settle();
}
