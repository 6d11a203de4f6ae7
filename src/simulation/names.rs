//! Names of connections: which connection a request comes from, and the report of each end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::deadlines::IDLE;
use super::deferred::waiting;
use super::drain::drain;
use super::harness::client::Client;
use super::harness::handler::{self, HandlerPanic, Site};
use super::harness::net::{FakeListener, FakeStream};
use super::harness::sim::Sim;
use crate::config::{CloseMode, Config};
use crate::deferred::{GoneReason, IdError, RequestId};
use crate::handler::request::Request;
use crate::handler::{Handler, Host, Reply, Responder};
use crate::names::ConnectionId;
use crate::stats::{Phase, Reason};

/// A server whose connections have names.
pub(super) fn sim() -> Sim {
    with(|_| {})
}

pub(super) fn with(change: impl FnOnce(&mut Config)) -> Sim {
    Sim::with(|config| {
        config.names = true;
        change(config);
    })
}

/// Returns the names that the requests of the handler came with.
fn heard(sim: &Sim) -> Vec<Option<ConnectionId>> {
    sim.site.known.origins.iter().map(|origin| origin.0).collect()
}

// --- where a request comes from ---

#[test]
fn connections_have_no_names_unless_they_are_wanted() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/");
    let (adopted, welcome) = sim.adopt();
    adopted.get("/");
    sim.settle();
    assert_eq!((heard(&sim), welcome, sim.site.known.named.len()), (vec![None, None], Ok(()), 0));
    assert!(sim.site.known.origins.iter().all(|origin| origin.1.is_none()));
    client.fin();
    sim.settle();
    assert_eq!(sim.site.known.closed, []);
}

#[test]
fn all_requests_of_a_connection_have_its_name_and_no_other_has() {
    let mut sim = sim();
    let (first, second) = (sim.connect_idle(), sim.connect_idle());
    let names = [&first, &second].map(|client| Some(sim.name(client)));
    for _ in 0..2 {
        // In a wave together, and then the first alone, with two requests.
        first.get("/");
        second.get("/");
        sim.settle();
    }
    first.get("/");
    first.get("/");
    sim.settle();
    assert_ne!(names[0], names[1]);
    assert_eq!(heard(&sim), [0, 1, 0, 1, 0, 0].map(|at: usize| names[at]));
}

#[test]
fn a_connection_remembers_its_listener_after_the_listener_is_removed() {
    let mut sim = sim();
    let ids = [(); 2].map(|()| sim.engine.add_listener(FakeListener::new(&sim.wire)).unwrap());
    let clients = [1, 2].map(|listener| Client::new(&sim.wire, listener));
    sim.settle();
    sim.engine.remove_listener(ids[0]).unwrap();
    sim.engine.add_listener(FakeListener::new(&sim.wire)).unwrap();
    for client in &clients {
        client.get("/");
        sim.settle();
    }
    let listeners: Vec<_> = sim.site.known.origins.iter().map(|origin| origin.1).collect();
    assert_eq!(listeners, ids.map(Some));
}

#[test]
fn an_adopted_connection_has_the_name_that_its_adoption_returned_and_no_listener() {
    let mut sim = sim();
    let (client, _) = sim.adopt();
    let named: Vec<_> = sim.site.known.named.iter().copied().map(Some).collect();
    client.get("/");
    sim.settle();
    assert_eq!((heard(&sim), named.len()), (named, 1));
    assert_eq!(sim.site.known.origins[0].1, None);
}

// --- the reports ---

#[test]
fn each_end_is_reported_once_with_its_reason() {
    type End = fn(&mut Sim, &Client);
    let ends: [(Reason, End); 7] = [
        (Reason::PeerClosed, |_, client| client.fin()),
        (Reason::PeerReset, |_, client| client.reset()),
        (Reason::Answered, |_, client| client.get_and_close("/")),
        (Reason::Dropped, |_, client| client.get("/drop")),
        (Reason::IdleTimeout, |sim, _| sim.pass(IDLE)),
        (Reason::HandlerPanic, |_, client| client.get("/panic")),
        (Reason::Shutdown, |sim, _| drain(sim)),
    ];
    for (reason, end) in ends {
        let mut sim = sim();
        let client = sim.connect_idle();
        let name = sim.name(&client);
        end(&mut sim, &client);
        sim.settle();
        assert!(client.is_gone(), "{reason:?}");
        assert_eq!(sim.site.known.closed, [(name, reason)]);
        assert_eq!(sim.close(name, CloseMode::Rst), Err(IdError::Over));
        sim.settle();
        assert_eq!(sim.site.known.closed.len(), 1);
    }
}

#[test]
fn a_connection_that_the_host_takes_over_is_reported() {
    for ahead in ["", "ahead", "panic"] {
        let mut sim = sim();
        let client = sim.connect_idle();
        let name = sim.name(&client);
        client.send(&[&handler::get("/upgrade"), ahead.as_bytes()].concat());
        sim.settle();
        assert_eq!(sim.site.known.closed, [(name, Reason::TakenOver)], "{ahead}");
        assert_eq!(sim.close(name, CloseMode::Rst), Err(IdError::Over));
    }
}

#[test]
fn connections_that_make_way_for_others_in_one_turn_are_all_reported() {
    for budget in [1, 1024] {
        let mut sim = with(|config| {
            config.max_connections = 1;
            config.budget.requests = budget;
        });
        let clients: Vec<Client> = (0..10).map(|_| sim.connect()).collect();
        for client in &clients {
            client.get_and_close("/");
        }
        sim.settle();
        assert!(clients.iter().all(Client::is_gone));
        assert_eq!(sim.site.known.closed.len(), 10);
    }
}

#[test]
fn an_evicted_connection_is_reported_and_its_successor_has_another_name() {
    let mut sim = with(|config| config.max_connections = 1);
    let first = sim.connect_idle();
    let name = sim.name(&first);
    sim.pass(Duration::from_secs(1));
    let second = sim.connect_idle();
    assert_eq!(sim.site.known.closed, [(name, Reason::Evicted)]);
    assert_ne!(sim.name(&second), name);
    assert_eq!(sim.close(name, CloseMode::Rst), Err(IdError::Over));
    assert!(second.is_served());
}

#[test]
fn a_deferred_request_is_gone_before_its_connection_is_reported_closed() {
    let mut sim = sim();
    let client = waiting(&mut sim);
    let name = sim.name(&client);
    client.reset();
    sim.settle();
    // The handler of the simulation checks the order.
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(sim.site.known.closed, [(name, Reason::PeerReset)]);
}

#[test]
fn the_turn_after_an_abort_reports_all_connections() {
    let mut sim = sim();
    let clients = [sim.connect_idle(), sim.connect_idle()];
    let names = clients.map(|client| sim.name(&client));
    sim.engine.call(None).abort();
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Draining, Some(Duration::ZERO)));
    assert_eq!(sim.site.known.closed, []);
    sim.turn();
    assert_eq!(sim.site.known.closed, names.map(|name| (name, Reason::Shutdown)));
    assert_eq!((sim.engine.phase(), sim.timeout()), (Phase::Closed, None));
}

#[test]
fn a_host_that_ends_connections_between_two_turns_has_to_take_their_reports() {
    let mut sim = with(|config| config.max_connections = 3);
    let mut adopted = 0;
    while let (_, Ok(())) = sim.adopt() {
        adopted += 1;
        let name = *sim.site.known.named.last().unwrap();
        sim.close(name, CloseMode::Rst).unwrap();
    }
    assert_eq!((adopted, sim.stats().open), (6, 0));
    assert_eq!(sim.adopt().1, Err(std::io::ErrorKind::ResourceBusy));
    sim.process();
    assert_eq!((sim.site.known.closed.len(), sim.adopt().1), (6, Ok(())));
}

#[test]
fn a_drain_leaves_clients_in_the_queue_if_it_could_not_report_their_ends() {
    let mut sim = with(|config| config.max_connections = 1);
    while sim.adopt().1.is_ok() {
        let name = *sim.site.known.named.last().unwrap();
        sim.close(name, CloseMode::Rst).unwrap();
    }
    let client = sim.connect();
    drain(&mut sim);
    sim.engine.call(None).abort();
    sim.settle();
    assert_eq!(
        (sim.site.known.closed.len(), client.is_served(), sim.engine.phase()),
        (2, false, Phase::Closed)
    );
}

// --- other handlers ---

/// Panics at the first report of an end.
struct Careless<'a>(&'a mut Site);

impl Handler for Careless<'_> {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.0.request(request, responder)
    }

    fn closed(&mut self, id: ConnectionId, why: Reason) {
        self.0.closed(id, why);
        if self.0.known.closed.len() == 1 {
            resume_unwind(Box::new(HandlerPanic));
        }
    }
}

impl Host<FakeStream> for Careless<'_> {
    fn take(&mut self, id: RequestId, stream: FakeStream, read_ahead: &[u8]) {
        self.0.take(id, stream, read_ahead);
    }
}

#[test]
fn a_panic_in_a_report_costs_no_connection_and_no_other_report() {
    let mut sim = sim();
    let (clients, bystander) = ([sim.connect_idle(), sim.connect_idle()], sim.connect_idle());
    let names = clients.each_ref().map(|client| (sim.name(client), Reason::PeerClosed));
    for client in &clients {
        client.fin();
    }
    sim.deliver();
    let now = sim.now();
    let mut careless = Careless(&mut sim.site);
    let turn = AssertUnwindSafe(|| sim.engine.call(Some(now)).process(&mut careless));
    assert!(catch_unwind(turn).unwrap_err().is::<HandlerPanic>());
    assert_eq!(sim.site.known.closed, names[..1]);
    bystander.get("/");
    sim.settle();
    assert_eq!(sim.site.known.closed, names);
    assert_eq!((bystander.statuses(), sim.stats().handler_panics), (vec![200], 0));
}

#[test]
fn a_name_of_another_server_differs_from_one_that_is_over() {
    let (mut sim, other) = (sim(), sim());
    let (client, _) = (sim.connect_idle(), &other);
    let name = sim.name(&client);
    let mut other = other;
    assert_eq!(other.close(name, CloseMode::Rst), Err(IdError::WrongServer));
    assert!(client.is_served());
}
