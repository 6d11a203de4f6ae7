//! `t`, `d`, `g`, `P`, `w`. The clock of a test can only say that something is not too early.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::USUAL;
use crate::common::program::Program;
use crate::common::tools::descriptors;
use crate::common::{Client, get};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn t_delays_the_first_byte() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let start = Instant::now();
    assert_eq!(client.ask("/?t=150&s=9").body.len(), 9);
    assert!(start.elapsed() >= ms(150), "{:?}", start.elapsed());
    assert_eq!(client.ask("/").body, USUAL, "the connection goes on");
    let ended = program.end();
    assert_eq!(ended.number("delays and gaps"), 1);
}

#[test]
fn delayed_responses_wait_side_by_side_and_none_is_early() {
    let program = Program::start(&[]);
    let mut clients: Vec<_> = (0..100).map(|_| program.connect()).collect();
    let start = Instant::now();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(&format!("/?t={}", 200 - number)));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().body, USUAL);
        assert!(start.elapsed() >= ms(200 - number as u64), "{number} after {:?}", start.elapsed());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_delayed_responses_are_in_flight_at_once_and_none_is_early() {
    let wanted = descriptors(10_000);
    let program = Program::start(&[]);
    let before = program.most_resident();
    let mut clients: Vec<_> = (0..wanted)
        .map(|_| Client::over_small(TcpStream::connect(program.address).expect("a connection")))
        .collect();
    let delay = |number: usize| ms(3000 + number as u64 % 1000);
    let mut sent = Vec::with_capacity(wanted);
    for (number, client) in clients.iter_mut().enumerate() {
        sent.push(Instant::now());
        client.send(get(&format!("/?t={}", delay(number).as_millis())));
    }
    let each = (program.memory("Rss") - before) / wanted as u64;
    let mut earliest = Duration::MAX;
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().body, USUAL);
        let late = sent[number].elapsed().checked_sub(delay(number));
        earliest = earliest.min(late.unwrap_or_else(|| panic!("the response {number} is early")));
    }
    let ended = program.end();
    assert_eq!((ended.number("delays and gaps"), ended.number("errors")), (wanted as u64, 0));
    println!("{each} bytes of memory for each of {wanted}; the earliest is {earliest:?} late");
    // A slot, a record, a job and a timer. A head buffer alone would take 4 KiB at least.
    assert!(each <= 1024, "{each} bytes each");
}

#[test]
fn a_random_delay_is_below_its_bound_and_differs() {
    let program = Program::start(&[]);
    let mut clients: Vec<_> = (0..50).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send(get("/?t=100r"));
    }
    assert!(clients.iter_mut().all(|client| client.response().status == 200));
    let fired = program.end().number("delays and gaps");
    // A delay of 0 ms needs no timer.
    assert!((40..=50).contains(&fired), "{fired}");
}

#[test]
fn a_client_that_leaves_takes_its_delay_along() {
    let mut program = Program::start(&["-vv"]);
    let waiting = [
        ("/?t=3600000", "-> Deferred"),
        ("/?d=1", "-> Deferred"),
        ("/?t=3600000&v=body", "-> Deferred"),
        ("/?s=9&p=1&g=3600000", "-> Streaming"),
        ("/?P=3600000", "-> Streaming"),
    ];
    for (target, state) in waiting {
        let mut client = program.connect();
        client.send(get(target));
        program.stderr.wait_for(state);
        drop(client);
        program.stderr.wait_for("-> gone");
    }
    assert_eq!(program.connect().ask_last("/").body, USUAL);
    let ended = program.end();
    assert_eq!(ended.number("closed first by the client"), 5);
    assert!(!ended.stdout.contains("delays and gaps"), "{}", ended.stdout);
}

#[test]
fn d_never_responds() {
    let program = Program::start(&["--drain-timeout", "50ms"]);
    let mut client = program.connect();
    client.send(get("/?d=1"));
    assert_eq!(program.connect().ask("/").body, USUAL, "others are served");
    let ended = program.end();
    assert_eq!(ended.number("requests"), 2);
    assert_eq!(super::rest(&mut client).0, b"");
}

#[test]
fn g_leaves_gaps_between_the_pieces() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let start = Instant::now();
    assert_eq!(client.ask("/?s=50&p=10&g=30").body.len(), 50);
    assert!(start.elapsed() >= ms(4 * 30), "{:?}", start.elapsed());
    assert_eq!(client.ask("/?s=2500&g=1").body.len(), 2500);
    // Four gaps of five pieces, and two of pieces of 1 KiB.
    assert_eq!(program.end().number("delays and gaps"), 6);
}

#[test]
fn p_after_the_last_byte_delays_the_end() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    let start = Instant::now();
    client.send(get("/?P=200&C=1"));
    assert_eq!(client.response().body, USUAL);
    client.expect_end();
    assert!(start.elapsed() >= ms(200), "{:?}", start.elapsed());
    // The last chunk is the end of a response that has chunks.
    let mut client = program.connect();
    let start = Instant::now();
    client.send(get("/?P=200&k=1&s=1"));
    client.response_head();
    assert_eq!((client.chunk().len(), client.chunk().len()), (1, 0));
    assert!(start.elapsed() >= ms(200), "{:?}", start.elapsed());
}

#[test]
fn w_closes_a_connection_that_is_idle_afterwards() {
    let program = Program::start(&["--close", "fin"]);
    let mut client = program.connect();
    let start = Instant::now();
    assert_eq!(client.ask("/?w=150").body, USUAL);
    client.expect_end();
    assert!(start.elapsed() >= ms(150), "{:?}", start.elapsed());
    client.finish();
    assert_eq!(program.end().number("closed by the host"), 1);
}

#[test]
fn a_request_in_time_ends_the_idle_time_of_w() {
    let program = Program::start(&["-vv"]);
    let mut client = program.connect();
    let mut other = program.connect();
    for _ in 0..5 {
        assert_eq!(client.ask("/?w=3600000").body, USUAL);
        assert_eq!(client.ask("/").body, USUAL);
    }
    assert_eq!(client.ask("/?w=100").body, USUAL);
    assert_eq!(client.ask("/").body, USUAL);
    // By then the idle time of the request before would be over.
    let start = Instant::now();
    assert_eq!(other.ask("/?t=150").body, USUAL);
    assert!(start.elapsed() >= ms(150));
    assert_eq!(client.ask("/").body, USUAL, "the connection is still open");
    assert_eq!(program.end().number("delays and gaps"), 1);
}

#[test]
fn an_upload_ends_the_idle_time_of_w_when_its_head_is_there() {
    let mut program = Program::start(&["-vv"]);
    let mut client = program.connect();
    assert_eq!(client.ask("/?w=100").body, USUAL);
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx");
    program.stderr.wait_for("-> Body");
    let start = Instant::now();
    assert_eq!(program.connect().ask("/?t=150").body, USUAL);
    assert!(start.elapsed() >= ms(150));
    client.send("y");
    assert_eq!(client.response().body, USUAL);
}

#[test]
fn w_begins_after_a_response_that_comes_before_the_end_of_the_body() {
    for query in ["A=1&w=50", "B=3&w=50", "B=9&w=50"] {
        let program = Program::start(&[]);
        let mut client = program.connect();
        client.send(format!("PUT /?{query} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345"));
        assert_eq!(client.response().body, USUAL);
        client.expect_end();
        client.finish();
        assert_eq!(program.end().number("closed by the host"), 1, "{query}");
    }
}

#[test]
fn a_thousand_clients_get_pieces_with_gaps_at_once() {
    let wanted = descriptors(1000);
    let program = Program::start(&[]);
    let mut clients: Vec<_> = (0..wanted).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send(get("/?s=100&p=20&g=20r"));
    }
    for client in &mut clients {
        assert_eq!(client.response().body.len(), 100);
    }
    let ended = program.end();
    let fired = ended.number("delays and gaps");
    // Each has four gaps, of which one in twenty has no length.
    assert!((wanted as u64 * 3..=wanted as u64 * 4).contains(&fired), "{fired}");
}
