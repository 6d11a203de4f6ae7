//! System calls that fail. The server repeats some of them. Each of the others costs only its own connection.

use std::io::ErrorKind;

use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::stats::Reason;

#[test]
fn interrupted_calls_are_repeated() {
    let mut sim = Sim::new();
    sim.world().accept_faults.extend([ErrorKind::Interrupted.into(), ErrorKind::Interrupted.into()]);
    let client = sim.connect();
    for _ in 0..3 {
        client.fail_read(ErrorKind::Interrupted);
        client.fail_write(ErrorKind::Interrupted);
    }
    client.get("/");
    sim.turn();
    assert_eq!(client.statuses(), [200]);
    assert_eq!(sim.stats().accept_errors, 0);
}

#[test]
fn calls_that_would_block_for_a_moment_are_repeated() {
    for short_read_drains in [true, false] {
        let mut sim = Sim::new();
        sim.world().short_read_drains = short_read_drains;
        let client = sim.connect();
        for _ in 0..3 {
            client.fail_read(ErrorKind::WouldBlock);
            client.fail_write(ErrorKind::WouldBlock);
        }
        client.get("/");
        client.get("/");
        sim.settle();
        assert_eq!(client.statuses(), [200, 200]);
        client.fail_write(ErrorKind::WouldBlock);
        client.fail_write(ErrorKind::WouldBlock);
        client.get("/large");
        sim.settle();
        assert_eq!(client.responses()[2].body, handler::LARGE);
    }
}

#[test]
fn a_broken_socket_ends_its_own_connection_only_in_every_state() {
    let states: [&[u8]; 4] = [
        b"",
        b"GET / HT",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
        b"GET /close HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    for begin in states {
        for kind in [ErrorKind::ConnectionReset, ErrorKind::TimedOut, ErrorKind::HostUnreachable] {
            let mut sim = Sim::new();
            let (client, other) = (sim.connect_idle(), sim.connect_idle());
            client.send(begin);
            sim.settle();
            client.fail_read(kind);
            client.send(b"x");
            sim.settle();
            assert!(client.is_gone(), "{kind:?} after {}", begin.escape_ascii());
            assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
            other.get("/");
            sim.settle();
            assert_eq!(other.statuses(), [200]);
        }
    }
}

#[test]
fn a_failed_write_ends_only_its_own_connection() {
    for kind in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset] {
        for target in ["/", "/large"] {
            let mut sim = Sim::new();
            let (client, other) = (sim.connect(), sim.connect());
            client.fail_write(ErrorKind::WouldBlock);
            client.fail_write(kind);
            client.get(target);
            other.get(target);
            sim.settle();
            assert!(client.is_gone() && other.is_served());
            assert_eq!(other.statuses(), [200]);
            other.close();
            sim.settle();
            sim.assert_empty();
        }
    }
}

#[test]
fn a_reset_during_a_stuck_response_is_noticed() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    client.reset();
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
    sim.assert_empty();
}

#[test]
fn a_poller_that_refuses_a_socket_costs_only_its_own_connection() {
    // It fails at the first registration, or at the change of it.
    for first in [true, false] {
        let mut sim = Sim::new();
        let other = sim.connect_idle();
        let client = if first { sim.connect() } else { sim.connect_idle() };
        client.stop_reading();
        client.get("/large");
        sim.world().watch_faults.push_back(ErrorKind::StorageFull);
        sim.settle();
        assert!(client.is_gone());
        assert_eq!(sim.stats().closes(Reason::Unpollable), 1);
        assert_eq!(sim.stats().register_errors, 1);
        other.get("/");
        sim.settle();
        assert_eq!(other.statuses(), [200]);
        other.close();
        sim.settle();
        sim.assert_empty();
    }
}

#[test]
fn a_poller_that_refuses_a_socket_does_not_take_back_its_response() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/");
    sim.world().watch_faults.push_back(ErrorKind::StorageFull);
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    assert_eq!(client.ending(), Some(Ending::Fin));
}
