//! Clients that end their connections, at any point.

use std::io::ErrorKind;

use super::harness::sim::Sim;
use super::harness::socket::{Arrival, Ending};
use crate::state::State;
use crate::stats::Reason;

#[test]
fn a_half_closed_client_gets_its_whole_answer() {
    for target in ["/", "/copied", "/large"] {
        for at_once in [false, true] {
            for room in [0, 1000, usize::MAX] {
                let mut sim = Sim::new();
                let client = sim.connect();
                client.stop_reading();
                client.read(room);
                if !at_once {
                    sim.settle();
                }
                client.get(target);
                client.fin();
                sim.settle();
                while !client.is_gone() {
                    client.read(50_000);
                    sim.settle();
                }
                let responses = client.responses();
                assert!(responses.len() == 1 && responses[0].is_whole, "{target} {at_once} {room}");
                assert_eq!(client.ending(), Some(Ending::Fin));
                assert_eq!(sim.stats().closes(Reason::PeerClosed), 1);
                sim.assert_empty();
            }
        }
    }
}

#[test]
fn a_fin_inside_a_request_ends_it_without_a_response() {
    for start in ["G", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(start.as_bytes());
        client.later(Arrival::Fin);
        sim.settle();
        assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
        assert_eq!(sim.stats().closes(Reason::PeerClosedEarly), 1);
        sim.assert_empty();
    }
}

#[test]
fn a_client_that_has_closed_before_its_response_harms_no_other() {
    let mut sim = Sim::new();
    let (client, other) = (sim.connect(), sim.connect_idle());
    client.get("/large");
    client.close();
    sim.settle();
    assert!(client.is_gone());
    other.get("/");
    sim.settle();
    assert_eq!(other.statuses(), [200]);
}

#[test]
fn a_fin_that_cannot_be_sent_ends_the_connection() {
    let mut sim = Sim::with(|config| config.keep_alive = false);
    let client = sim.connect();
    client.get("/");
    client.later(Arrival::Reset);
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
    sim.assert_empty();
}

#[test]
fn a_reset_while_closing_ends_it_at_once() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/close");
    sim.settle();
    assert_eq!(sim.state(&client), State::Closing);
    client.reset();
    sim.settle();
    assert!(client.is_gone());
    let other = sim.connect();
    other.get("/close");
    sim.settle();
    other.fail_read(ErrorKind::TimedOut);
    other.send(b"x");
    sim.settle();
    assert!(other.is_gone());
    assert_eq!(sim.stats().closes(Reason::PeerReset), 2);
}
