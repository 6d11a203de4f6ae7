//! Deadlines: each wait ends exactly when it should, and never before its connection's turn.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::config::CloseMode;
use crate::stats::Reason;

pub(super) const IDLE: Duration = Duration::from_secs(75);
pub(super) const HEAD: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(30);
const WRITE: Duration = Duration::from_secs(30);
const LINGER: Duration = Duration::from_secs(5);
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn begin_post(client: &Client) {
    client.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
}

#[test]
fn the_timeout_is_none_without_a_connection() {
    let mut sim = Sim::new();
    assert_eq!(sim.timeout(), None);
    let client = sim.connect();
    client.get_and_close("/");
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(sim.timeout(), None);
}

#[test]
fn a_silent_connection_ends_after_the_idle_timeout() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    sim.assert_ends_after(&client, IDLE);
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_eq!(sim.stats().closes(Reason::IdleTimeout), 1);
    sim.assert_empty();
}

#[test]
fn the_idle_timeout_starts_anew_with_each_response() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    for _ in 0..3 {
        sim.pass(IDLE - SECOND);
        client.get("/");
        sim.settle();
    }
    assert_eq!(client.statuses(), [200, 200, 200]);
    sim.assert_ends_after(&client, IDLE);
    assert_eq!(sim.stats().closes(Reason::IdleTimeout), 1);
}

#[test]
fn empty_lines_do_not_extend_the_idle_timeout() {
    for lines in [&["\r\n"][..], &["\r\n\r\n\r\n"], &["\r\n", "\r\n"]] {
        let mut sim = Sim::new();
        let client = sim.connect_idle();
        for _ in 0..40 {
            sim.pass(2 * SECOND);
            for part in lines {
                client.send(part.as_bytes());
                sim.settle();
            }
        }
        assert!(!client.is_served(), "{lines:?} kept it alive for {:?}", sim.elapsed);
    }
}

#[test]
fn a_head_that_arrives_byte_by_byte_gets_no_extra_time() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    sim.pass(SECOND);
    for byte in b"GET / HTT" {
        client.send(&[*byte]);
        sim.pass(SECOND);
    }
    client.send(b"P");
    sim.settle();
    sim.assert_ends_after(&client, HEAD - 9 * SECOND);
    assert_eq!(client.statuses(), [408]);
}

#[test]
fn each_four_kib_of_a_body_start_its_timeout_anew() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    begin_post(&client);
    sim.pass(BODY - SECOND);
    client.send(&[b'x'; 4095]);
    sim.settle();
    assert_eq!(sim.timeout(), Some(SECOND));
    client.send(b"x");
    sim.settle();
    sim.assert_ends_after(&client, BODY);
    assert_eq!(client.statuses(), [408]);
    assert_eq!(sim.stats().errors(408), 1);
}

#[test]
fn each_four_kib_of_a_response_start_its_timeout_anew() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.stop_reading();
    client.get("/large");
    sim.pass(WRITE - SECOND);
    client.read(4095);
    sim.settle();
    assert_eq!((sim.timeout(), client.received_len()), (Some(SECOND), 4095));
    client.read(1);
    sim.settle();
    sim.assert_ends_after(&client, WRITE);
    assert_eq!(client.ending(), Some(Ending::Reset), "otherwise it might mistake a part for the whole");
    assert_eq!(sim.stats().closes(Reason::WriteTimeout), 1);
    sim.assert_empty();
}

#[test]
fn the_linger_timeout_starts_anew_while_a_client_still_sends() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/close");
    sim.pass(LINGER - SECOND);
    client.send(&[b'x'; 50_000]);
    sim.settle();
    sim.assert_ends_after(&client, LINGER);
    assert_eq!(sim.stats().closes(Reason::LingerTimeout), 1);
    sim.assert_empty();
}

#[test]
fn lingering_ends_after_half_a_minute_even_if_the_client_still_sends() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        let mut sim = Sim::with(|config| config.close = close);
        let client = sim.connect_idle();
        client.get("/close");
        sim.settle();
        for _ in 0..29 {
            sim.pass(SECOND);
            client.send(&[b'x'; 1 << 20]);
        }
        sim.settle();
        assert!(client.is_served(), "{close:?}: it may not have begun to read");
        // The server counts this time in ticks of about a millisecond.
        sim.pass(SECOND + Duration::from_millis(2));
        client.send(b"x");
        sim.settle();
        assert!(client.is_gone(), "{close:?}");
        assert_eq!(sim.stats().closes(Reason::LingerLimit), 1, "{close:?}");
        sim.assert_empty();
    }
}

#[test]
fn in_mode_peer_the_server_waits_for_the_client_and_then_closes_itself() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Peer);
    let client = sim.connect_idle();
    client.get_and_close("/");
    sim.settle();
    assert_eq!((client.statuses(), client.ending()), (vec![200], None));
    sim.assert_ends_after(&client, LINGER);
    assert_eq!(client.ending(), Some(Ending::Fin));
    assert!(client.is_served(), "the server still waits for the client's FIN");
    sim.assert_ends_after(&client, LINGER);
    assert_eq!(sim.stats().closes(Reason::LingerTimeout), 1);
    assert_eq!(sim.stats().closed_by_client_first, 0);
    sim.assert_empty();
}

#[test]
fn a_slow_client_gets_a_408_and_time_to_read_it() {
    for start in ["GET /", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(start.as_bytes());
        sim.pass(BODY + LINGER);
        assert_eq!(client.statuses(), [408]);
        assert!(client.responses()[0].says_close);
        assert_eq!(client.ending(), Some(Ending::Fin));
        let calls = client.calls();
        let shutdown = calls.iter().rposition(|call| *call == Call::Shutdown).expect("it lingers");
        let between = &calls[shutdown + 1..calls.len() - 1];
        assert!(calls.ends_with(&[Call::Close]) && !between.contains(&Call::Close), "{calls:?}");
    }
}

#[test]
fn a_slow_client_that_does_not_read_its_408_is_reset() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.send(b"GET /");
    sim.settle();
    sim.assert_ends_after(&client, HEAD);
    sim.assert_ends_after(&client, WRITE);
    assert_eq!(client.ending(), Some(Ending::Reset));
    sim.assert_empty();
}

#[test]
fn a_connection_without_a_deadline_can_be_evicted() {
    let mut sim = Sim::with(|config| (config.max_connections, config.timeouts.idle) = (1, Duration::MAX));
    sim.advance(10 * SECOND);
    let first = sim.connect_idle();
    let second = sim.connect();
    sim.settle();
    assert!(first.is_gone() && second.is_served());
}

#[test]
fn the_timeout_of_an_idle_connection_evicts_no_other() {
    let mut sim = Sim::with(|config| config.exchanges = 1);
    let idle = sim.connect_idle();
    sim.pass(IDLE - SECOND);
    let slow = [sim.connect(), sim.connect()];
    for client in &slow {
        client.send(b"GET /");
    }
    sim.settle();
    let told_before = slow.iter().map(Client::received).collect::<Vec<_>>();
    sim.pass(SECOND);
    assert!(idle.is_gone());
    let told = slow.iter().map(Client::received).collect::<Vec<_>>();
    assert!(told == told_before, "they had 9 seconds left: {:?}", slow.map(|client| client.statuses()));
}

#[test]
fn a_response_that_is_read_slowly_but_steadily_is_not_cut_off() {
    // Linux reports a writable socket only when a third of the buffer is free. A write takes bytes before that.
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    for _ in 0..60 {
        sim.world().sockets[client.id].room += 4096;
        sim.advance(SECOND);
        sim.process();
    }
    assert_eq!(client.ending(), None);
}

#[test]
fn a_steady_reader_whose_window_opens_in_large_steps_is_not_cut_off() {
    const STEP: usize = 64 * 1024;
    for bytes_per_second in [400, 1500, 2500] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.stop_reading();
        client.read(STEP);
        client.get("/long");
        sim.settle();
        for _ in 0..20 {
            sim.pass(Duration::from_secs((STEP / bytes_per_second) as u64));
            assert!(client.is_served(), "{bytes_per_second} bytes a second");
            client.read(STEP);
            sim.settle();
        }
        client.reset();
        sim.settle();
        sim.assert_empty();
    }
}

#[test]
fn a_reader_that_stops_is_cut_off_when_its_credit_is_spent() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(150_000);
    client.get("/long");
    sim.settle();
    sim.pass(WRITE * 16 - SECOND);
    assert!(client.is_served());
    sim.pass(SECOND);
    assert_eq!((client.is_gone(), sim.stats().closes(Reason::WriteTimeout)), (true, 1));
}
