//! Edges: none is lost, none is needed twice, and none does harm.

use std::io::ErrorKind;

use mio::Token;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Arrival, Call};
use crate::net::{Interest, Readiness};

const ALL: Readiness =
    Readiness { readable: true, writable: true, read_closed: true, priority: true, error: true };

fn registrations(client: &Client) -> Vec<Call> {
    client.calls().into_iter().filter(|call| matches!(call, Call::Watch(_) | Call::Rewatch(_))).collect()
}

#[test]
fn a_short_read_with_a_fin_pending_is_followed_by_another() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/");
    client.fin();
    // There is one edge for both. After the request, no other edge reports the FIN.
    sim.turn();
    assert!(!sim.world().has_edges());
    sim.settle();
    assert_eq!((client.statuses(), client.is_gone()), (vec![200], true));
}

#[test]
fn a_read_cut_short_by_urgent_data_is_followed_by_another() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    let request = handler::get("/");
    client.send(&request[..9]);
    client.send_urgent();
    client.send(&request[9..]);
    sim.settle();
    assert_eq!(client.statuses(), [200]);
}

#[test]
fn input_after_the_first_read_is_found_at_registration() {
    for rest in [Arrival::Bytes(handler::get("/second")), Arrival::Fin, Arrival::Reset] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get("/first");
        client.later(rest.clone());
        sim.settle();
        let answers = match rest {
            Arrival::Bytes(_) => 2,
            Arrival::Reset => 0,
            _ => 1,
        };
        assert_eq!(client.statuses().len(), answers, "{rest:?}");
        assert_eq!(client.is_served(), answers == 2, "{rest:?}");
    }
}

#[test]
fn input_in_any_pieces_around_any_read_is_never_forgotten() {
    for short_read_drains in [true, false] {
        for pieces in 2..6 {
            let mut sim = Sim::new();
            sim.world().short_read_drains = short_read_drains;
            let client = sim.connect();
            let request = [handler::get("/a"), handler::get("/b")].concat();
            let mut chunks = request.chunks(request.len().div_ceil(pieces));
            client.send(chunks.next().unwrap());
            for chunk in chunks {
                client.send_later(chunk);
            }
            client.later(Arrival::Fin);
            sim.settle();
            assert_eq!(client.statuses(), [200, 200], "in {pieces}");
            sim.assert_empty();
        }
    }
}

#[test]
fn a_read_that_fills_its_buffer_is_followed_by_another() {
    // Two requests fill the first read exactly. The third comes after it.
    const READ: usize = 20 * 1024;
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    let post = |len: usize| {
        let head = format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: {len:05}\r\n\r\n");
        [head.as_bytes(), &vec![b'x'; len]].concat()
    };
    let without_body = post(0).len();
    client.send(&[post(10_000), post(READ - 10_000 - 2 * without_body), handler::get("/")].concat());
    sim.settle();
    assert_eq!(client.statuses(), [200, 200, 200]);
    assert!(client.called(Call::Read(Ok(READ))));
}

#[test]
fn writability_is_watched_from_the_first_full_write_on() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/");
    sim.settle();
    assert_eq!(registrations(&client), [Call::Watch(Interest::Input)]);
    for _ in 0..3 {
        client.stop_reading();
        client.get("/large");
        sim.settle();
        for _ in 0..9 {
            client.read(30_000);
            sim.settle();
        }
    }
    assert_eq!(client.responses().len(), 4);
    let input_then_room = [Call::Watch(Interest::Input), Call::Rewatch(Interest::InputAndOutput)];
    assert_eq!(registrations(&client), input_then_room);
}

#[test]
fn a_first_write_that_is_full_takes_only_one_registration() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    client.read(usize::MAX);
    client.get("/");
    sim.settle();
    assert_eq!(client.statuses(), [200, 200]);
    assert_eq!(registrations(&client), [Call::Watch(Interest::InputAndOutput)]);
}

#[test]
fn requests_that_arrive_during_a_stuck_response_are_not_forgotten() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    client.get("/a");
    sim.settle();
    client.get("/b");
    sim.settle();
    assert_eq!(sim.site.asked, 1);
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(client.statuses(), [200, 200, 200]);
}

#[test]
fn spurious_events_are_harmless_in_every_state() {
    let hints = [
        Readiness { readable: true, ..Readiness::default() },
        Readiness { writable: true, ..Readiness::default() },
        Readiness { read_closed: true, ..Readiness::default() },
        Readiness { priority: true, ..Readiness::default() },
        Readiness { error: true, ..Readiness::default() },
        Readiness::default(),
        ALL,
    ];
    let states: [&[u8]; 5] = [
        b"",
        b"GET / HT",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
        b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    for begin in states {
        let mut sim = Sim::new();
        let client = sim.connect_idle();
        client.stop_reading();
        client.read(1000);
        client.send(begin);
        sim.settle();
        let (state, received, ending) = (sim.state(&client), client.received(), client.ending());
        for hint in hints {
            let token = sim.token(&client);
            assert!(sim.handle(token, hint) && sim.handle(token, hint));
            sim.settle();
            assert_eq!(
                (sim.state(&client), client.received(), client.ending()),
                (state, received.clone(), ending)
            );
        }
        // The server does not miss input that arrives now.
        client.send(b"x");
        sim.settle();
    }
}

#[test]
fn a_hint_of_an_end_or_an_error_alone_leads_to_a_system_call() {
    let hints = [
        Readiness { read_closed: true, ..Readiness::default() },
        Readiness { priority: true, ..Readiness::default() },
        Readiness { error: true, ..Readiness::default() },
    ];
    for hint in hints {
        let mut sim = Sim::new();
        let client = sim.connect_idle();
        client.fail_read(ErrorKind::TimedOut);
        let token = sim.token(&client);
        sim.handle(token, hint);
        sim.settle();
        assert!(client.is_gone(), "{hint:?}");
    }
    let mut sim = Sim::new();
    let stuck = sim.connect();
    stuck.stop_reading();
    stuck.get("/large");
    sim.settle();
    stuck.fail_write(ErrorKind::TimedOut);
    let token = sim.token(&stuck);
    sim.handle(token, Readiness { error: true, ..Readiness::default() });
    sim.settle();
    assert!(stuck.is_gone());
}

#[test]
fn short_reads_are_trusted_again_after_urgent_data_has_been_read() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.send_urgent();
    client.get("/");
    sim.settle();
    let before = client.calls().len();
    client.get("/");
    sim.settle();
    assert_eq!(client.calls().len() - before, 2, "{:?}", client.calls());
}

#[test]
fn a_token_of_a_closed_connection_is_counted_and_harms_nobody() {
    let mut sim = Sim::with(|config| config.max_connections = 1);
    let old = sim.connect_idle();
    let stale = sim.token(&old);
    old.close();
    sim.settle();
    assert!(sim.handle(stale, ALL), "it is ours");
    let new = sim.connect_idle();
    assert_ne!(sim.token(&new), stale);
    let before = new.calls();
    assert!(sim.handle(stale, ALL));
    sim.settle();
    assert_eq!(new.calls(), before);
    assert_eq!(sim.stats().stale_events, 2);
}

#[test]
fn a_foreign_token_is_not_claimed() {
    let mut sim = Sim::new();
    for token in [Token(0), Token(1), Token(usize::MAX)] {
        assert!(!sim.handle(token, ALL));
    }
    assert_eq!(sim.stats().stale_events, 0);
}
