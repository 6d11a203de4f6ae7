//! What a host does with a body: it is asked before the body comes, and takes it whole, in pieces or not at all.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler::{self, LARGE, MOST_DISCARDED};
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::CloseMode;
use crate::deferred::{GoneReason, IdError};
use crate::state::State;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The sizes of bodies: in one segment with the head, as large as a head buffer, and larger than any buffer.
pub(super) const SIZES: [usize; 4] = [1, 10_000, 30_000, 190_000];

pub(super) fn body(len: usize) -> &'static [u8] {
    &LARGE[..len]
}

/// Returns a POST request with a Content-Length.
pub(super) fn post(target: &str, len: usize) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body(len)].concat()
}

/// Returns the same request with chunks of this size.
pub(super) fn post_chunks(target: &str, len: usize, size: usize) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body(len).chunks(size) {
        request.extend(format!("{:x};name=value\r\n", chunk.len()).into_bytes());
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\nTrailer: x\r\n\r\n");
    request
}

/// Returns a request in every form of these.
pub(super) fn forms(target: &str, len: usize) -> [Vec<u8>; 3] {
    [post(target, len), post_chunks(target, len, 7000), post_chunks(target, len, 100_000)]
}

/// Sends a request, and then another one that is answered as usual.
pub(super) fn send(sim: &mut Sim, request: Vec<u8>) -> Client {
    let client = sim.connect();
    client.send(&[request, handler::get("/next")].concat());
    sim.settle();
    client
}

fn bodies(client: &Client) -> Vec<Vec<u8>> {
    client.responses().into_iter().map(|response| response.body).collect()
}

// --- the question ---

/// Asserts that the only body was reported gone for this reason, and nothing is left of it.
pub(super) fn assert_gone(sim: &mut Sim, why: GoneReason) {
    let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
    assert_eq!((told, sim.site.asked), (vec![why], 0));
    let id = sim.site.gone[0].0;
    assert_eq!(sim.resume_of(id), Err(IdError::Over));
}

#[test]
fn the_host_is_asked_once_for_each_request_that_has_a_body() {
    let mut sim = Sim::new();
    let mut asked = 0;
    for len in SIZES {
        for request in forms("/count", len) {
            let client = sim.connect();
            for piece in request.chunks(3000) {
                client.send(piece);
                sim.settle();
            }
            asked += 1;
            assert_eq!((sim.site.heads, bodies(&client)), (asked, vec![len.to_string().into_bytes()]));
        }
    }
    let client = sim.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    sim.settle();
    assert_eq!((sim.site.heads, client.responses().len()), (asked, 2), "these have no body");
}

#[test]
fn the_host_is_asked_before_the_client_may_go_on() {
    let mut sim = Sim::new();
    for (target, first) in [("/count", 100), ("/discard", 100), ("/pieces", 100), ("/head", 401)] {
        let client = sim.connect();
        let request = post(target, 3000);
        let head_len = request.len() - 3000;
        let mut head = request[..head_len - 2].to_vec();
        head.extend(b"Expect: 100-continue\r\n\r\n");
        client.send(&head);
        sim.settle();
        assert_eq!(client.statuses(), [first], "{target}");
        if first == 100 {
            client.send(&request[head_len..]);
            sim.settle();
            assert_eq!(client.statuses(), [100, 200], "{target}");
        }
    }
    assert_eq!(sim.site.heads, 4);
}

#[test]
fn an_answer_before_the_body_is_the_connections_last() {
    for (target, status) in [("/head", 401), ("/head-stream", 200)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&post(target, 190_000)[..50_000]);
        sim.settle();
        while !sim.site.streams.is_empty() {
            sim.resume().unwrap();
            sim.settle();
        }
        client.send(&[b'x'; 100_000]);
        sim.settle();
        let responses = client.responses();
        assert_eq!((responses[0].status, responses[0].says_close), (status, true));
        assert!(responses[0].is_whole && client.ending() == Some(Ending::Fin), "{target}");
        client.fin();
        sim.settle();
        assert_eq!((sim.site.asked, client.ending()), (0, Some(Ending::Fin)));
        sim.assert_empty();
    }
}

#[test]
fn an_answer_to_a_body_that_has_arrived_keeps_the_connection() {
    let mut sim = Sim::new();
    let client = send(&mut sim, post("/head", 100));
    assert_eq!((client.statuses(), sim.state(&client)), (vec![401, 200], State::Idle));
}

#[test]
fn a_request_can_be_deferred_before_its_body_comes() {
    for (len, closes) in [(100, false), (190_000, true)] {
        let mut sim = Sim::new();
        let client = send(&mut sim, post("/head-later", len));
        assert_eq!((sim.state(&client), client.received_len()), (State::Deferred, 0));
        sim.answer("late").unwrap();
        sim.settle();
        let responses = client.responses();
        assert_eq!((responses[0].status, responses[0].says_close), (200, closes));
        assert_eq!(responses.len(), if closes { 1 } else { 2 });
        client.fin();
        sim.settle();
        assert_ne!(client.ending(), Some(Ending::Reset));
    }
}

#[test]
fn a_panic_at_a_head_ends_only_its_own_connection() {
    let mut sim = Sim::new();
    let client = send(&mut sim, post("/head-panic", 100));
    assert_eq!((client.ending(), sim.stats().handler_panics), (Some(Ending::Reset), 1));
    let other = send(&mut sim, post("/count", 100));
    assert_eq!(other.statuses(), [200, 200]);
    assert!(sim.site.gone.is_empty());
}

#[test]
fn the_host_is_not_asked_in_close_mode_drop() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Drop);
    let client = send(&mut sim, post("/count", 100));
    assert_eq!((sim.site.heads, sim.stats().requests, client.is_gone()), (0, 1, true));
}

// --- the intakes ---

#[test]
fn a_body_beyond_the_hosts_own_limit_gets_413() {
    for (len, status) in [(1000, 200), (1001, 413), (30_000, 413)] {
        for request in forms("/most", len) {
            let mut sim = Sim::new();
            let client = send(&mut sim, request);
            assert_eq!(client.statuses()[0], status, "{len}");
        }
    }
}

#[test]
fn a_body_of_any_length_is_discarded() {
    for len in SIZES {
        for request in forms("/discard", len) {
            let mut sim = Sim::with(|config| config.limits.body_bytes = 1000);
            let client = send(&mut sim, request);
            assert_eq!(bodies(&client), [len.to_string().into_bytes(), b"GET /next".to_vec()]);
            assert_eq!((sim.state(&client), sim.lent()), (State::Idle, 0));
        }
    }
}

#[test]
fn a_body_beyond_the_limit_of_what_is_discarded_gets_413() {
    const MOST: usize = MOST_DISCARDED as usize;
    for (len, status) in [(1, 200), (MOST, 200), (MOST + 1, 413), (10 * MOST, 413)] {
        for request in forms("/discard-most", len) {
            for size in [usize::MAX, 5000, 1999] {
                let mut sim = Sim::with(|config| config.limits.body_bytes = 0);
                let client = sim.connect();
                for piece in request.chunks(size.min(request.len())) {
                    client.send(piece);
                    sim.settle();
                }
                assert_eq!(client.statuses(), [status], "{len} in {size}");
                assert_eq!(sim.lent(), 0);
            }
        }
    }
}

#[test]
fn a_body_is_taken_in_pieces_of_any_size() {
    for len in SIZES {
        for request in forms("/pieces", len) {
            for size in [usize::MAX, 5000, 1999] {
                let mut sim = Sim::with(|config| config.limits.body_bytes = 1000);
                let client = sim.connect();
                for piece in request.chunks(size.min(request.len())) {
                    client.send(piece);
                    sim.settle();
                }
                assert!(bodies(&client) == [body(len).to_vec()], "{len} in {size}");
                assert_eq!((sim.state(&client), sim.lent(), sim.site.gone.len()), (State::Idle, 0, 0));
            }
        }
    }
}

#[test]
fn a_body_that_is_not_kept_takes_one_head_buffer() {
    for target in ["/discard", "/pieces"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&post(target, 190_000)[..150_000]);
        sim.settle();
        assert_eq!((sim.state(&client), sim.buffers_lent()), (State::Body, [1, 0, 0]), "{target}");
    }
}

// --- a host that takes less ---

#[test]
fn a_host_that_takes_less_is_asked_again_when_it_says_so() {
    for len in [1, 10_000, 60_000] {
        for request in forms("/pieces/some/3000", len) {
            let mut sim = Sim::new();
            let client = send(&mut sim, request);
            let mut resumes = 0;
            while let Some(&(id, ..)) = sim.site.bodies.first() {
                let had = sim.site.bodies[0].1.len();
                assert_eq!(sim.state(&client), State::Holding);
                sim.settle();
                assert_eq!(sim.site.bodies[0].1.len(), had, "it is not asked before it has said so");
                sim.resume_of(id).unwrap();
                assert_eq!(sim.timeout(), Some(Duration::ZERO));
                sim.settle();
                resumes += 1;
            }
            assert!(bodies(&client) == [body(len).to_vec(), b"GET /next".to_vec()], "{len}");
            assert_eq!(resumes > 0, len > 3000);
        }
    }
}

#[test]
fn a_client_sends_no_more_than_fits_while_the_host_does_not_take_it() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&post("/pieces/some/1", 190_000));
    sim.settle();
    assert_eq!((sim.state(&client), sim.stats().holding, sim.buffers_lent()), (State::Holding, 1, [1, 0, 0]));
    assert!(sim.stats().bytes_in < 25_000);
}

#[test]
fn a_host_that_takes_too_long_costs_the_client_a_503() {
    let mut sim = Sim::new();
    let client = send(&mut sim, post("/pieces/some/1", 100));
    sim.assert_ends_after(&client, 30 * SECOND);
    assert_eq!(client.statuses(), [503]);
    assert_gone(&mut sim, GoneReason::Timeout);
}

#[test]
fn the_time_of_the_client_does_not_run_while_the_host_holds_its_body() {
    let mut sim = Sim::with(|config| config.timeouts.piece = Duration::MAX);
    let client = sim.connect();
    client.send(&post("/pieces/some/50", 200)[..200]);
    sim.settle();
    for _ in 0..2 {
        sim.pass(1000 * SECOND);
        assert_eq!(sim.state(&client), State::Holding);
        let id = sim.site.bodies[0].0;
        sim.resume_of(id).unwrap();
        sim.settle();
    }
}
