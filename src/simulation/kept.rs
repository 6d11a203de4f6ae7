//! Deferred requests that are kept: what the host sees of them, and how it responds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::deferred::{DEFERRED, SECOND, bodies};
use super::harness::client::Client;
use super::harness::handler::{self, HandlerPanic};
use super::harness::overdue::Overdue;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::config::CloseMode;
use crate::deferred::{IdError, RequestId};
use crate::state::State;
use crate::stats::Reason;

/// Returns a request for a page with a body, whose framing is one of both.
pub(super) fn post(target: &str, body: &[u8], chunked: bool) -> Vec<u8> {
    let head = |framing: &str| format!("POST {target} HTTP/1.1\r\nHost: x\r\nX: y\r\n{framing}\r\n\r\n");
    if !chunked {
        return [head(&format!("Content-Length: {}", body.len())).as_bytes(), body].concat();
    }
    let mut request = head("Transfer-Encoding: chunked").into_bytes();
    for chunk in body.chunks(1000) {
        request.extend(format!("{:x};a=b\r\n", chunk.len()).bytes());
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\nT: railer\r\n\r\n");
    request
}

/// Returns a body whose bytes differ from their neighbours.
pub(super) fn body(len: usize) -> Vec<u8> {
    handler::LARGE[..len].to_vec()
}

/// Connects a client whose request is kept. Returns its id as well.
pub(super) fn kept(sim: &mut Sim, request: &[u8]) -> (Client, RequestId) {
    let (client, before) = (sim.connect(), sim.site.parked.len());
    client.send(request);
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.parked.len()), (State::Deferred, before + 1));
    (client, sim.site.parked[before])
}

fn send<'r>(responder: crate::handler::Responder<'r>) -> crate::handler::Reply<'r> {
    responder.send(200, "text/plain", b"done")
}

// --- what is shown ---

#[test]
fn a_kept_request_is_shown_as_the_handler_has_seen_it() {
    let mut sim = Sim::new();
    let request = b"BREW /keep?a=b HTTP/1.1\r\nHost: x\r\nFirst: 1\r\nSecond: \xe9\r\n\r\n";
    let (client, id) = kept(&mut sim, request);
    let heard = sim.with_request(id).unwrap();
    assert_eq!((&heard.method[..], &heard.target[..], heard.body.len()), ("BREW", "/keep?a=b", 0));
    let headers: Vec<_> = heard.headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    assert_eq!(headers, [("Host", &b"x"[..]), ("First", b"1"), ("Second", b"\xe9")]);
    assert_eq!((sim.with_request(id), sim.timeout()), (Some(heard), Some(DEFERRED)), "as often as one likes");
    sim.respond_with(id, send).unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.lent()), (vec!["done".into()], 0));
}

/// The bytes of the request and of those after it stay as they are, wherever they are. (The checks after every turn compare
/// the request with what the handler has heard.)
#[test]
fn a_kept_request_and_those_after_it_stay_intact_however_they_arrive() {
    for chunked in [false, true] {
        for (len, buffers) in [(1, [1, 0, 0]), (5000, [1, 0, 0]), (19_000, [1, 0, 0]), (90_000, [0, 0, 1])] {
            for piece in [1000, 4096, usize::MAX] {
                let mut sim = Sim::new();
                let request = post("/keep", &body(len), chunked);
                let behind = [handler::get("/b"), post("/echo", &body(3000), !chunked)].concat();
                let client = sim.connect();
                client.get("/a");
                for piece in [request, behind].concat().chunks(piece) {
                    client.send(piece);
                    sim.settle();
                }
                let id = sim.site.parked[0];
                assert_eq!(sim.with_request(id).unwrap().body, body(len), "{chunked} {len} {piece}");
                assert_eq!(sim.buffers_lent(), buffers, "{chunked} {len} {piece}");
                sim.pass(SECOND);
                sim.respond_with(id, send).unwrap();
                sim.settle();
                let responses = client.responses();
                assert_eq!(bodies(&client)[..3], ["GET /a", "done", "GET /b"]);
                assert_eq!((&responses[3].body, responses.len()), (&body(3000), 4));
                assert_eq!((sim.state(&client), sim.lent(), sim.buffers_lent()), (State::Idle, 0, [0; 3]));
            }
        }
    }
}

#[test]
fn requests_after_a_kept_one_wait_and_may_be_kept_as_well() {
    let mut sim = Sim::new();
    let client = sim.connect();
    let requests = [post("/keep", b"first", true), post("/keep", b"second", false), handler::get("/c")];
    client.send(&requests.concat());
    sim.settle();
    assert_eq!(sim.site.parked.len(), 1, "one at a time");
    for expected in ["first", "second"] {
        let id = *sim.site.parked.last().unwrap();
        assert_eq!(sim.with_request(id).unwrap().body, expected.as_bytes());
        sim.respond_with(id, send).unwrap();
        sim.settle();
    }
    assert_eq!(bodies(&client), ["done", "done", "GET /c"]);
}

#[test]
fn a_request_kept_before_its_body_or_in_the_middle_has_its_head() {
    let large = body(9000);
    for (target, received) in [("/head-keep", 0), ("/pieces/until/1000k", 9000), ("/pieces/keep", 9000)] {
        for chunked in [false, true] {
            let mut sim = Sim::new();
            let (client, id) = kept(&mut sim, &[post(target, &large, chunked), handler::get("/b")].concat());
            let heard = sim.with_request(id).unwrap();
            assert_eq!((&heard.target[..], heard.body.len()), (target, 0));
            // The host may have asked for the first piece before all had arrived.
            let is_part = heard.received >= 1000 || received == 0;
            assert!(heard.received <= received && is_part, "{target} {chunked}");
            sim.respond_with(id, send).unwrap();
            sim.settle();
            assert_eq!(bodies(&client)[0], "done");
            assert_eq!((sim.lent(), sim.buffers_lent()), (0, [0; 3]));
        }
    }
}

#[test]
fn a_request_kept_before_its_body_has_arrived_gets_the_last_response() {
    for target in ["/head-keep", "/pieces/until/1000k"] {
        for chunked in [false, true] {
            let mut sim = Sim::new();
            let request = post(target, &body(9000), chunked);
            let (client, id) = kept(&mut sim, &request[..3000]);
            // What comes now is discarded, also if it looks like a request.
            client.send(&[&request[3000..], &handler::get("/b")].concat());
            sim.settle();
            assert!(sim.with_request(id).is_some());
            sim.respond_with(id, send).unwrap();
            sim.settle();
            assert_eq!((bodies(&client), sim.site.asked), (vec!["done".into()], 0), "{target} {chunked}");
            assert!(client.responses()[0].says_close && client.ending() == Some(Ending::Fin));
        }
    }
}

// --- when there is nothing to show ---

#[test]
fn a_request_that_is_not_kept_is_not_shown_and_can_still_be_answered() {
    let mut sim = Sim::new();
    let (client, id) = kept(&mut sim, &handler::get("/later"));
    assert_eq!(sim.with_request(id), None);
    let now = sim.now();
    let answer = sim.engine.call(Some(now)).respond_with(id, |_, _| unreachable!("there is no request"));
    assert_eq!(answer, Err(IdError::NotKept));
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["late"]);
}

#[test]
fn a_request_that_is_over_is_not_shown() {
    let (mut sim, mut other) = (Sim::new(), Sim::new());
    let (_clients, ids): (Vec<_>, Vec<_>) = (0..5).map(|_| kept(&mut sim, &handler::get("/keep"))).unzip();
    sim.respond(ids[0], send).unwrap();
    assert_eq!(sim.with_request(ids[0]), None, "before the next call");
    sim.respond_with(ids[1], send).unwrap();
    assert_eq!(sim.with_request(ids[1]), None, "before the next call");
    sim.cancel(ids[2]).unwrap();
    sim.stream(ids[3], "/stream/chunked/5l,5e").unwrap();
    assert_eq!(sim.with_request(ids[3]), None, "before the next call");
    for settled in [false, true] {
        for &id in &ids[..4] {
            assert_eq!((sim.with_request(id), sim.respond_with(id, send)), (None, Err(IdError::Over)));
        }
        assert!(sim.with_request(ids[4]).is_some(), "{settled}");
        sim.settle();
    }
    assert_eq!(
        (other.with_request(ids[4]), other.respond_with(ids[4], send)),
        (None, Err(IdError::WrongServer))
    );
}

#[test]
fn a_request_is_not_shown_after_a_panic_that_has_lost_its_connection() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/keep-panic");
    sim.turn();
    let id = sim.site.parked[0];
    assert_eq!(sim.with_request(id), None, "before the next call");
    let (_late, overdue) = kept(&mut sim, &handler::get("/keep"));
    sim.site.overdue = Overdue::Panic;
    sim.advance(DEFERRED);
    sim.turn();
    assert_eq!((sim.with_request(overdue), sim.site.gone.len()), (None, 1), "before the next call");
    sim.settle();
    assert_eq!(sim.site.gone.len(), 2);
    sim.assert_empty();
}

// --- deferred again ---

#[test]
fn a_kept_request_that_is_deferred_again_stays_kept_only_if_asked_to() {
    let mut sim = Sim::new();
    let (client, first) = kept(&mut sim, &[post("/keep", b"abc", true), handler::get("/b")].concat());
    let second = sim.defer_again(first, true).unwrap();
    sim.settle();
    assert_eq!(sim.with_request(second).unwrap().body, b"abc");
    let third = sim.defer_again(second, false).unwrap();
    sim.settle();
    assert_eq!(sim.with_request(third), None);
    // There is nothing left that could be kept.
    let fourth = sim.defer_again(third, true).unwrap();
    sim.settle();
    assert_eq!((sim.with_request(fourth), sim.respond_with(fourth, send)), (None, Err(IdError::NotKept)));
    sim.respond(fourth, send).unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["done", "GET /b"]);
}

#[test]
fn a_request_that_is_kept_again_with_the_request_at_hand_stays_kept() {
    let mut sim = Sim::new();
    let (client, first) = kept(&mut sim, &post("/keep", &body(90_000), true));
    let (now, mut again) = (sim.now(), None);
    let answer = sim.engine.call(Some(now)).respond_with(first, |request, responder| {
        assert_eq!(request.body(), body(90_000));
        let (id, reply) = responder.defer_keeping();
        again = Some(id);
        reply
    });
    answer.unwrap();
    let again = again.unwrap();
    let heard = sim.site.kept.remove(&first).unwrap();
    sim.site.kept.insert(again, heard);
    assert!(sim.with_request(first).is_none() && sim.with_request(again).is_some());
    sim.settle();
    assert_eq!(sim.buffers_lent(), [0, 0, 1]);
    sim.respond_with(again, send).unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.buffers_lent()), (vec!["done".into()], [0; 3]));
}

#[test]
fn an_overdue_request_that_is_kept_is_released_by_its_response_or_kept_again() {
    for overdue in [Overdue::Respond, Overdue::Stream, Overdue::DeferAgain] {
        let mut sim = Sim::new();
        sim.site.overdue = overdue;
        // Of two, the second is kept again.
        let (first, _) = kept(&mut sim, &[post("/keep", &body(90_000), true), handler::get("/b")].concat());
        let (second, _) = kept(&mut sim, &[post("/keep", &body(100), true), handler::get("/b")].concat());
        sim.pass(DEFERRED);
        match overdue {
            Overdue::Respond => {
                assert_eq!(bodies(&first), ["better late", "GET /b"]);
                assert_eq!((bodies(&second), sim.lent()), (bodies(&first), 0));
            }
            Overdue::Stream => assert_eq!(sim.buffers_lent(), [2, 0, 0], "only for the request after it"),
            _ => {
                let [_, _, first, second] = sim.site.parked[..] else { panic!("both are deferred again") };
                let bodies = [first, second].map(|id| sim.with_request(id).map(|request| request.body));
                assert_eq!((bodies, sim.buffers_lent()), ([None, Some(body(100))], [2, 0, 0]));
            }
        }
        assert_eq!(sim.site.gone, []);
    }
}

// --- the response ---

#[test]
fn a_kept_request_obeys_the_rules_of_head_and_of_http_1_0() {
    let mut sim = Sim::new();
    let (head, first) = kept(&mut sim, b"HEAD /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    let (old, second) = kept(&mut sim, b"POST /keep HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(sim.with_request(second).unwrap().body, b"hi");
    for id in [first, second] {
        sim.respond_with(id, send).unwrap();
    }
    sim.settle();
    let text = |client: &Client| String::from_utf8(client.received()).unwrap();
    assert!(text(&head).ends_with("Content-Length: 4\r\n\r\n"), "{}", text(&head));
    assert!(text(&old).ends_with("Connection: close\r\n\r\ndone"), "{}", text(&old));
    assert_eq!((sim.state(&head), old.ending()), (State::Idle, Some(Ending::Fin)));
}

#[test]
fn the_close_after_a_kept_request_is_that_of_the_close_mode() {
    let fin = (CloseMode::Fin, Some(Ending::Fin));
    for (mode, ending) in [fin, (CloseMode::Peer, None), (CloseMode::Rst, Some(Ending::Reset))] {
        let mut sim = Sim::with(|config| config.close = mode);
        let (client, id) = kept(&mut sim, &handler::get_and_close("/keep"));
        sim.respond_with(id, send).unwrap();
        sim.settle();
        assert_eq!((bodies(&client), client.ending()), (vec!["done".into()], ending), "{mode:?}");
    }
}

#[test]
fn a_host_that_panics_with_the_request_at_hand_and_goes_on_has_dropped_the_responder() {
    let mut sim = Sim::new();
    let (client, id) = kept(&mut sim, &[handler::get("/keep"), handler::get("/b")].concat());
    let now = sim.now();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _ = sim
            .engine
            .call(Some(now))
            .respond_with(id, |_, _| std::panic::resume_unwind(Box::new(HandlerPanic)));
    }));
    assert!(panic.unwrap_err().is::<HandlerPanic>());
    sim.site.kept.clear();
    assert_eq!(sim.with_request(id), None);
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().handler_errors), (vec![500], 1));
    assert_eq!((sim.stats().closes(Reason::HandlerPanic), sim.site.gone.len()), (0, 0));
}
