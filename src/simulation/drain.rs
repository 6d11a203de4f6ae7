//! Draining and aborting: the host ends the server.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::config::{CloseMode, IdleInDrain};
use crate::stats::{Phase, Reason};

const GRACE: Duration = Duration::from_secs(3);

pub(super) fn drain(sim: &mut Sim) {
    let now = sim.now();
    sim.engine.call(Some(now)).drain(GRACE);
}

#[test]
fn a_drain_without_connections_is_over_at_once() {
    let mut sim = Sim::new();
    drain(&mut sim);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
    drain(&mut sim);
    sim.turn();
    assert_eq!(sim.engine.phase(), Phase::Closed);
}

#[test]
fn a_drain_ends_idle_connections_in_the_next_turn() {
    let mut sim = Sim::new();
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    drain(&mut sim);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Draining, Some(Duration::ZERO)));
    assert_eq!(sim.process().closed, 3);
    assert!(clients.iter().all(|client| client.ending() == Some(Ending::Fin)));
    assert_eq!(sim.stats().closes(Reason::Shutdown), 3);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
}

#[test]
fn a_draining_server_answers_a_request_that_has_arrived_before() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/");
    // Its event is not delivered, so the server has to try a read to find the request.
    drain(&mut sim);
    sim.process();
    assert_eq!(client.statuses(), [200]);
    assert!(client.responses()[0].says_close && client.is_served(), "the server lingers");
    client.fin();
    sim.settle();
    assert_eq!((client.ending(), sim.engine.phase()), (Some(Ending::Fin), Phase::Closed));
}

#[test]
fn a_draining_server_finishes_a_request_that_has_begun() {
    for request in
        [handler::get("/"), b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab".to_vec()]
    {
        let mut sim = Sim::new();
        let client = sim.connect();
        let (front, back) = request.split_at(request.len() - 1);
        client.send(front);
        sim.settle();
        drain(&mut sim);
        sim.pass(GRACE / 2);
        client.send(&[back, &handler::get("/in-vain")].concat());
        sim.settle();
        assert_eq!(client.statuses(), [200]);
        assert!(client.responses()[0].says_close);
        client.fin();
        sim.settle();
        assert_eq!((client.ending(), sim.engine.phase()), (Some(Ending::Fin), Phase::Closed));
    }
}

#[test]
fn a_draining_server_answers_one_more_request_of_a_long_pipeline() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&handler::get("/").repeat(1000));
    sim.turn();
    let before = client.responses().len();
    drain(&mut sim);
    sim.settle();
    let responses = client.responses();
    assert_eq!(responses.len(), before + 1);
    assert!(responses[before].says_close && !responses[before - 1].says_close);
}

#[test]
fn a_draining_server_sends_100_continue_at_once() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n");
    sim.settle();
    drain(&mut sim);
    client.send(b"Content-Length: 4\r\n\r\n");
    sim.settle();
    // No connection ends here, so no bytes are held back for a FIN.
    assert_eq!(client.received(), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(b"body");
    sim.settle();
    assert_eq!((client.ending(), client.got_fin_with_bytes()), (Some(Ending::Fin), true));
}

#[test]
fn connections_that_are_left_after_the_grace_are_cut_off() {
    let mut sim = Sim::new();
    let (head, stuck) = (sim.connect(), sim.connect());
    stuck.stop_reading();
    stuck.get("/large");
    head.send(b"GET /");
    sim.settle();
    drain(&mut sim);
    sim.settle();
    assert_eq!(sim.timeout(), Some(GRACE));
    sim.advance(GRACE - Duration::from_nanos(1));
    sim.settle();
    assert!(head.is_served() && stuck.is_served());
    sim.advance(Duration::from_nanos(1));
    assert_eq!(sim.turn().closed, 2);
    assert_eq!((head.is_gone(), stuck.ending()), (true, Some(Ending::Reset)));
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
    sim.assert_empty();
}

#[test]
fn an_answer_on_its_way_when_the_drain_begins_leaves_whole() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    drain(&mut sim);
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(client.responses()[0].body, handler::LARGE);
    assert_eq!(client.ending(), Some(Ending::Fin));
}

#[test]
fn a_response_on_its_way_when_the_drain_begins_is_followed_by_lingering() {
    // The response did not announce the close, so the next request may be on its way. If the socket were closed now, a
    // reset would reply to that request, and most of the response would be lost.
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    drain(&mut sim);
    client.read(usize::MAX);
    sim.settle();
    assert!(client.called(Call::Shutdown) && client.is_served(), "{:?}", client.ending());
    assert!(!client.got_fin_with_bytes(), "the server reads first, so it holds nothing back for the FIN");
}

#[test]
fn a_response_without_close_is_followed_by_a_fin_in_every_close_mode() {
    for close in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        // One client is idle after a large response, and the response to the other is still on its way.
        let mut sim = Sim::with(|config| config.close = close);
        let (idle, stuck) = (sim.connect(), sim.connect());
        stuck.stop_reading();
        for client in [&idle, &stuck] {
            client.get("/large");
        }
        sim.settle();
        drain(&mut sim);
        sim.settle();
        stuck.read(usize::MAX);
        sim.settle();
        for client in [&idle, &stuck] {
            assert_eq!(client.responses()[0].body, handler::LARGE, "{close:?}");
            assert!(client.called(Call::Shutdown) && !client.called(Call::ResetOnClose), "{close:?}");
            assert_eq!(client.ending(), Some(Ending::Fin), "{close:?}");
        }
    }
}

#[test]
fn a_response_without_close_in_a_drain_is_followed_by_lingering() {
    let budgets = [1, 400, 4096, 5000, 1 << 20];
    for (bytes, short_read_drains) in budgets.into_iter().flat_map(|bytes| [(bytes, true), (bytes, false)]) {
        let mut sim = Sim::with(|config| config.budget.bytes_per_connection = bytes);
        sim.world().short_read_drains = short_read_drains;
        let client = sim.connect();
        client.get("/later");
        sim.settle();
        sim.answer("now").unwrap();
        drain(&mut sim);
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
        assert!(!client.responses()[0].says_close && client.called(Call::Shutdown) && client.is_served());
    }
}

#[test]
fn a_drain_lingers_after_a_pipeline_whose_responses_may_be_unread() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&handler::get("/").repeat(3000));
    sim.settle();
    drain(&mut sim);
    sim.settle();
    client.get("/next");
    sim.settle();
    assert!(client.called(Call::Shutdown));
    assert_eq!((client.ending(), client.statuses().len()), (Some(Ending::Fin), 3000));
}

#[test]
fn a_request_after_a_stuck_response_is_answered_in_a_drain() {
    for close in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        let mut sim = Sim::with(|config| config.close = close);
        let client = sim.connect();
        client.stop_reading();
        client.get("/large");
        sim.settle();
        client.get("/next");
        sim.settle();
        drain(&mut sim);
        client.read(usize::MAX);
        sim.settle();
        assert_eq!(client.statuses(), [200, 200], "{close:?}");
        assert!(client.responses()[1].says_close, "{close:?}");
    }
}

#[test]
fn an_abort_ends_everything_at_once() {
    let mut sim = Sim::new();
    let (idle, head, stuck, closing) = (sim.connect_idle(), sim.connect(), sim.connect(), sim.connect());
    head.send(b"GET /");
    stuck.stop_reading();
    stuck.get("/large");
    closing.get("/close");
    sim.settle();
    sim.engine.call(None).abort();
    let endings = [&idle, &head, &stuck, &closing].map(Client::ending);
    assert_eq!(endings, [Ending::Fin, Ending::Fin, Ending::Reset, Ending::Fin].map(Some));
    assert_eq!(sim.stats().closes(Reason::Shutdown), 4);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
    sim.turn();
    sim.assert_empty();
}

#[test]
fn a_dropped_server_closes_its_sockets_and_calls_no_handler() {
    let mut sim = Sim::new();
    let clients = [sim.connect_idle(), sim.connect_idle()];
    clients[0].get("/");
    let Sim { engine, site, .. } = sim;
    drop(engine);
    assert!(clients.iter().all(Client::is_gone));
    assert_eq!(site.asked, 0);
}

#[test]
fn a_large_response_that_the_kernel_still_holds_is_followed_by_lingering() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/large");
    sim.settle();
    drain(&mut sim);
    client.get("/next");
    sim.settle();
    assert!(client.called(Call::Shutdown));
    assert_eq!(client.responses()[0].body, handler::LARGE);
    assert_eq!(client.ending(), Some(Ending::Fin));
}

#[test]
fn a_drain_that_ends_with_overdue_deadlines_leaves_no_work() {
    let mut sim = Sim::with(|config| config.budget.requests = 1);
    let clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    for client in &clients {
        client.send(b"GET /");
    }
    sim.settle();
    let now = sim.now();
    sim.engine.call(Some(now)).drain(Duration::from_secs(1));
    sim.advance(Duration::from_secs(60));
    let progress = sim.process();
    assert!(!progress.more);
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
}

// --- idle connections that may send one more request ---

/// Begins a drain that waits for the last request of each idle connection, with this number of idle clients.
fn patient(clients: usize) -> (Sim, Vec<Client>) {
    let mut sim = Sim::with(|config| config.idle_in_drain = IdleInDrain::LastRequest);
    let clients = (0..clients).map(|_| sim.connect_idle()).collect();
    drain(&mut sim);
    sim.settle();
    (sim, clients)
}

#[test]
fn an_idle_connection_may_send_one_more_request() {
    let (mut sim, clients) = patient(1);
    assert!(clients[0].is_served() && !clients[0].called(Call::Shutdown));
    sim.advance(GRACE / 2);
    clients[0].send(&handler::get("/").repeat(2));
    sim.settle();
    assert_eq!(clients[0].statuses(), [200], "and not twice");
    assert!(clients[0].responses()[0].says_close);
    clients[0].fin();
    sim.settle();
    assert_eq!((clients[0].ending(), sim.engine.phase()), (Some(Ending::Fin), Phase::Closed));
}

#[test]
fn connections_still_idle_after_90_percent_of_the_grace_are_closed() {
    let (mut sim, clients) = patient(3);
    clients[0].send(b"GET / ");
    sim.settle();
    let until = GRACE * 9 / 10;
    assert_eq!(sim.timeout(), Some(until));
    sim.advance(until - Duration::from_nanos(1));
    sim.settle();
    assert_eq!(sim.stats().open, 3);
    // Its event is not delivered, so the server has to try a read to find the request.
    clients[1].get("/");
    sim.advance(Duration::from_nanos(1));
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    sim.process();
    assert_eq!((sim.stats().open, sim.stats().closes(Reason::Shutdown)), (2, 1));
    assert_eq!((clients[1].statuses(), clients[2].ending()), (vec![200], Some(Ending::Fin)));
    // The client whose request has begun has the rest of the time.
    clients[0].send(b"HTTP/1.1\r\nHost: x\r\n\r\n");
    for client in &clients[..2] {
        client.fin();
    }
    sim.settle();
    assert_eq!((clients[0].statuses(), sim.engine.phase()), (vec![200], Phase::Closed));
    assert_eq!(sim.stats().closes(Reason::Shutdown), 1);
}

#[test]
fn a_response_without_close_is_followed_by_one_with_close() {
    let mut sim = Sim::with(|config| config.idle_in_drain = IdleInDrain::LastRequest);
    let client = sim.connect();
    client.stop_reading();
    client.get("/large");
    sim.settle();
    drain(&mut sim);
    client.read(usize::MAX);
    sim.settle();
    assert!(!client.responses()[0].says_close && !client.called(Call::Shutdown));
    client.get("/");
    sim.settle();
    assert_eq!(client.statuses(), [200, 200]);
    assert!(client.responses()[1].says_close);
}

#[test]
fn a_patient_drain_ends_when_its_last_client_leaves() {
    let (mut sim, clients) = patient(2);
    for client in &clients {
        client.fin();
    }
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
    assert_eq!(sim.stats().closes(Reason::PeerClosed), 2);
}

#[test]
fn a_second_drain_may_be_less_patient() {
    let (mut sim, _clients) = patient(2);
    let now = sim.now();
    sim.engine.call(Some(now)).drain(Duration::ZERO);
    assert_eq!(sim.process().closed, 2);
    assert_eq!(sim.engine.phase(), Phase::Closed);
}
