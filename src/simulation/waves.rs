//! Waves: what the members of a wave do together, and what they do not notice of each other.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::state::State;
use crate::stats::Reason;

/// Connects four idle clients, and lets each send a request. The first request makes the handler panic.
fn panicking(together: usize) -> (Sim, Vec<Client>) {
    let mut sim = Sim::with(|config| config.budget.wave_size = together);
    let clients: Vec<Client> = (0..4).map(|_| sim.connect_idle()).collect();
    clients[0].get("/panic");
    for client in &clients[1..] {
        client.get("/");
    }
    (sim, clients)
}

/// Returns the number of reads that returned bytes.
fn reads(client: &Client) -> usize {
    client.count(|call| matches!(call, Call::Read(Ok(_))))
}

#[test]
fn all_members_of_a_wave_receive_before_the_first_is_answered() {
    let (mut sim, clients) = panicking(4);
    sim.turn();
    assert!(clients.iter().all(|client| reads(client) == 1));
    assert!(clients.iter().all(|client| client.statuses().is_empty()));
}

#[test]
fn all_members_of_a_wave_are_answered_before_the_first_sends() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    for client in &clients[..2] {
        client.get("/");
    }
    clients[2].get("/panic");
    sim.turn();
    assert!(clients.iter().all(|client| client.statuses().is_empty()));
    sim.settle();
    assert!(clients[..2].iter().all(|client| client.statuses() == [200]));
}

#[test]
fn a_panic_in_a_wave_loses_only_its_own_connection() {
    let (mut sim, clients) = panicking(4);
    sim.settle();
    assert_eq!(clients[0].ending(), Some(Ending::Reset));
    for client in &clients[1..] {
        assert_eq!((client.statuses(), reads(client)), (vec![200], 1), "nothing is read or answered twice");
    }
    assert_eq!(sim.stats().requests, 4);
}

#[test]
fn a_wave_size_of_one_serves_connections_one_by_one() {
    let (mut sim, clients) = panicking(1);
    sim.turn();
    assert!(clients[1..].iter().all(|client| reads(client) == 0));
    sim.settle();
    assert!(clients[1..].iter().all(|client| client.statuses() == [200]));
}

#[test]
fn the_end_of_a_wave_member_takes_one_more_read() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    clients[0].fin();
    clients[1].reset();
    clients[2].get("/");
    sim.turn();
    let ends = |client: &Client| client.count(|call| matches!(call, Call::Read(Ok(0) | Err(_))));
    // One read of each has returned `WouldBlock` before.
    assert_eq!((ends(&clients[0]), ends(&clients[1])), (2, 2));
    let stats = sim.stats();
    assert_eq!((stats.closes(Reason::PeerClosed), stats.closes(Reason::PeerReset)), (1, 1));
    assert_eq!(clients[2].statuses(), [200]);
}

#[test]
fn a_wave_takes_no_exchange_from_another_connection() {
    let mut sim = Sim::with(|config| config.exchanges = 3);
    let slow = sim.connect();
    slow.send(b"GET / HT");
    sim.settle();
    let clients: Vec<Client> = (0..10).map(|_| sim.connect_idle()).collect();
    for client in &clients {
        client.get("/");
    }
    sim.settle();
    slow.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert!(clients.iter().chain([&slow]).all(|client| client.statuses() == [200]));
}

#[test]
fn a_wave_of_newcomers_is_served_when_the_last_slot_is_taken() {
    let mut sim = Sim::with(|config| config.max_connections = 2);
    let idle = sim.connect_idle();
    let clients: Vec<Client> = (0..10).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get_and_close("/");
    }
    sim.turn();
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    assert!(!idle.is_gone(), "nobody was evicted");
}

#[test]
fn panics_of_others_do_not_delay_a_response_that_is_written() {
    let mut sim = Sim::with(|config| config.max_connections = 128);
    let victim = sim.connect_idle();
    let others: Vec<Client> = (0..100).map(|_| sim.connect_idle()).collect();
    victim.get("/");
    others[0].get("/panic");
    sim.turn();
    assert!(victim.statuses().is_empty(), "the panic came before anything was written");
    for other in &others[1..] {
        other.get("/panic");
    }
    sim.turn();
    assert_eq!(victim.statuses(), [200]);
}

#[test]
fn a_response_that_the_host_gives_after_a_panic_is_sent_though_its_wave_was_cut_short() {
    // Half of the outs are lent, so the host's next call sends the response.
    let mut sim = Sim::with(|config| config.buffers.outs = 4);
    for _ in 0..2 {
        let slow = sim.connect();
        slow.stop_reading();
        slow.get("/copied");
    }
    let (client, other) = (sim.connect_idle(), sim.connect_idle());
    client.get("/later");
    other.get("/panic");
    sim.turn();
    assert_eq!((sim.state(&client), sim.site.parked.len()), (State::Received, 1));
    let id = sim.site.parked.remove(0);
    sim.respond(id, |responder| responder.status(200).close_after().send(b"late")).unwrap();
    sim.settle();
    assert_eq!((client.statuses(), sim.state(&client)), (vec![200], State::Closing));
    assert_eq!((sim.waiting(State::Sending), sim.waiting(State::Closing)), (2, 1));
}

#[test]
fn an_abort_after_a_panic_resets_connections_with_unsent_responses() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    clients[0].get("/");
    clients[1].get("/panic");
    sim.turn();
    sim.engine.call(None).abort();
    sim.turn();
    let endings: Vec<_> = clients.iter().map(Client::ending).collect();
    assert_eq!(endings, [Some(Ending::Reset), Some(Ending::Reset), Some(Ending::Fin)]);
    sim.assert_empty();
}

#[test]
fn a_request_deferred_in_a_wave_that_panicked_can_be_answered_at_once() {
    let mut sim = Sim::new();
    let (client, other) = (sim.connect_idle(), sim.connect_idle());
    for target in ["/", "/later", "/next"] {
        client.get(target);
    }
    other.get("/panic");
    sim.turn();
    sim.answer("now").unwrap();
    sim.settle();
    assert_eq!(client.statuses(), [200, 200, 200]);
    assert_eq!((sim.stats().handler_panics, other.ending()), (1, Some(Ending::Reset)));
}

#[test]
fn a_request_deferred_in_a_wave_that_panicked_is_reported_gone_once() {
    let mut sim = Sim::new();
    let (client, other) = (sim.connect_idle(), sim.connect_idle());
    client.get("/later");
    other.get("/panic");
    sim.turn();
    sim.engine.call(None).abort();
    sim.turn();
    assert_eq!(sim.site.gone.len(), 1);
    sim.assert_empty();
}

#[test]
fn accepting_pauses_only_after_serving_those_who_free_descriptors() {
    let mut sim = Sim::new();
    sim.world().descriptors = 4;
    let clients: Vec<Client> = (0..12).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get_and_close("/");
    }
    sim.turn();
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    assert_eq!(sim.stats().accept_pauses, 0);
}

#[test]
fn line_breaks_are_no_sign_of_life_in_a_wave_as_they_are_none_alone() {
    for size in [1, 16] {
        let mut sim = Sim::with(|config| config.budget.wave_size = size);
        let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
        sim.advance(Duration::from_secs(70));
        clients.iter().for_each(|client| client.send(b"\r\n"));
        sim.settle();
        assert_eq!(sim.timeout(), Some(Duration::from_secs(5)), "in waves of {size}");
        sim.pass(Duration::from_secs(5));
        assert!(clients.iter().all(Client::is_gone));
        assert_eq!(sim.stats().closes(Reason::IdleTimeout), 3);
    }
}

#[test]
fn the_end_of_a_panic_s_victim_is_a_part_of_the_next_turn_s_progress() {
    let (mut sim, _clients) = panicking(4);
    let progress = sim.settle();
    assert_eq!((progress.closed, sim.stats().closed), (1, 1));
}

#[test]
fn a_host_that_is_late_with_a_response_is_late_however_many_outs_there_are() {
    for outs in [1, 16] {
        let mut sim = Sim::with(|config| config.buffers.outs = outs);
        let client = sim.connect_idle();
        client.get("/later");
        sim.settle();
        sim.advance(Duration::from_secs(40));
        sim.answer("at last").unwrap();
        sim.turn();
        assert_eq!(client.statuses(), [200]);
        assert_eq!(sim.stats().max_lateness, Duration::from_secs(10), "with {outs} out buffers");
    }
}

#[test]
fn only_empty_lines_and_a_fin_in_a_wave_close_between_requests() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    for client in &clients {
        client.send(b"\r\n\r\n");
        client.fin();
    }
    sim.settle();
    assert_eq!(sim.stats().closes(Reason::PeerClosed), 3);
    sim.assert_empty();
}

#[test]
fn a_wave_with_a_byte_of_budget_loses_nothing() {
    let mut sim = Sim::with(|config| {
        config.budget.bytes_per_connection = 1;
        config.budget.requests = 2;
        config.budget.requests_per_connection = 1;
    });
    let clients: Vec<Client> = (0..6).map(|_| sim.connect_idle()).collect();
    for (at, client) in clients.iter().enumerate() {
        client.send(if at % 2 == 0 { b"\r\n" } else { b"GET /" });
        client.send(if at % 2 == 0 {
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        } else {
            b" HTTP/1.1\r\nHost: x\r\n\r\n"
        });
        client.get("/");
        client.get("/panic");
    }
    sim.settle();
    assert!(
        clients
            .iter()
            .all(|client| client.statuses() == [200, 200] && client.ending() == Some(Ending::Reset))
    );
    sim.assert_empty();
}

#[test]
fn after_a_panic_in_a_wave_a_drain_or_a_late_host_ends_everybody_once() {
    for what in 0..4 {
        let (mut sim, clients) = panicking(4);
        sim.turn();
        assert_eq!(sim.state(&clients[1]), crate::state::State::Received);
        let now = sim.now();
        match what {
            0 => sim.engine.call(Some(now)).drain(Duration::from_secs(1)),
            1 => sim.engine.call(Some(now)).drain(Duration::ZERO),
            2 => sim.advance(Duration::from_secs(1 << 33)),
            _ => drop(sim.adopt()),
        }
        let events = [(); 3].map(|()| sim.token(&clients[1]));
        for token in events {
            assert!(sim.handle(token, crate::net::Readiness { error: true, ..Default::default() }));
        }
        sim.settle();
        assert!(clients[1..].iter().all(|client| client.statuses() == [200]), "{what}");
        clients.iter().for_each(Client::fin);
        sim.pass(Duration::from_secs(200));
        sim.assert_empty();
    }
}
