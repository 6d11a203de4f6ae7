//! Deferred requests whose time is over, and what the handler responds then.

use std::time::Duration;

use super::deferred::{DEFERRED, SECOND, bodies, waiting};
use super::harness::handler::{self, PAGE};
use super::harness::net::FakeStream;
use super::harness::overdue::Overdue;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::CloseMode;
use crate::deferred::{GoneReason, IdError, RequestId};
use crate::handler::request::Request;
use crate::handler::{Handler, Host, Reply, Responder};
use crate::state::State;
use crate::stats::{Phase, Reason};

/// Creates a server whose handler does this with overdue requests.
fn with_overdue(overdue: Overdue) -> Sim {
    let mut sim = Sim::new();
    sim.site.overdue = overdue;
    sim
}

fn assert_over(sim: &mut Sim, id: RequestId) {
    assert_eq!(sim.respond(id, |responder| responder.status(204).empty()), Err(IdError::Over));
}

// --- the response ---

/// A handler without a method for overdue requests.
#[derive(Default)]
struct Plain {
    parked: Vec<RequestId>,
    gone: Vec<(RequestId, GoneReason)>,
}

impl Handler for Plain {
    fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let (id, reply) = responder.defer();
        self.parked.push(id);
        reply
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.gone.push((id, why));
    }
}

impl Host<FakeStream> for Plain {
    fn take(&mut self, _: RequestId, _: FakeStream, _: &[u8]) {
        unreachable!("it takes nothing over");
    }
}

#[test]
fn a_handler_that_does_not_care_leaves_the_server_to_refuse_with_503() {
    let mut sim = Sim::new();
    let mut plain = Plain::default();
    let client = sim.connect();
    client.get("/");
    let now = sim.now();
    sim.deliver();
    sim.engine.call(Some(now)).process(&mut plain);
    sim.engine.call(Some(now + DEFERRED)).process(&mut plain);
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.ends_with("\r\n\r\n503 Service Unavailable: the response did not come in time\n"), "{text}");
    assert!(client.responses()[0].says_close);
    assert_eq!((sim.stats().errors(503), sim.stats().handler_errors), (1, 0));
    assert_eq!(plain.gone, [(plain.parked[0], GoneReason::Timeout)]);
}

#[test]
fn a_handler_may_respond_to_an_overdue_request_and_the_connection_goes_on() {
    let mut sim = with_overdue(Overdue::Respond);
    let client = sim.connect();
    client.send(&[handler::get("/a"), handler::get("/later"), handler::get("/b")].concat());
    sim.settle();
    let id = sim.site.parked[0];
    sim.assert_ends_after(&client, DEFERRED);
    assert_eq!(bodies(&client), ["GET /a", "better late", "GET /b"]);
    assert_eq!((&sim.site.late[..], sim.site.gone.len()), (&[id][..], 0));
    assert_eq!((sim.state(&client), sim.stats().errors(503), sim.lent()), (State::Idle, 0, 0));
    assert_over(&mut sim, id);
    client.get("/c");
    sim.settle();
    assert_eq!(bodies(&client).last().unwrap(), "GET /c");
}

#[test]
fn a_response_to_an_overdue_request_may_be_longer_than_any_buffer() {
    let mut sim = with_overdue(Overdue::RespondLong);
    let client = waiting(&mut sim);
    client.stop_reading();
    client.read(5_000);
    sim.pass(DEFERRED);
    assert_eq!((sim.state(&client), client.received_len()), (State::Sending, 5_000));
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(client.responses()[0].body, PAGE.repeat(10_000));
    assert_eq!((sim.state(&client), sim.site.gone.len()), (State::Idle, 0));
}

#[test]
fn an_overdue_request_may_get_a_stream() {
    let mut sim = with_overdue(Overdue::Stream);
    let (client, head) = (waiting(&mut sim), sim.connect());
    head.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    sim.pass(DEFERRED);
    let [first, second] = [0, 1].map(|at| sim.site.streams.get(at).map(|stream| stream.0));
    assert_eq!((sim.state(&client), sim.state(&head), second), (State::Streaming, State::Idle, None));
    assert!(sim.site.gone[0].1 == GoneReason::NoBody && !sim.site.parked.contains(&sim.site.gone[0].0));
    sim.resume_of(first.unwrap()).unwrap();
    sim.settle();
    assert_eq!((client.responses()[0].body.len(), client.responses()[0].is_whole), (5150, true));
    assert_eq!((sim.site.late.len(), sim.site.gone.len()), (2, 1));
}

#[test]
fn a_response_to_an_overdue_request_obeys_the_rules_of_head_and_of_http_1_0() {
    let mut sim = with_overdue(Overdue::Respond);
    let (head, kept, old) = (sim.connect(), sim.connect(), sim.connect());
    head.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");
    kept.send(b"GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    old.send(b"GET /later HTTP/1.0\r\n\r\n");
    sim.settle();
    sim.pass(DEFERRED);
    let text = |client: &super::harness::client::Client| String::from_utf8(client.received()).unwrap();
    assert!(text(&head).ends_with("Content-Length: 11\r\n\r\n"), "{}", text(&head));
    assert!(text(&kept).ends_with("Connection: keep-alive\r\n\r\nbetter late"), "{}", text(&kept));
    assert!(text(&old).ends_with("Connection: close\r\n\r\nbetter late"), "{}", text(&old));
    assert_eq!((head.ending(), kept.ending(), old.ending()), (None, None, Some(Ending::Fin)));
}

#[test]
fn a_requested_close_follows_the_response_to_an_overdue_request() {
    let fin = (CloseMode::Fin, Some(Ending::Fin));
    for (mode, ending) in [fin, (CloseMode::Peer, None), (CloseMode::Rst, Some(Ending::Reset))] {
        let mut sim = Sim::with(|config| config.close = mode);
        sim.site.overdue = Overdue::Respond;
        let client = sim.connect();
        client.get_and_close("/later");
        sim.settle();
        sim.advance(DEFERRED);
        sim.settle();
        assert_eq!((bodies(&client), client.ending()), (vec!["better late".into()], ending), "{mode:?}");
        client.fin();
        sim.settle();
        sim.assert_empty();
    }
}

#[test]
fn in_a_drain_the_response_to_an_overdue_request_is_the_last() {
    let mut sim = with_overdue(Overdue::Respond);
    let client = waiting(&mut sim);
    let now = sim.now();
    sim.engine.call(Some(now)).drain(2 * DEFERRED);
    sim.pass(DEFERRED);
    assert!(client.responses()[0].says_close);
    client.fin();
    sim.settle();
    assert_eq!((sim.engine.phase(), sim.site.gone.len()), (Phase::Closed, 0));
}

#[test]
fn a_handler_may_close_the_connection_of_an_overdue_request() {
    let mut sim = with_overdue(Overdue::Close);
    let client = waiting(&mut sim);
    sim.pass(DEFERRED);
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_eq!((sim.stats().closes(Reason::Dropped), sim.site.gone.len()), (1, 0));
    sim.assert_empty();
}

/// A handler that forgets to respond to an overdue request, as far as the compiler lets it.
#[derive(Default)]
struct Careless(Plain);

impl Handler for Careless {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.0.request(request, responder)
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.0.gone(id, why);
    }

    fn overdue<'r>(&mut self, _: RequestId, responder: Responder<'r>) -> Reply<'r> {
        responder.status(99).empty()
    }
}

impl Host<FakeStream> for Careless {
    fn take(&mut self, _: RequestId, _: FakeStream, _: &[u8]) {
        unreachable!("it takes nothing over");
    }
}

#[test]
fn a_response_to_an_overdue_request_that_cannot_be_sent_is_a_500() {
    let mut sim = Sim::new();
    let mut careless = Careless::default();
    let client = sim.connect();
    client.get("/");
    let now = sim.now();
    sim.deliver();
    sim.engine.call(Some(now)).process(&mut careless);
    sim.engine.call(Some(now + DEFERRED)).process(&mut careless);
    assert_eq!((client.statuses(), sim.stats().handler_errors), (vec![500], 1));
    assert_eq!((careless.0.gone.len(), sim.stats().errors(503)), (0, 0), "the handler has responded");
}

// --- deferred again ---

#[test]
fn an_overdue_request_may_be_deferred_again_with_a_new_id_and_a_new_deadline() {
    let mut sim = with_overdue(Overdue::DeferAgain);
    let client = waiting(&mut sim);
    for round in 1..=3 {
        let before = sim.site.parked[round - 1];
        sim.advance(DEFERRED - SECOND);
        sim.settle();
        assert_eq!(sim.timeout(), Some(SECOND));
        sim.pass(SECOND);
        assert_eq!((sim.site.late.len(), sim.state(&client)), (round, State::Deferred));
        assert_eq!(sim.timeout(), Some(DEFERRED), "the deadline is a new one");
        assert_over(&mut sim, before);
    }
    let last = sim.site.parked[3];
    sim.respond(last, |responder| responder.send(200, "text/plain", b"at last")).unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["at last".into()], 0));
}

#[test]
fn a_request_deferred_again_keeps_its_place_before_the_requests_after_it() {
    let mut sim = with_overdue(Overdue::DeferAgain);
    let client = sim.connect();
    client.send(&[handler::get("/later"), handler::get("/b")].concat());
    sim.settle();
    sim.pass(DEFERRED);
    sim.site.overdue = Overdue::Respond;
    sim.pass(DEFERRED);
    assert_eq!(bodies(&client), ["better late", "GET /b"]);
    assert_eq!((sim.site.late.len(), sim.site.gone.len()), (2, 0));
}

// --- panics ---

#[test]
fn a_panic_about_an_overdue_request_loses_its_own_connection_only() {
    let mut sim = with_overdue(Overdue::Panic);
    let (client, idle) = (waiting(&mut sim), sim.connect_idle());
    let id = sim.site.parked[0];
    sim.pass(DEFERRED);
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Reset)));
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::HandlerPanic))]);
    assert_eq!((sim.stats().handler_panics, sim.stats().closes(Reason::HandlerPanic)), (1, 1));
    idle.get("/next");
    sim.settle();
    assert_eq!(bodies(&idle), ["GET /next"]);
    assert_over(&mut sim, id);
    assert_eq!((sim.lent(), sim.buffers_lent()), (0, [0; 3]));
}

#[test]
fn a_handler_that_defers_an_overdue_request_again_and_panics_hears_of_both_ids() {
    let mut sim = with_overdue(Overdue::DeferAndPanic);
    let _client = waiting(&mut sim);
    sim.pass(DEFERRED);
    let panicked = GoneReason::Ended(Reason::HandlerPanic);
    let mut gone = sim.site.gone.clone();
    gone.sort_by_key(|&(id, _)| id);
    assert_eq!(gone, [(sim.site.parked[0], panicked), (sim.site.parked[1], panicked)]);
    sim.assert_empty();
}

#[test]
fn a_panic_about_one_overdue_request_does_not_stop_the_others() {
    let mut sim = with_overdue(Overdue::Any);
    let clients: Vec<_> = (0..14).map(|_| waiting(&mut sim)).collect();
    sim.pass(2 * DEFERRED);
    assert!(clients.iter().all(|client| client.is_gone() || client.received_len() > 0));
    assert_eq!(sim.stats().deferred, 0);
}

// --- when the handler is not asked ---

#[test]
fn a_handler_is_not_asked_about_a_request_that_was_answered_at_the_last_moment() {
    let mut sim = with_overdue(Overdue::Respond);
    let client = waiting(&mut sim);
    sim.advance(DEFERRED);
    sim.answer("just in time").unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.late.len()), (vec!["just in time".into()], 0));
}

#[test]
fn a_handler_is_not_asked_about_a_request_whose_client_was_reset_in_time() {
    let mut sim = with_overdue(Overdue::Respond);
    let client = waiting(&mut sim);
    sim.advance(DEFERRED);
    client.reset();
    sim.settle();
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(sim.site.late, []);
}

#[test]
fn a_handler_is_not_asked_about_a_request_that_makes_way_or_ends_with_the_server() {
    let mut sim = Sim::with(|config| config.exchanges = 1);
    sim.site.overdue = Overdue::Respond;
    let (_first, second) = (waiting(&mut sim), sim.connect());
    second.get("/later");
    sim.settle();
    let now = sim.now();
    sim.engine.call(Some(now)).drain(SECOND);
    sim.pass(SECOND);
    let [first, second] = sim.site.parked[..] else { panic!("both were deferred") };
    let ends = [(second, GoneReason::NoRoom), (first, GoneReason::Ended(Reason::Shutdown))];
    assert_eq!((&sim.site.gone[..], sim.site.late.len()), (&ends[..], 0));
}

#[test]
fn overdue_requests_beyond_the_budget_have_their_turn_later() {
    let mut sim = Sim::with(|config| config.budget.requests = 2);
    sim.site.overdue = Overdue::DeferAgain;
    let _clients: Vec<_> = (0..5).map(|_| waiting(&mut sim)).collect();
    sim.advance(DEFERRED);
    for asked in [2, 4, 5] {
        assert_eq!(sim.timeout(), Some(Duration::ZERO));
        sim.turn();
        assert_eq!(sim.site.late.len(), asked);
    }
    assert_eq!(sim.timeout(), Some(DEFERRED));
}
