//! Control over the bytes and the close of one response.

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use super::streams::only;
use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::handler::{Reply, Responder};
use crate::state::State;
use crate::stats::Reason;

/// Connects a client whose request is answered like this.
fn answered(sim: &mut Sim, answer: impl for<'r> FnOnce(Responder<'r>) -> Reply<'r>) -> Client {
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    let id = sim.site.parked.remove(0);
    sim.respond(id, answer).unwrap();
    sim.settle();
    client
}

fn text(client: &Client) -> String {
    String::from_utf8(client.received()).unwrap()
}

fn body(client: &Client) -> String {
    text(client).split_once("\r\n\r\n").unwrap().1.to_owned()
}

// --- the close ---

#[test]
fn one_response_may_close_in_a_way_of_its_own() {
    for usual in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        for (own, ending) in [
            (CloseMode::Fin, Some(Ending::Fin)),
            (CloseMode::Peer, None),
            (CloseMode::Rst, Some(Ending::Reset)),
        ] {
            let mut sim = Sim::with(|config| config.close = usual);
            let client =
                answered(&mut sim, |responder| responder.status(200).close_with(own).send(b"the last"));
            assert!(only(&client).says_close && only(&client).is_whole);
            assert_eq!(client.ending(), ending, "{own:?} instead of {usual:?}");
        }
    }
}

#[test]
fn a_response_that_is_dropped_is_not_sent() {
    let mut sim = Sim::new();
    let shared: std::sync::Arc<[u8]> = std::sync::Arc::from(vec![b'x'; 100_000]);
    let body = crate::body::Body::Shared(shared.clone());
    let client = answered(&mut sim, |responder| responder.status(200).close_with(CloseMode::Drop).body(body));
    assert_eq!((client.received_len(), client.is_gone()), (0, true));
    assert_eq!(std::sync::Arc::strong_count(&shared), 1, "its body is freed");
    let other = answered(&mut sim, |responder| responder.send(200, "text/plain", b"usual"));
    assert_eq!((only(&other).body, other.ending()), (b"usual".to_vec(), None), "the next one is not special");
}

#[test]
fn a_response_that_goes_on_and_is_dropped_is_reported() {
    for status in [200, 101] {
        let mut sim = Sim::new();
        let mut begun = None;
        let client = answered(&mut sim, |responder| {
            let head = responder.status(status).close_with(CloseMode::Drop);
            let (id, reply) = if status == 101 { head.take_over() } else { head.stream(None) };
            begun = Some(id);
            reply
        });
        assert_eq!((client.received_len(), client.is_gone()), (0, true));
        assert_eq!(sim.site.gone, [(begun.unwrap(), GoneReason::Ended(Reason::Dropped))]);
        sim.assert_empty();
    }
}

#[test]
fn a_close_of_ones_own_holds_for_one_response() {
    let mut sim = Sim::new();
    let first = answered(&mut sim, |responder| responder.status(200).close_with(CloseMode::Rst).send(b"one"));
    let second = answered(&mut sim, |responder| responder.status(200).close_after().send(b"two"));
    assert_eq!((first.ending(), second.ending()), (Some(Ending::Reset), Some(Ending::Fin)));
}

#[test]
fn a_fin_of_ones_own_leaves_with_the_response() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Peer);
    let client = sim.connect();
    client.get_and_close("/later");
    sim.settle();
    let id = sim.site.parked.remove(0);
    sim.respond(id, |responder| responder.status(200).close_with(CloseMode::Fin).send(b"one")).unwrap();
    sim.settle();
    assert!(client.got_fin_with_bytes());
}

#[test]
fn a_client_that_has_to_close_first_is_given_the_linger_time() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, |responder| responder.status(200).close_with(CloseMode::Peer).send(b"x"));
    assert_eq!(sim.state(&client), State::Closing);
    client.fin();
    sim.settle();
    assert_eq!((client.ending(), sim.stats().closed_by_client_first), (Some(Ending::Fin), 1));
}

// --- the bytes ---

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, |responder| responder.raw(b"any\nbytes\0"));
    assert_eq!((client.received(), client.ending()), (b"any\nbytes\0".to_vec(), Some(Ending::Fin)));
}

#[test]
fn no_raw_bytes_are_a_close() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, |responder| responder.raw(b""));
    assert_eq!((client.received_len(), client.is_gone(), sim.stats().handler_errors), (0, true, 0));
}

#[test]
fn a_raw_stream_is_sent_as_it_is_even_to_head() {
    for method in ["GET", "HEAD"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(format!("{method} /later HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        sim.settle();
        let id = sim.site.parked.remove(0);
        let now = sim.now();
        let script = super::harness::script::Script::of("/stream/chunked/10a,70000l,5e").unwrap();
        let (streamed, _) = sim.engine.call(Some(now)).respond(id).unwrap().raw_stream();
        sim.site.streams.push((streamed, script));
        sim.settle();
        sim.resume().unwrap();
        sim.settle();
        assert!(client.received() == super::harness::script::body(70_015), "{method}");
        assert_eq!(client.ending(), Some(Ending::Fin));
    }
}

#[test]
fn a_length_may_be_announced_that_is_not_true() {
    for (announced, line) in [(Some(1000), "Content-Length: 1000\r\n"), (Some(0), "Content-Length: 0\r\n")] {
        let mut sim = Sim::new();
        let client =
            answered(&mut sim, |responder| responder.status(200).announce(announced).send(b"ten bytes\n"));
        let head = text(&client);
        assert!(
            head.contains(line)
                && head.contains("Connection: close")
                && head.ends_with("\r\n\r\nten bytes\n")
        );
        assert_eq!(client.ending(), Some(Ending::Fin));
    }
}

#[test]
fn no_length_may_be_announced() {
    let mut sim = Sim::new();
    let client =
        answered(&mut sim, |responder| responder.status(200).announce(None).body(&handler::LARGE[..]));
    assert!(!text(&client).contains("Content-Length") && only(&client).body == handler::LARGE);
}

#[test]
fn a_stream_with_an_announced_length_is_not_chunked() {
    for announced in [None, Some(5)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get("/later");
        sim.settle();
        let id = sim.site.parked.remove(0);
        let now = sim.now();
        let responder = sim.engine.call(Some(now)).respond(id).unwrap();
        let (streamed, _) = responder.status(200).announce(announced).stream(Some(7));
        let script = super::harness::script::Script::of("/stream/chunked/10a,5e").unwrap();
        sim.site.streams.push((streamed, script));
        sim.settle();
        let head = text(&client);
        assert_eq!(head.contains("Content-Length: 5\r\n"), announced.is_some());
        assert!(!head.contains("chunked") && body(&client).len() == 15);
        assert_eq!(client.ending(), Some(Ending::Fin));
    }
}

// --- interim responses ---

#[test]
fn an_interim_response_leaves_with_the_final_one() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, |mut responder| {
        responder.inform(103, [("Link", "</a.css>; rel=preload"), ("X-Two", "2")]);
        responder.send(200, "text/plain", b"the end")
    });
    assert!(text(&client).starts_with(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Two: 2\r\n\r\nHTTP/1.1 200 OK\r\n"
    ));
    assert!(text(&client).ends_with("\r\n\r\nthe end"));
    assert_eq!(client.count(|call| matches!(call, Call::Write(_))), 1);
}

#[test]
fn an_interim_response_to_a_deferred_request_leaves_at_once() {
    let mut sim = Sim::new();
    let mut again = None;
    let client = answered(&mut sim, |mut responder| {
        responder.inform(103, [("Link", "</a.css>")]);
        let (id, reply) = responder.defer();
        again = Some(id);
        reply
    });
    assert_eq!(text(&client), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    assert_eq!((sim.state(&client), sim.buffers_lent()), (State::Deferred, [0; 3]));
    sim.respond(again.unwrap(), |responder| responder.send(200, "text/plain", b"the end")).unwrap();
    sim.settle();
    assert!(text(&client).ends_with("\r\n\r\nthe end"));
}

#[test]
fn an_interim_response_goes_before_a_written_body() {
    let mut sim = Sim::new();
    for len in [5, 12_345] {
        let client = answered(&mut sim, |mut responder| {
            responder.inform(102, []);
            responder.body_with(200, "text/plain", |body| body.write_all(&vec![b'x'; len]))
        });
        let expected = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n";
        assert!(text(&client).starts_with(expected) && text(&client).contains(&format!("Length: {len}\r\n")));
        assert_eq!(text(&client).matches('x').count(), len + 1, "and one in text/plain");
    }
}

#[test]
fn a_client_of_http_1_0_gets_no_interim_response() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"GET /later HTTP/1.0\r\n\r\n");
    sim.settle();
    let id = sim.site.parked.remove(0);
    let answer = |mut responder: Responder<'_>| {
        responder.inform(103, []);
        _ = responder.send(200, "text/plain", b"x");
    };
    let now = sim.now();
    answer(sim.engine.call(Some(now)).respond(id).unwrap());
    sim.settle();
    assert!(text(&client).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn an_interim_response_that_cannot_be_sent_is_a_500() {
    for (status, value) in [(101, "x"), (200, "x"), (99, "x"), (103, "a\r\nb")] {
        let mut sim = Sim::new();
        let client = answered(&mut sim, |mut responder| {
            responder.inform(status, [("X", value)]);
            responder.send(200, "text/plain", b"x")
        });
        assert_eq!((client.statuses(), sim.stats().handler_errors), (vec![500], 1), "{status}");
        let client = answered(&mut sim, |mut responder| {
            responder.inform(status, [("X", value)]);
            responder.defer().1
        });
        assert_eq!((client.statuses(), sim.site.gone.len()), (vec![500], 1), "{status}, deferred");
    }
}

#[test]
fn an_upgrade_does_not_hide_that_its_interim_response_cannot_be_sent() {
    for (status, value) in [(200, "x"), (103, "a\r\nb")] {
        let mut sim = Sim::new();
        let client = answered(&mut sim, |mut responder| {
            responder.inform(status, [("X", value)]);
            responder.status(101).take_over().1
        });
        assert_eq!((client.statuses(), sim.site.gone.len()), (vec![500], 1), "{status}");
    }
}

// --- the request's bytes ---

#[test]
fn a_raw_head_is_what_has_arrived() {
    let head = b"POST /raw-head?x HTTP/1.1\r\nHost:  x\r\nContent-Length: 5\r\nx-OTHER:\t1 \r\n\r\n";
    for first in [10, head.len() - 1, head.len(), head.len() + 5] {
        let mut sim = Sim::new();
        let client = sim.connect();
        let request = [&head[..], b"12345GET /next HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        client.send(&request[..first]);
        sim.settle();
        client.send(&request[first..]);
        sim.settle();
        assert_eq!(client.responses()[0].body, head);
    }
}
