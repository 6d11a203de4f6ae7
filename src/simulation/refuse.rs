//! Requests that the handler leaves to the server to refuse.

use super::deferred::{bodies, waiting};
use super::harness::handler;
use super::harness::net::FakeStream;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::CloseMode;
use crate::deferred::RequestId;
use crate::handler::request::Request;
use crate::handler::{Handler, Host, Reply, Responder};
use crate::intake::Intake;

#[test]
fn a_request_that_the_handler_refuses_gets_the_servers_own_503_and_the_connection_closes() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/a"), handler::get("/refuse"), handler::get("/b")].concat());
    sim.settle();
    assert_eq!((client.statuses(), sim.site.asked), (vec![200, 503], 2));
    assert!(client.responses()[1].says_close && client.ending() == Some(Ending::Fin));
    assert_eq!(bodies(&client)[1], "503 Service Unavailable: there is no response to this request now\n");
    assert_eq!((sim.stats().errors(503), sim.stats().handler_errors), (1, 0));
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"HEAD /refuse HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 ") && text.ends_with("\r\n\r\n"), "{text}");
}

#[test]
fn a_refused_request_closes_as_the_close_mode_says() {
    for (mode, ending) in
        [(CloseMode::Fin, Some(Ending::Fin)), (CloseMode::Peer, None), (CloseMode::Rst, Some(Ending::Reset))]
    {
        let mut sim = Sim::with(|config| config.close = mode);
        let client = sim.connect();
        client.get("/refuse");
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![503], ending), "{mode:?}");
    }
}

#[test]
fn a_deferred_request_that_the_host_refuses_was_answered() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.refuse()).unwrap();
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().errors(503)), (vec![503], 1));
    assert_eq!(sim.site.gone, []);
}

#[test]
fn a_refusal_does_not_touch_the_next_response() {
    let mut sim = Sim::new();
    let (refused, next) = (sim.connect(), sim.connect());
    refused.get("/refuse");
    next.send(&[handler::get("/204"), handler::get("/later"), handler::get("/c")].concat());
    sim.settle();
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!((refused.statuses(), next.statuses()), (vec![503], vec![204, 200, 200]));
}

// --- before the body ---

/// A handler that uses the responder of `head`, and then asks for the body nevertheless.
struct Undecided;

impl Handler for Undecided {
    fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        responder.status(204).empty()
    }

    fn head<'r>(
        &mut self,
        _: &Request<'_>,
        _: RequestId,
        mut responder: Responder<'r>,
    ) -> Result<Intake, Reply<'r>> {
        responder.inform(103, [("Link", "</style.css>")]);
        responder.refuse();
        Ok(Intake::Whole)
    }
}

impl Host<FakeStream> for Undecided {
    fn take(&mut self, _: RequestId, _: FakeStream, _: &[u8]) {
        unreachable!("it takes nothing over");
    }
}

fn post(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
}

#[test]
fn a_request_may_be_refused_before_its_body_comes_or_in_the_middle() {
    let mut sim = Sim::new();
    for target in ["/head-refuse", "/pieces/until/0r"] {
        let (whole, half) = (sim.connect(), sim.connect());
        whole.send(post(target).as_bytes());
        half.send(&post(target).as_bytes()[..post(target).len() - 2]);
        sim.settle();
        assert_eq!((whole.statuses(), half.statuses()), (vec![503], vec![503]), "{target}");
        assert!(whole.responses()[0].says_close && half.responses()[0].says_close, "{target}");
    }
    assert_eq!((sim.site.asked, sim.stats().errors(503)), (0, 4));
    assert_eq!((sim.site.gone.len(), sim.stats().requests), (0, 4));
}

#[test]
fn a_handler_that_informs_and_refuses_and_then_wants_the_body_has_refused() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(post("/").as_bytes());
    sim.deliver();
    let now = sim.now();
    sim.engine.call(Some(now)).process(&mut Undecided);
    assert_eq!((client.statuses(), sim.stats().errors(503)), (vec![503], 1));
}
