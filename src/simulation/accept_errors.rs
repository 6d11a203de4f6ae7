//! Errors of accept: descriptors that have run out, and handshakes that were aborted.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;

const RETRY: Duration = Duration::from_millis(100);

/// Returns an error like EMFILE, which has no kind of its own.
fn out_of_descriptors() -> io::Error {
    io::Error::other("too many open files")
}

#[test]
fn accepting_without_descriptors_is_tried_again_after_a_pause() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/");
    sim.world().accept_faults.extend([out_of_descriptors(), out_of_descriptors()]);
    sim.settle();
    assert_eq!((sim.timeout(), sim.world().accept_faults.len()), (Some(RETRY), 1));
    sim.advance(RETRY - Duration::from_nanos(1));
    sim.settle();
    assert_eq!(sim.world().accept_faults.len(), 1, "too early");
    sim.advance(Duration::from_nanos(1));
    sim.settle();
    assert_eq!((sim.timeout(), sim.world().accept_faults.len()), (Some(RETRY), 0));
    sim.advance(RETRY);
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    assert_eq!(sim.stats().accept_pauses, 1, "one episode");
    sim.world().accept_faults.push_back(out_of_descriptors());
    sim.connect();
    sim.settle();
    assert_eq!(sim.stats().accept_pauses, 2, "another");
}

#[test]
fn the_descriptor_of_a_closed_connection_serves_the_next_at_once() {
    let mut sim = Sim::new();
    let old = sim.connect_idle();
    let new = sim.connect();
    new.get("/");
    sim.world().accept_faults.push_back(out_of_descriptors());
    sim.settle();
    assert!(!new.is_served());
    old.close();
    sim.settle();
    assert_eq!(new.statuses(), [200]);
    assert_eq!(sim.elapsed, Duration::ZERO);
}

#[test]
fn an_aborted_handshake_costs_only_its_own_connection() {
    let mut sim = Sim::new();
    let (aborted, new) = (sim.connect(), sim.connect());
    new.get("/");
    sim.world().accept_faults.push_back(ErrorKind::ConnectionAborted.into());
    sim.turn();
    assert!(!aborted.is_served());
    assert_eq!(new.statuses(), [200]);
    assert_eq!((sim.stats().accept_errors, sim.stats().accept_pauses), (1, 0));
}

#[test]
fn an_aborted_handshake_after_others_is_counted_as_well() {
    let mut sim = Sim::new();
    let (first, aborted, last) = (sim.connect(), sim.connect(), sim.connect());
    sim.world().accepts_before_faults = 1;
    sim.world().accept_faults.push_back(ErrorKind::ConnectionAborted.into());
    sim.turn();
    assert!(first.is_served() && !aborted.is_served() && last.is_served());
    assert_eq!((sim.stats().accept_errors, sim.stats().accept_pauses), (1, 0));
}

#[test]
fn an_error_of_every_accept_pauses_accepting_even_with_a_small_budget() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Interrupted] {
        let mut sim = Sim::with(|config| config.budget.accepts = 16);
        let client = sim.connect();
        let faults = std::iter::repeat_with(|| io::Error::from(kind)).take(1000);
        sim.world().accept_faults.extend(faults);
        sim.settle();
        assert_eq!((sim.stats().accept_pauses, sim.timeout()), (1, Some(RETRY)), "{kind:?}");
        let left = sim.world().accept_faults.len();
        sim.advance(RETRY);
        sim.settle();
        assert_eq!((sim.world().accept_faults.len(), sim.timeout()), (left - 64, Some(RETRY)), "{kind:?}");
        sim.world().accept_faults.clear();
        sim.advance(RETRY);
        sim.settle();
        assert!(client.is_served(), "{kind:?}");
    }
}

#[test]
fn closing_connections_do_not_prolong_a_burst_of_aborted_handshakes() {
    let mut sim = Sim::new();
    let old: Vec<Client> = (0..10).map(|_| sim.connect_idle()).collect();
    sim.abort_handshakes(500);
    let honest = sim.connect();
    honest.get("/");
    for old in old {
        old.close();
        sim.pass(Duration::from_millis(99));
    }
    assert_eq!(honest.statuses(), [200]);
}

#[test]
fn a_burst_of_aborted_handshakes_delays_clients_by_less_than_a_second() {
    let mut sim = Sim::new();
    sim.abort_handshakes(200);
    let honest = sim.connect();
    honest.get("/");
    sim.pass(Duration::from_millis(999));
    assert_eq!(honest.statuses(), [200]);
    assert_eq!(sim.stats().accept_errors, 200);
}

/// accept(2): "Linux accept() passes already-pending network errors on the new socket as an error
/// code from accept(). For reliable operation the application should [treat] ENETDOWN, EPROTO,
/// ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, and ENETUNREACH [...] like EAGAIN".
#[cfg(target_os = "linux")]
#[test]
fn a_network_error_at_accept_costs_only_its_own_connection() {
    const ERRORS: [(&str, i32); 8] = [
        ("ENETDOWN", 100),
        ("EPROTO", 71),
        ("ENOPROTOOPT", 92),
        ("EHOSTDOWN", 112),
        ("ENONET", 64),
        ("EHOSTUNREACH", 113),
        ("EOPNOTSUPP", 95),
        ("ENETUNREACH", 101),
    ];
    let pausing = ERRORS.into_iter().filter(|&(_, number)| {
        let mut sim = Sim::new();
        let new = sim.connect();
        new.get("/");
        sim.world().accept_faults.push_back(io::Error::from_raw_os_error(number));
        sim.turn();
        new.statuses() != [200]
    });
    assert_eq!(pausing.map(|(name, _)| name).collect::<Vec<_>>(), [] as [&str; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn accepting_pauses_after_each_error_of_a_process_that_has_run_out() {
    for (name, number) in [("EMFILE", 24), ("ENFILE", 23), ("ENOBUFS", 105), ("ENOMEM", 12)] {
        let mut sim = Sim::new();
        sim.connect();
        sim.world().accept_faults.push_back(io::Error::from_raw_os_error(number));
        sim.turn();
        assert_eq!((sim.stats().accept_pauses, sim.timeout()), (1, Some(RETRY)), "{name}");
    }
}

#[test]
fn a_shortage_is_one_episode_while_clients_keep_waiting() {
    let mut sim = Sim::new();
    let mut held = sim.connect_idle();
    let _waiting: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for _ in 0..10 {
        // One client leaves, the server accepts another in its place, and has no descriptor for the next.
        held.close();
        sim.world().accept_faults.push_back(out_of_descriptors());
        sim.settle();
        held = sim.connect();
        sim.world().accept_faults.push_back(out_of_descriptors());
        sim.turn();
    }
    assert_eq!(sim.stats().accept_pauses, 1);
}
