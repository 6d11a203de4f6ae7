//! A body that waits unread: the host has deferred its request at the head, and takes the body in later.

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use super::intake::{SIZES, assert_gone, body, forms, post, post_chunks};
use crate::deferred::RequestId;
use crate::intake::Intake;
use crate::state::State;

pub(super) const INTAKES: [Intake; 5] = [
    Intake::Whole,
    Intake::AtMost(1_000_000),
    Intake::Discard,
    Intake::DiscardAtMost(1_000_000),
    Intake::Pieces,
];

/// Sends a request whose handler defers it at the head.
pub(super) fn deferred(sim: &mut Sim, request: &[u8]) -> (Client, RequestId) {
    let client = sim.connect();
    client.send(request);
    sim.settle();
    assert_eq!((sim.state(&client), client.received_len(), sim.site.asked), (State::Deferred, 0, 0));
    (client, *sim.site.parked.last().expect("it is deferred"))
}

/// Returns a POST whose client waits before it sends the body.
pub(super) fn expecting(target: &str, len: usize) -> Vec<u8> {
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len}\r\n\r\n");
    head.into_bytes()
}

#[test]
fn a_body_that_has_waited_is_taken_in_in_each_way() {
    for intake in INTAKES {
        for len in SIZES {
            for request in forms("/head-later", len) {
                let mut sim = Sim::new();
                let request = [request, handler::get("/next")].concat();
                let (client, id) = deferred(&mut sim, &request);
                sim.take_in(id, intake).unwrap();
                sim.settle();
                let responses = client.responses();
                let expected =
                    if intake == Intake::Pieces { body(len).to_vec() } else { len.to_string().into_bytes() };
                assert!(responses[0].body == expected, "{intake:?} of {len}");
                assert_eq!((responses.len(), responses[1].body.as_slice()), (2, &b"GET /next"[..]));
                assert_eq!((&sim.site.unread.went_on[..], sim.site.gone.len()), (&[id][..], 0));
                assert_eq!((sim.stats().requests, sim.state(&client), sim.lent()), (2, State::Idle, 0));
            }
        }
    }
}

#[test]
fn nothing_of_a_body_is_read_while_it_waits() {
    let mut sim = Sim::new();
    let (client, _) = deferred(&mut sim, &post("/head-later", 190_000));
    let read = sim.stats().bytes_in;
    assert!(read < 25_000 && sim.buffers_lent() == [1, 0, 0], "{read}");
    client.send(b"more");
    sim.settle();
    assert_eq!((sim.stats().bytes_in, sim.stats().deferred), (read, 1));
}

#[test]
fn a_client_may_go_on_when_its_body_is_taken_in() {
    for intake in INTAKES {
        for len in [100, 60_000] {
            let mut sim = Sim::new();
            let (client, id) = deferred(&mut sim, &expecting("/head-later", len));
            sim.take_in(id, intake).unwrap();
            sim.settle();
            assert_eq!(client.statuses(), [100], "{intake:?}");
            client.send(body(len));
            sim.settle();
            assert_eq!((client.statuses(), sim.site.gone.len()), (vec![100, 200], 0));
        }
    }
}

#[test]
fn a_body_that_is_longer_than_the_host_takes_in_gets_413() {
    for request in
        [expecting("/head-later", 2000), post("/head-later", 2000), post_chunks("/head-later", 2000, 900)]
    {
        let mut sim = Sim::new();
        let (client, id) = deferred(&mut sim, &request);
        sim.take_in(id, Intake::AtMost(1999)).unwrap();
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![413], Some(Ending::Fin)));
        assert_gone(&mut sim, crate::deferred::GoneReason::Refused(413));
    }
}

#[test]
fn a_body_that_waits_can_be_left_unread() {
    for (len, closes) in [(100, false), (190_000, true)] {
        let mut sim = Sim::new();
        let request = [post("/head-later", len), handler::get("/next")].concat();
        let (client, _) = deferred(&mut sim, &request);
        sim.answer("no").unwrap();
        sim.settle();
        let responses = client.responses();
        assert_eq!((responses[0].body.as_slice(), responses[0].says_close), (&b"no"[..], closes));
        assert_eq!((responses.len(), sim.site.asked), if closes { (1, 0) } else { (2, 1) });
        assert_eq!((sim.stats().requests, sim.buffers_lent()), (if closes { 1 } else { 2 }, [0; 3]));
    }
}

#[test]
fn a_body_is_taken_in_after_the_request_was_deferred_again() {
    for keeps in [false, true] {
        for target in ["/head-later", "/head-keep"] {
            let mut sim = Sim::new();
            let request = [post(target, 30_000), handler::get("/next")].concat();
            let (client, id) = deferred(&mut sim, &request);
            let again = sim.defer_again(id, keeps).unwrap();
            sim.settle();
            assert_eq!(sim.take_in(id, Intake::Whole), Err(crate::deferred::IdError::Over));
            sim.take_in(again, Intake::Pieces).unwrap();
            sim.settle();
            assert!(client.responses()[0].body == body(30_000), "{target}");
            assert_eq!((client.responses().len(), &sim.site.unread.went_on[..]), (2, &[again][..]));
        }
    }
}

#[test]
fn a_request_that_is_kept_is_shown_until_its_body_is_taken_in() {
    let mut sim = Sim::new();
    let (client, id) = deferred(&mut sim, &post("/head-keep", 30_000));
    let heard = sim.with_request(id).expect("it is kept");
    assert_eq!((heard.target.as_str(), heard.body.len()), ("/head-keep", 0));
    sim.take_in(id, Intake::Discard).unwrap();
    sim.settle();
    assert_eq!(client.responses()[0].body, b"30000");
}

#[test]
fn a_client_is_informed_before_its_body_is_taken_in() {
    for settles in [false, true] {
        let mut sim = Sim::new();
        let (client, id) = deferred(&mut sim, &expecting("/head-later", 100));
        sim.inform(id, true).unwrap();
        if settles {
            sim.settle();
        }
        let again = *sim.site.parked.last().unwrap();
        sim.take_in(again, Intake::Whole).unwrap();
        sim.settle();
        client.send(body(100));
        sim.settle();
        assert_eq!(client.statuses(), [103, 100, 200]);
    }
}

#[test]
fn a_body_that_is_taken_in_waits_for_a_buffer_like_any_other() {
    let mut sim = Sim::with(|config| config.buffers.bodies = 1);
    let other = sim.connect();
    other.send(&post("/count", 190_000)[..100_000]);
    sim.settle();
    let (client, id) = deferred(&mut sim, &post("/head-later", 60_000));
    sim.take_in(id, Intake::Whole).unwrap();
    sim.settle();
    assert_eq!(sim.state(&client), State::AwaitingBuffer);
    other.reset();
    sim.settle();
    assert_eq!(client.responses()[0].body, b"60000");
}

#[test]
fn a_request_that_waits_with_its_body_lends_its_descriptors_when_it_goes_on() {
    for (intake, len) in [(Intake::Whole, 100), (Intake::Discard, 30_000)] {
        let mut sim = Sim::with(|config| config.limits.descriptors = 2);
        sim.world().short_read_drains = false;
        let client = sim.connect();
        let request = post("/head-later", len);
        client.pass(&request[..80], 2);
        client.send(&request[80..]);
        sim.settle();
        let id = sim.site.parked[0];
        assert_eq!((sim.state(&client), sim.world().open_descriptors()), (State::Deferred, 2));
        sim.take_in(id, intake).unwrap();
        sim.settle();
        assert_eq!((client.statuses(), sim.world().open_descriptors()), (vec![200], 0));
        assert_eq!((&sim.site.passed_heads[..], &sim.site.passed[..]), (&[2][..], &[2][..]));
    }
}
