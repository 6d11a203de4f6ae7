//! Descriptors that clients pass with their requests. After every turn, the harness checks that none is open that
//! belongs to no request.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Call;
use crate::config::{CloseMode, Config};
use crate::state::State;
use crate::stats::Reason;

/// A server that accepts this number of descriptors with a request.
fn sim(limit: usize) -> Sim {
    with(limit, |_| {})
}

fn with(limit: usize, change: impl FnOnce(&mut Config)) -> Sim {
    let sim = Sim::with(|config| {
        config.limits.descriptors = limit;
        change(config);
    });
    sim.world().short_read_drains = false;
    sim
}

fn open(sim: &Sim) -> usize {
    sim.world().open_descriptors()
}

#[test]
fn a_request_has_the_descriptors_that_came_with_it() {
    let mut sim = sim(3);
    let client = sim.connect();
    for count in [3, 0, 1] {
        client.pass(&handler::get("/"), count);
        sim.settle();
        assert_eq!((sim.site.passed.pop(), open(&sim)), (Some(count), 0));
    }
    assert_eq!(client.statuses(), [200; 3]);
}

#[test]
fn without_a_limit_they_are_closed_by_reading_the_request() {
    let mut sim = sim(0);
    let client = sim.connect();
    client.pass(&handler::get("/"), 5);
    sim.settle();
    assert_eq!((client.statuses(), &sim.site.passed[..], open(&sim)), (vec![200], &[0][..], 0));
}

#[test]
fn the_messages_of_a_request_add_up() {
    let mut sim = sim(6);
    let client = sim.connect();
    let request = handler::get("/");
    let (first, rest) = request.split_at(7);
    let (second, third) = rest.split_at(7);
    for (message, count) in [(first, 1), (second, 2)] {
        client.pass(message, count);
        sim.settle();
    }
    assert_eq!((open(&sim), sim.state(&client)), (3, State::Head));
    client.pass(third, 3);
    sim.settle();
    assert_eq!((&sim.site.passed[..], open(&sim)), (&[6][..], 0));
}

#[test]
fn all_in_one_read_belong_to_its_first_request() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.send(&handler::get("/first")[..20]);
    sim.settle();
    client.pass(
        &[&handler::get("/first")[20..], &handler::get("/second"), &handler::get("/third")].concat(),
        2,
    );
    sim.settle();
    assert_eq!((&sim.site.passed[..], client.statuses()), (&[2, 0, 0][..], vec![200; 3]));
}

#[test]
fn a_message_with_descriptors_ends_a_read() {
    let mut sim = sim(2);
    let client = sim.connect_idle();
    client.pass(&handler::get("/first"), 1);
    client.pass(&handler::get("/second"), 2);
    client.send(&handler::get("/third"));
    sim.settle();
    assert_eq!(&sim.site.passed[..], [1, 2, 0]);
}

#[test]
fn each_member_of_a_wave_has_its_own() {
    let mut sim = sim(9);
    let clients: Vec<_> = (0..9).map(|_| sim.connect_idle()).collect();
    for (count, client) in clients.iter().enumerate() {
        client.pass(&handler::get("/"), count);
    }
    sim.settle();
    assert_eq!((&sim.site.passed[..], open(&sim)), (&[0, 1, 2, 3, 4, 5, 6, 7, 8][..], 0));
}

/// Asserts that a request was refused with this status, and that nothing is left of it.
fn assert_refused(sim: &mut Sim, client: &Client, status: u16) {
    sim.settle();
    assert_eq!((client.statuses(), sim.site.asked, open(sim)), (vec![status], 0, 0));
    assert_eq!((sim.stats().errors(status), sim.state(client)), (1, State::Closing));
}

#[test]
fn a_request_with_too_many_is_refused() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.pass(&handler::get("/"), 3);
    assert_refused(&mut sim, &client, 400);
}

#[test]
fn a_request_with_too_many_in_several_messages_is_refused() {
    let mut sim = sim(2);
    let client = sim.connect();
    for message in handler::get("/").chunks(8).take(3) {
        client.pass(message, 1);
    }
    assert_refused(&mut sim, &client, 400);
}

#[test]
fn a_request_whose_descriptors_cannot_be_received_is_refused() {
    for receivable in [0, 2] {
        let mut sim = sim(3);
        sim.world().receivable = receivable;
        let client = sim.connect();
        client.pass(&handler::get("/"), 3);
        assert_refused(&mut sim, &client, 503);
    }
}

#[test]
fn a_request_in_close_mode_drop_is_dropped_with_them() {
    for count in [1, 3] {
        let mut sim = with(2, |config| config.close = CloseMode::Drop);
        let client = sim.connect();
        client.pass(&handler::get("/"), count);
        sim.settle();
        assert_eq!((client.received_len(), client.is_gone(), open(&sim)), (0, true, 0));
    }
}

/// The head of a request with a body of this length.
fn head_of(target: &str, len: usize) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len}\r\n\r\n")
        .into()
}

#[test]
fn the_head_and_the_whole_request_have_the_same() {
    for target in ["/echo", "/discard", "/pieces", "/pieces/some/1"] {
        let mut sim = sim(2);
        let client = sim.connect();
        client.pass(&head_of(target, 5), 1);
        sim.settle();
        assert_eq!((&sim.site.passed_heads[..], client.statuses()), (&[1][..], vec![100]), "{target}");
        client.pass(b"hel", 1);
        sim.settle();
        client.send(b"lo");
        sim.settle();
        while !sim.site.bodies.is_empty() {
            let id = sim.site.bodies[0].0;
            assert_eq!(open(&sim), 2, "{target}");
            sim.resume_of(id).unwrap();
            sim.settle();
        }
        assert_eq!((&sim.site.passed[..], open(&sim)), (&[2][..], 0), "{target}");
    }
}

#[test]
fn they_are_held_while_100_continue_is_being_sent() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.stop_reading();
    client.pass(&head_of("/echo", 5), 2);
    sim.settle();
    assert_eq!((sim.state(&client), open(&sim)), (State::Sending, 2));
    client.read(usize::MAX);
    client.send(b"hello");
    sim.settle();
    assert_eq!((&sim.site.passed[..], open(&sim)), (&[2][..], 0));
}

#[test]
fn they_are_held_while_a_body_waits_for_a_buffer() {
    let mut sim = with(2, |config| config.buffers.bodies = 1);
    let others = sim.connect_idle();
    let client = sim.connect_idle();
    for (client, count) in [(&others, 0), (&client, 2)] {
        client.pass(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n", count);
        client.send(&[b'x'; 30_000]);
        sim.settle();
    }
    assert_eq!((sim.state(&client), open(&sim)), (State::AwaitingBuffer, 2));
    others.reset();
    client.send(&[b'x'; 20_000]);
    sim.settle();
    assert_eq!((&sim.site.passed[..], open(&sim)), (&[2][..], 0));
}

#[test]
fn they_are_closed_when_the_handler_has_returned_whatever_it_does() {
    let targets = [
        "/later",
        "/keep",
        "/stream/chunked/1l,1e",
        "/upgrade",
        "/drop",
        "/panic",
        "/later-panic",
        "/refuse",
    ];
    for target in targets {
        let mut sim = sim(2);
        let client = sim.connect();
        client.pass(&handler::get(target), 2);
        sim.settle();
        assert_eq!((&sim.site.passed[..], open(&sim)), (&[2][..], 0), "{target}");
    }
}

#[test]
fn they_are_closed_when_the_handler_answers_the_head_or_a_piece() {
    let targets = ["/head", "/head-stream", "/head-panic", "/head-refuse", "/pieces/until/2e"];
    for target in targets {
        let mut sim = sim(2);
        let client = sim.connect();
        client.pass(&head_of(target, 5), 2);
        sim.settle();
        client.send(b"hello");
        sim.settle();
        assert_eq!((&sim.site.passed_heads[..], open(&sim)), (&[2][..], 0), "{target}");
    }
}

#[test]
fn they_are_kept_while_a_body_waits_for_its_host_and_closed_when_the_host_leaves_it_unread() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.pass(&head_of("/head-later", 5), 2);
    sim.settle();
    assert_eq!((sim.state(&client), open(&sim)), (State::Deferred, 2));
    sim.answer("no").unwrap();
    sim.settle();
    assert_eq!((client.statuses(), open(&sim)), (vec![200], 0));
}

/// An end of a request that is still arriving.
type End = fn(&mut Sim, &Client);

#[test]
fn they_are_closed_with_a_request_that_never_arrives_whole() {
    let ends: [(&str, End); 9] = [
        ("a FIN", |_, client| client.fin()),
        ("a reset", |_, client| client.reset()),
        ("a timeout", |sim, _| sim.pass(Duration::from_secs(30))),
        ("nonsense", |_, client| client.send(b"\0 \r\n\r\n")),
        ("an abort", |sim, _| sim.engine.call(None).abort()),
        ("the end of a drain", |sim, _| {
            let now = sim.now();
            sim.engine.call(Some(now)).drain(Duration::ZERO);
        }),
        ("a close with a FIN", |sim, client| close(sim, client, CloseMode::Fin)),
        ("a close by the client", |sim, client| close(sim, client, CloseMode::Peer)),
        ("a close with a reset", |sim, client| close(sim, client, CloseMode::Rst)),
    ];
    let begun: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST /pieces/some/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ];
    for (end, act) in ends {
        for begun in begun {
            let mut sim = with(2, |config| config.names = true);
            let client = sim.connect();
            client.pass(begun, 2);
            sim.settle();
            assert_eq!(open(&sim), 2, "{end}");
            act(&mut sim, &client);
            sim.settle();
            assert!(open(&sim) == 0 || sim.state(&client) == State::Holding, "{end}");
            sim.pass(Duration::from_secs(100));
            assert_eq!(open(&sim), 0, "{end}");
        }
    }
}

fn close(sim: &mut Sim, client: &Client, how: CloseMode) {
    let name = sim.name(client);
    sim.close(name, how).unwrap();
}

#[test]
fn they_are_closed_with_a_connection_that_makes_way() {
    let mut sim = with(2, |config| config.max_connections = 1);
    let client = sim.connect();
    client.pass(b"GET / HT", 2);
    sim.settle();
    assert_eq!(open(&sim), 2);
    let newcomer = sim.connect();
    newcomer.get("/");
    sim.settle();
    assert_eq!((client.is_gone(), newcomer.statuses()), (true, vec![200]));
    assert_eq!((&sim.site.passed[..], open(&sim)), (&[0][..], 0), "the newcomer has the same slot");
}

#[test]
fn empty_lines_have_none() {
    let mut sim = sim(2);
    let client = sim.connect_idle();
    client.pass(b"\r\n", 2);
    sim.settle();
    assert_eq!((open(&sim), sim.state(&client)), (0, State::Idle));
    client.get("/");
    sim.settle();
    assert_eq!(sim.site.passed, [0]);
}

#[test]
fn what_comes_after_the_last_response_is_closed() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.get("/close");
    sim.settle();
    assert_eq!(sim.state(&client), State::Closing);
    for count in [1, 3, 2] {
        client.pass(b"more", count);
        sim.settle();
        assert_eq!((open(&sim), client.called(Call::Close)), (0, false));
    }
    client.fin();
    sim.settle();
    assert_eq!(sim.stats().closes(Reason::Answered), 1);
}

#[test]
fn unread_ones_are_closed_with_the_connection() {
    let mut sim = sim(2);
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    client.pass(&handler::get("/behind"), 2);
    sim.settle();
    assert_eq!(open(&sim), 2, "nothing is read meanwhile");
    client.reset();
    sim.settle();
    assert_eq!(open(&sim), 0);
}
