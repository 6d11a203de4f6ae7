//! Bodies that do not fit into the rest of a head buffer. They wait for a body buffer, in their order.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Call;
use crate::state::State;
use crate::stats::Reason;

const SECOND: Duration = Duration::from_secs(1);
const STALL: Duration = Duration::from_secs(3);

/// The size of a head buffer.
const HEAD_BUFFER: usize = 20 * 1024;

/// The length of a body that does not fit into it.
const LARGE: usize = 100_000;

/// Creates a server with one body buffer.
fn one_buffer() -> Sim {
    Sim::with(|config| config.buffers.bodies = 1)
}

fn head(fields: &str) -> Vec<u8> {
    format!("POST /count HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n").into_bytes()
}

/// Begins a large upload, which fills the buffer of its head.
fn begin(sim: &mut Sim) -> Client {
    let client = sim.connect();
    let head = head(&format!("Content-Length: {LARGE}"));
    client.send(&head);
    client.send(&vec![b'x'; HEAD_BUFFER - head.len()]);
    sim.settle();
    client
}

/// Returns the rest of its body.
fn rest() -> Vec<u8> {
    let head = head(&format!("Content-Length: {LARGE}"));
    vec![b'x'; LARGE - (HEAD_BUFFER - head.len())]
}

fn bodies(client: &Client) -> Vec<String> {
    client.responses().into_iter().map(|response| String::from_utf8(response.body).unwrap()).collect()
}

#[test]
fn a_body_that_fits_after_its_head_needs_no_body_buffer() {
    let mut sim = one_buffer();
    let holder = begin(&mut sim);
    let small = sim.connect();
    small.send(&head("Content-Length: 20000"));
    sim.settle();
    assert_eq!((sim.state(&holder), sim.state(&small)), (State::Body, State::Body));
    small.send(&vec![b'x'; 20_000]);
    sim.settle();
    assert_eq!(bodies(&small), ["20000"]);
}

#[test]
fn a_large_body_takes_a_body_buffer_only_when_its_head_buffer_is_full() {
    let mut sim = one_buffer();
    let stalled: Vec<Client> = (0..10).map(|_| sim.connect()).collect();
    for client in &stalled {
        client.send(&[head(&format!("Content-Length: {LARGE}")), vec![b'x'; 1000]].concat());
    }
    sim.settle();
    assert_eq!(sim.buffers_lent(), [10, 0, 0]);
    let honest = begin(&mut sim);
    honest.send(&rest());
    sim.settle();
    assert_eq!((bodies(&honest), sim.elapsed), (vec!["100000".to_owned()], Duration::ZERO));
}

#[test]
fn a_body_waits_unread_until_a_buffer_is_spare() {
    let mut sim = one_buffer();
    let (first, second) = (begin(&mut sim), begin(&mut sim));
    second.send(&rest());
    sim.settle();
    assert_eq!((sim.state(&first), sim.state(&second)), (State::Body, State::AwaitingBuffer));
    let read = sim.stats().bytes_in;
    first.send(&rest());
    sim.settle();
    assert_eq!((bodies(&first), bodies(&second)), (vec!["100000".to_owned()], vec!["100000".to_owned()]));
    assert_eq!(
        sim.stats().bytes_in - read,
        2 * rest().len() as u64,
        "the server has read nothing of it before"
    );
    assert_eq!(sim.elapsed, Duration::ZERO);
}

#[test]
fn bodies_get_the_buffer_in_the_order_of_arrival() {
    let mut sim = one_buffer();
    let clients: Vec<Client> = (0..4).map(|_| begin(&mut sim)).collect();
    for (at, client) in clients.iter().enumerate() {
        let states: Vec<State> = clients[at..].iter().map(|client| sim.state(client)).collect();
        assert_eq!(states[0], State::Body);
        assert!(states[1..].iter().all(|&state| state == State::AwaitingBuffer), "{states:?}");
        client.send(&rest());
        sim.settle();
        assert_eq!(bodies(client), ["100000"]);
    }
}

#[test]
fn the_server_sends_100_continue_when_it_has_a_buffer_for_the_body() {
    let mut sim = one_buffer();
    let holder = begin(&mut sim);
    let client = sim.connect();
    client.send(&head(&format!("Expect: 100-continue\r\nContent-Length: {LARGE}")));
    sim.settle();
    assert_eq!((sim.state(&client), client.received_len()), (State::AwaitingBuffer, 0));
    holder.send(&rest());
    sim.settle();
    assert_eq!((sim.state(&client), client.statuses()), (State::Body, vec![100]));
    client.send(&vec![b'x'; LARGE]);
    sim.settle();
    assert_eq!(client.statuses(), [100, 200]);
}

#[test]
fn the_body_timeout_does_not_run_while_a_body_waits_for_a_buffer() {
    let mut sim = Sim::with(|config| {
        config.buffers.bodies = 1;
        config.timeouts.body = 2 * SECOND;
    });
    let (holder, client) = (begin(&mut sim), begin(&mut sim));
    for _ in 0..15 {
        sim.pass(SECOND);
        holder.send(&vec![b'x'; 4096]);
        sim.settle();
    }
    assert_eq!((sim.state(&holder), sim.state(&client)), (State::Body, State::AwaitingBuffer));
    holder.send(&rest());
    sim.pass(SECOND);
    assert_eq!(sim.state(&client), State::Body, "its whole timeout begins now");
    client.send(&rest());
    sim.settle();
    assert_eq!(bodies(&client), ["100000"]);
}

#[test]
fn a_body_that_gets_no_buffer_in_time_is_refused_with_503() {
    let mut sim = Sim::with(|config| {
        config.buffers.bodies = 1;
        config.timeouts.queue = 10 * SECOND;
    });
    let holder = begin(&mut sim);
    sim.pass(SECOND);
    let client = begin(&mut sim);
    for _ in 0..4 {
        holder.send(&vec![b'x'; 4096]);
        sim.pass(2 * SECOND);
    }
    holder.send(&vec![b'x'; 4096]);
    sim.pass(SECOND);
    assert!(client.statuses().is_empty());
    sim.pass(SECOND);
    assert_eq!((client.statuses(), sim.stats().errors(503)), (vec![503], 1));
    assert!(holder.is_served());
}

#[test]
fn a_body_stalled_for_three_seconds_loses_its_buffer_to_one_that_waits() {
    let mut sim = one_buffer();
    let (stalled, client) = (begin(&mut sim), begin(&mut sim));
    assert_eq!(sim.timeout(), Some(STALL));
    sim.pass(STALL - Duration::from_nanos(1));
    assert_eq!((sim.state(&stalled), sim.state(&client)), (State::Body, State::AwaitingBuffer));
    sim.pass(Duration::from_nanos(1));
    assert_eq!((stalled.statuses(), sim.state(&client)), (vec![503], State::Body));
}

#[test]
fn a_body_loses_its_buffer_after_twenty_seconds_to_one_that_waits() {
    let mut sim = one_buffer();
    let slow = begin(&mut sim);
    sim.pass(SECOND);
    let client = begin(&mut sim);
    for _ in 0..18 {
        slow.send(&vec![b'x'; 4096]);
        sim.pass(SECOND);
    }
    assert_eq!((sim.state(&slow), sim.timeout()), (State::Body, Some(SECOND)));
    sim.pass(SECOND);
    assert_eq!((slow.statuses(), sim.state(&client)), (vec![503], State::Body));
}

#[test]
fn a_stalled_body_keeps_its_buffer_while_no_other_waits() {
    let mut sim = one_buffer();
    let stalled = begin(&mut sim);
    sim.pass(20 * SECOND);
    assert_eq!(sim.state(&stalled), State::Body);
    stalled.send(&rest());
    sim.settle();
    assert_eq!(bodies(&stalled), ["100000"]);
}

#[test]
fn a_waiting_client_that_is_reset_leaves_the_queue() {
    let mut sim = one_buffer();
    let (holder, gone, next) = (begin(&mut sim), begin(&mut sim), begin(&mut sim));
    gone.reset();
    sim.settle();
    assert!(gone.is_gone());
    assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
    holder.send(&rest());
    sim.settle();
    assert_eq!(sim.state(&next), State::Body);
}

#[test]
fn a_half_closed_client_in_the_queue_is_answered_in_its_turn() {
    let mut sim = one_buffer();
    let (holder, client) = (begin(&mut sim), begin(&mut sim));
    client.send(&rest());
    client.fin();
    sim.settle();
    assert_eq!(sim.state(&client), State::AwaitingBuffer);
    holder.send(&rest());
    sim.settle();
    assert_eq!(bodies(&client), ["100000"]);
}

#[test]
fn chunks_move_to_a_body_buffer_when_they_outgrow_their_head() {
    let mut sim = one_buffer();
    let client = sim.connect();
    client.send(&head("Transfer-Encoding: chunked"));
    for round in 0..10 {
        client.send(&[b"2000\r\n", &vec![b'x'; 0x2000][..], b"\r\n"].concat());
        sim.settle();
        assert_eq!(sim.state(&client), State::Body, "round {round}");
    }
    client.send(b"0\r\n\r\n");
    sim.settle();
    assert_eq!(bodies(&client), ["81920"]);
    let largest = client.calls().into_iter().filter_map(|call| match call {
        Call::Read(Ok(len)) => Some(len),
        _ => None,
    });
    assert!(largest.max() <= Some(20 * 1024));
}

#[test]
fn requests_after_a_large_body_are_answered_after_it() {
    for chunked in [false, true] {
        for others in [1, 40] {
            let mut sim = Sim::with(|config| {
                config.buffers.bodies = 1;
                config.budget.requests_per_connection = 3;
            });
            let client = sim.connect();
            if chunked {
                client.send(&head("Transfer-Encoding: chunked"));
                client.send(&[b"186a0\r\n", &[b'x'; LARGE][..], b"\r\n0\r\n\r\n"].concat());
            } else {
                client.send(&[head(&format!("Content-Length: {LARGE}")), vec![b'x'; LARGE]].concat());
            }
            client.send(&handler::get("/next").repeat(others));
            sim.settle();
            let answers = bodies(&client);
            assert_eq!((answers.len(), answers[0].as_str()), (1 + others, "100000"), "{chunked}");
            assert!(answers[1..].iter().all(|answer| answer == "GET /next"));
            client.close();
            sim.settle();
            sim.assert_empty();
        }
    }
}

#[test]
fn a_deferred_request_holds_a_head_only_if_requests_follow_it() {
    let mut sim = one_buffer();
    let (alone, followed) = (sim.connect(), sim.connect());
    alone.send(b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
    alone.send(&vec![b'x'; 50_000]);
    sim.settle();
    followed.send(&[handler::get("/later"), handler::get("/next")].concat());
    sim.settle();
    assert_eq!(sim.buffers_lent(), [1, 0, 0]);
    sim.answer("one").unwrap();
    sim.answer("two").unwrap();
    sim.settle();
    assert_eq!(
        (bodies(&alone), bodies(&followed)),
        (vec!["one".into()], vec!["two".into(), "GET /next".into()])
    );
    assert_eq!(sim.buffers_lent(), [0; 3]);
}

#[test]
fn a_response_whose_copied_part_is_sent_holds_no_buffer() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(500);
    client.get("/large");
    sim.settle();
    assert_eq!((sim.state(&client), sim.buffers_lent()), (State::Sending, [0; 3]));
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(client.responses()[0].body, handler::LARGE);
}

#[test]
fn a_host_answers_any_number_of_requests_at_once_with_few_outs() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 200;
        config.buffers.outs = 2;
        config.budget.requests = 8;
    });
    let clients: Vec<Client> = (0..100).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/later");
    }
    sim.settle();
    for at in 0..100 {
        sim.answer(&format!("answer {at}")).unwrap();
    }
    sim.settle();
    for (at, client) in clients.iter().enumerate() {
        assert_eq!(bodies(client), [format!("answer {at}")]);
    }
    assert_eq!(sim.stats().closes(Reason::Evicted), 0);
}

#[test]
fn many_responses_at_once_cut_off_the_unread_ones_when_outs_run_out() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 200;
        config.buffers.outs = 2;
    });
    let clients: Vec<Client> = (0..10).map(|_| sim.connect()).collect();
    for client in &clients {
        client.stop_reading();
        client.get("/later");
    }
    let reader = sim.connect();
    reader.get("/later");
    sim.settle();
    for _ in 0..11 {
        let _ = sim.answer("late");
    }
    sim.settle();
    assert_eq!(bodies(&reader), ["late"]);
    assert_eq!((sim.stats().closes(Reason::Evicted), sim.stats().open), (8, 3));
}
