//! What happens when slots or descriptors run out.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::AtCapacity;
use crate::state::State;
use crate::stats::Reason;

const RETRY: Duration = Duration::from_millis(100);

fn slots(count: usize, at_capacity: AtCapacity) -> Sim {
    Sim::with(|config| {
        config.max_connections = count;
        config.at_capacity = at_capacity;
    })
}

/// EMFILE and its kin have no kind of their own.
fn out_of_descriptors() -> io::Error {
    io::Error::other("too many open files")
}

#[test]
fn the_longest_idle_makes_room_for_a_new_connection() {
    let mut sim = slots(3, AtCapacity::Evict);
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    for client in clients.iter().chain(&clients[..1]) {
        client.get("/");
        sim.settle();
    }
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(clients[1].is_gone(), "it was idle longest, since the first has asked again");
    assert!(clients[0].is_served() && clients[2].is_served());
    assert_eq!(new.statuses(), [200]);
    assert_eq!(sim.stats().closes(Reason::Evicted), 1);
}

/// A client for each state that can make way, with what brings it there.
const WAYS: [(State, &str); 6] = [
    (State::Idle, ""),
    (State::Head, "GET /"),
    (State::Queued, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n"),
    (State::Body, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"),
    (State::Sending, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"),
    (State::Closing, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n"),
];

/// As many clients in a state.
fn bring(sim: &mut Sim, (state, bytes): (State, &str), count: usize) -> Vec<Client> {
    let bring_one = |sim: &mut Sim| {
        let client = sim.connect();
        if state == State::Sending {
            client.stop_reading();
            client.read(500);
        }
        client.send(bytes.as_bytes());
        sim.pass(Duration::from_millis(1));
        assert_eq!(sim.state(&client), state);
        client
    };
    (0..count).map(|_| bring_one(sim)).collect()
}

/// All slots are taken by two clients in each state, and the only body buffer by one more.
fn full() -> (Sim, Vec<Vec<Client>>) {
    let mut sim = Sim::with(|config| {
        config.max_connections = 13;
        config.buffers.bodies = 1;
    });
    let holder = sim.connect();
    holder.send(WAYS[2].1.as_bytes());
    sim.settle();
    let clients = WAYS.map(|way| bring(&mut sim, way, 2)).into_iter().collect();
    (sim, clients)
}

#[test]
fn when_all_slots_are_taken_the_fullest_state_gives_up_its_oldest() {
    // The holder of the body buffer makes three of the bodies.
    let (mut sim, clients) = full();
    let new = sim.connect();
    new.send(b"GET /");
    sim.settle();
    let holder_is_gone =
        sim.stats().closes(Reason::Evicted) == 1 && clients.concat().iter().all(Client::is_served);
    assert!(holder_is_gone && new.is_served());
    // Now there are three heads, and again three bodies, which are younger.
    let newer = sim.connect();
    newer.get("/");
    sim.settle();
    assert!(clients[1][0].is_gone() && clients[1][1].is_served() && new.is_served());
    assert_eq!(newer.statuses(), [200]);
}

#[test]
fn each_state_but_deferred_makes_way() {
    for way in WAYS {
        let mut sim = Sim::with(|config| {
            config.max_connections = 3;
            config.buffers.bodies = 1;
        });
        // One that takes the body buffer, where bodies are to wait.
        let others = usize::from(way.0 == State::Queued);
        if others > 0 {
            sim.connect().send(way.1.as_bytes());
            sim.settle();
        }
        let clients = bring(&mut sim, way, 3 - others);
        let new = sim.connect();
        new.get("/");
        sim.settle();
        assert!(clients[0].is_gone() && clients[1].is_served(), "{way:?}");
        let ending = if way.0 == State::Sending { Ending::Reset } else { Ending::Fin };
        assert_eq!((clients[0].ending(), new.statuses()), (Some(ending), vec![200]), "{way:?}");
        assert_eq!(sim.stats().closes(Reason::Evicted), 1, "{way:?}");
    }
}

#[test]
fn a_connection_that_has_been_idle_for_a_second_goes_before_the_fullest_state() {
    let mut sim = slots(4, AtCapacity::Evict);
    let idle = sim.connect_idle();
    let readers = bring(&mut sim, WAYS[4], 3);
    sim.pass(Duration::from_secs(1));
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(idle.is_gone() && readers.iter().all(Client::is_served));
    assert_eq!(new.statuses(), [200]);
}

#[test]
fn a_transfer_that_makes_progress_moves_to_the_end_of_its_list_and_is_spared() {
    let mut sim = slots(3, AtCapacity::Evict);
    let readers = bring(&mut sim, WAYS[4], 3);
    readers[0].read(5000);
    sim.settle();
    let new = sim.connect();
    new.send(b"GET /");
    sim.settle();
    assert!(readers[0].is_served() && readers[1].is_gone() && new.is_served());
}

#[test]
fn an_idle_connection_with_an_event_is_served_and_not_evicted() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 2;
        config.budget.requests = 1;
    });
    let (first, second) = (sim.connect_idle(), sim.connect_idle());
    second.get("/");
    first.get("/");
    let new = sim.connect();
    // The budget ends before the turn of the first, which has been idle longest.
    sim.turn();
    assert_eq!((second.statuses(), first.statuses()), (vec![200], vec![]));
    assert!(first.is_served() && second.is_gone() && new.is_served());
    sim.settle();
    assert_eq!(first.statuses(), [200]);
}

#[test]
fn nobody_is_evicted_when_nobody_is_there_to_accept() {
    let mut sim = slots(2, AtCapacity::Evict);
    let (first, second) = (sim.connect_idle(), sim.connect_idle());
    let gone = sim.connect();
    sim.world().accept_faults.push_back(ErrorKind::WouldBlock.into());
    sim.deliver();
    sim.process();
    assert!(first.is_served() && second.is_served() && !gone.is_served());
    assert_eq!(sim.stats().closes(Reason::Evicted), 0);
}

#[test]
fn where_all_slots_hold_deferred_requests_new_connections_wait_until_one_ends() {
    let mut sim = slots(2, AtCapacity::Evict);
    let waiters = [sim.connect(), sim.connect()];
    waiters.iter().for_each(|client| client.get("/later"));
    sim.settle();
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(!new.is_served());
    assert_eq!((sim.stats().full, sim.stats().closes(Reason::Evicted)), (1, 0));
    waiters[1].reset();
    sim.settle();
    assert_eq!(new.statuses(), [200]);
}

#[test]
fn a_server_that_pauses_when_full_goes_on_by_itself_when_one_ends() {
    let mut sim = slots(2, AtCapacity::Pause);
    let clients = [sim.connect_idle(), sim.connect_idle()];
    let waiting: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    waiting.iter().for_each(|client| client.get_and_close("/"));
    sim.settle();
    assert!(waiting.iter().all(|client| !client.is_served()));
    assert!(clients.iter().all(Client::is_served));
    assert_eq!(sim.stats().full, 1, "once for all of them");
    assert!(sim.timeout() > Some(Duration::ZERO), "a paused listener is not work");
    clients[0].close();
    sim.settle();
    assert!(waiting.iter().all(|client| client.statuses() == [200]));
    assert_eq!(sim.stats().full, 1);
}

#[test]
fn a_server_that_pauses_when_full_goes_on_when_one_expires() {
    let mut sim = slots(1, AtCapacity::Pause);
    let client = sim.connect_idle();
    let waiting = sim.connect();
    waiting.get("/");
    sim.pass(Duration::from_secs(75));
    assert!(client.is_gone());
    assert_eq!(waiting.statuses(), [200]);
}

#[test]
fn more_handshakes_than_a_budget_are_accepted_over_turns_without_an_event() {
    let mut sim = Sim::with(|config| config.budget.accepts = 3);
    let clients: Vec<Client> = (0..8).map(|_| sim.connect()).collect();
    clients.iter().for_each(|client| client.get("/"));
    assert_eq!((sim.turn().accepted, sim.turn().accepted, sim.turn().accepted), (3, 3, 2));
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    sim.settle();
}

#[test]
fn without_descriptors_accepting_is_tried_again_after_a_while() {
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
fn a_connection_that_ends_gives_its_descriptor_to_the_next_at_once() {
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
fn a_handshake_that_was_aborted_costs_that_connection_only() {
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
fn a_handshake_that_was_aborted_behind_others_is_counted_as_well() {
    let mut sim = Sim::new();
    let (first, aborted, last) = (sim.connect(), sim.connect(), sim.connect());
    sim.world().accepts_before_faults = 1;
    sim.world().accept_faults.push_back(ErrorKind::ConnectionAborted.into());
    sim.turn();
    assert!(first.is_served() && !aborted.is_served() && last.is_served());
    assert_eq!((sim.stats().accept_errors, sim.stats().accept_pauses), (1, 0));
}

#[test]
fn an_error_that_every_accept_meets_makes_it_pause_however_small_the_budget() {
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
fn connections_that_end_meanwhile_do_not_prolong_a_burst_of_aborted_handshakes() {
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
fn a_burst_of_aborted_handshakes_holds_up_who_comes_behind_for_less_than_a_second() {
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
fn a_network_error_at_accept_costs_that_connection_only() {
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
fn whatever_a_process_can_run_out_of_makes_accepting_pause() {
    for (name, number) in [("EMFILE", 24), ("ENFILE", 23), ("ENOBUFS", 105), ("ENOMEM", 12)] {
        let mut sim = Sim::new();
        sim.connect();
        sim.world().accept_faults.push_back(io::Error::from_raw_os_error(number));
        sim.turn();
        assert_eq!((sim.stats().accept_pauses, sim.timeout()), (1, Some(RETRY)), "{name}");
    }
}

#[test]
fn while_clients_keep_waiting_a_shortage_is_one_episode() {
    let mut sim = Sim::new();
    let mut held = sim.connect_idle();
    let _waiting: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for _ in 0..10 {
        // One leaves, one is accepted in its place, and the next finds nothing left.
        held.close();
        sim.world().accept_faults.push_back(out_of_descriptors());
        sim.settle();
        held = sim.connect();
        sim.world().accept_faults.push_back(out_of_descriptors());
        sim.turn();
    }
    assert_eq!(sim.stats().accept_pauses, 1);
}
