//! Answers that come later: who waits for them, who does not, and who is told.

use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::kernel::{Call, Ending};
use super::sim::Sim;
use super::site;
use crate::body::Body;
use crate::config::CloseMode;
use crate::connection::State;
use crate::deferred::{Gone, GoneReason};
use crate::net::Readiness;
use crate::stats::{Phase, Reason};

const DEFERRED: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// A client whose request is deferred.
fn waiting(sim: &mut Sim) -> Client {
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);
    client
}

fn bodies(client: &Client) -> Vec<String> {
    let text = |body: &Vec<u8>| String::from_utf8_lossy(body).into_owned();
    client.responses().iter().map(|response| text(&response.body)).collect()
}

// --- the answer ---

#[test]
fn an_answer_that_comes_later_is_sent_by_the_next_turn_without_an_event() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    assert_eq!((sim.stats().deferred, client.received_len()), (1, 0));
    sim.pass(SECOND);
    sim.answer("late").unwrap();
    assert_eq!(sim.timeout(), Some(Duration::ZERO));
    sim.process();
    assert_eq!(bodies(&client), ["late"]);
    assert_eq!((sim.state(&client), sim.stats().deferred), (State::Idle, 0));
    client.get("/next");
    sim.settle();
    assert_eq!(bodies(&client), ["late", "GET /next"]);
}

#[test]
fn an_answer_is_dated_when_it_is_given() {
    let mut sim = Sim::with(|config| {
        config.wall_clock = || {
            use std::sync::atomic::{AtomicU64, Ordering};
            static READS: AtomicU64 = AtomicU64::new(0);
            let read = READS.fetch_add(1, Ordering::Relaxed);
            std::time::UNIX_EPOCH + Duration::from_secs(784_111_777 + 7 * read)
        };
    });
    let client = waiting(&mut sim);
    sim.advance(7 * SECOND);
    sim.answer("late").unwrap();
    sim.settle();
    let received = String::from_utf8(client.received()).unwrap();
    assert!(received.contains("Date: Sun, 06 Nov 1994 08:49:44 GMT\r\n"), "{received}");
}

#[test]
fn the_requests_behind_a_deferred_one_wait_and_are_answered_in_order() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[site::get("/a"), site::get("/later"), site::get("/b"), site::get("/later")].concat());
    sim.settle();
    client.get("/c");
    sim.settle();
    assert_eq!((bodies(&client), sim.site.asked), (vec!["GET /a".into()], 2));
    sim.answer("one").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "one", "GET /b"]);
    sim.answer("two").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "one", "GET /b", "two", "GET /c"]);
}

#[test]
fn answers_need_not_come_in_the_order_of_the_requests() {
    let mut sim = Sim::new();
    let clients = [waiting(&mut sim), waiting(&mut sim), waiting(&mut sim)];
    sim.site.parked.reverse();
    for text in ["third", "second", "first"] {
        sim.answer(text).unwrap();
    }
    sim.settle();
    assert_eq!(clients.map(|client| bodies(&client)), [["first"], ["second"], ["third"]]);
}

#[test]
fn an_answer_may_come_while_the_one_in_front_of_it_is_still_being_sent() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(10_000);
    client.send(&[site::get("/copied"), site::get("/later"), site::get("/b")].concat());
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.parked.len()), (State::Sending, 0), "one batch at a time");
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);

    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[site::get("/a"), site::get("/later"), site::get("/b")].concat());
    sim.settle();
    assert_eq!(sim.state(&client), State::Sending);
    sim.site.parked.remove(0);
    sim.answer("late").unwrap();
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(bodies(&client), ["GET /a", "late", "GET /b"]);
}

#[test]
fn a_deferred_answer_may_be_a_large_body_and_the_last() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.head(200).close_after().body(&site::LARGE[..])).unwrap();
    sim.settle();
    assert_eq!(client.responses()[0].body, site::LARGE);
    assert!(client.responses()[0].says_close && client.ending() == Some(Ending::Fin));
}

#[test]
fn a_deferred_answer_to_head_has_no_body_and_one_to_http_1_0_says_what_it_keeps() {
    let mut sim = Sim::new();
    let (head, old) = (sim.connect(), sim.connect());
    head.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");
    old.send(b"GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    sim.settle();
    sim.answer("12345").unwrap();
    sim.answer("12345").unwrap();
    sim.settle();
    let text = |client: &Client| String::from_utf8(client.received()).unwrap();
    assert!(text(&head).ends_with("Content-Length: 5\r\n\r\n"), "{}", text(&head));
    assert!(text(&old).ends_with("Connection: keep-alive\r\n\r\n12345"), "{}", text(&old));
}

#[test]
fn the_client_that_asked_for_the_close_gets_it_behind_the_deferred_answer() {
    for (mode, lingers) in [(CloseMode::Fin, false), (CloseMode::Peer, true), (CloseMode::Rst, false)] {
        let mut sim = Sim::with(|config| config.close = mode);
        let client = sim.connect();
        client.get_and_close("/later");
        sim.settle();
        sim.answer("the last").unwrap();
        sim.settle();
        assert_eq!(bodies(&client), ["the last"], "{mode:?}");
        assert_eq!(client.is_served(), lingers, "{mode:?}");
    }
}

#[test]
fn a_responder_that_is_dropped_is_a_500_and_a_count() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let (id, now) = (sim.site.parked[0], sim.now());
    drop(sim.core.respond(id, now));
    sim.settle();
    assert_eq!((client.statuses(), sim.stats().handler_errors), (vec![500], 1));
    assert!(client.responses()[0].says_close);
    let next = waiting(&mut sim);
    let (id, now) = (sim.site.parked[1], sim.now());
    sim.core.respond(id, now).map(|responder| drop(responder.head(200))).unwrap();
    sim.settle();
    assert_eq!((next.statuses(), sim.stats().handler_errors), (vec![500], 2));
}

#[test]
fn a_deferred_answer_may_close_without_a_byte() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.close()).unwrap();
    sim.settle();
    assert_eq!((client.received_len(), client.ending()), (0, Some(Ending::Fin)));
    assert_eq!((sim.stats().closes(Reason::Dropped), sim.site.gone.len()), (1, 0));
    sim.assert_empty();
}

#[test]
fn what_was_deferred_can_be_deferred_again_under_a_new_name() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let first = sim.site.parked[0];
    let now = sim.now();
    let (second, _) = sim.core.respond(first, now).unwrap().defer();
    assert_ne!(first, second);
    sim.pass(SECOND);
    assert_eq!(sim.timeout(), Some(DEFERRED - SECOND), "its deadline stays");
    assert_eq!(sim.respond(first, |responder| responder.head(204).empty()), Err(Gone::Over));
    sim.respond(second, |responder| responder.send(200, "text/plain", b"at last")).unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["at last"]);
}

// --- the body ---

/// A client that has got this answer, later.
fn answered(sim: &mut Sim, body: impl Into<Body>) -> Client {
    let client = waiting(sim);
    let id = sim.site.parked.pop().unwrap();
    let body = body.into();
    sim.respond(id, |responder| responder.head(200).body(body)).unwrap();
    client
}

#[test]
fn a_body_that_is_not_copied_has_no_limit_however_small_the_room_for_copies() {
    let mut sim = Sim::with(|config| config.limits.out_bytes = 512);
    for len in [1000, 2000, 4096, 4097, 100_000] {
        let client = answered(&mut sim, &site::LARGE[..len]);
        sim.settle();
        assert_eq!(client.responses()[0].body, site::LARGE[..len], "{len}");
    }
}

#[test]
fn a_body_of_a_small_page_costs_the_turn_what_its_writes_take() {
    let mut sim = Sim::new();
    let client = answered(&mut sim, Body::Repeat { page: Arc::from(*b"x"), len: 10 << 20 });
    sim.process();
    let writes = client.count(|call| matches!(call, Call::Write(_)));
    assert!((100..300).contains(&writes), "{writes} writes in one visit");
}

#[test]
fn a_repeated_body_may_be_as_long_as_its_length_can_say() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    client.stop_reading();
    client.read(100_000);
    let id = sim.site.parked[0];
    let body = Body::Repeat { page: Arc::from(*site::PAGE), len: u64::MAX };
    sim.respond(id, |responder| responder.head(200).body(body)).unwrap();
    sim.settle();
    let received = client.received();
    assert_eq!(received.len(), 100_000);
    assert!(String::from_utf8_lossy(&received).contains("Content-Length: 18446744073709551615\r\n"));
}

#[test]
fn a_share_in_a_body_is_given_up_when_its_client_has_gone() {
    let mut sim = Sim::new();
    let shared: Arc<[u8]> = Arc::from(vec![b'x'; 100_000]);
    let clients: Vec<Client> = (0..3)
        .map(|_| {
            let client = waiting(&mut sim);
            client.stop_reading();
            let (id, body) = (sim.site.parked.pop().unwrap(), shared.clone());
            sim.respond(id, |responder| responder.head(200).body(body)).unwrap();
            sim.settle();
            client
        })
        .collect();
    assert_eq!(Arc::strong_count(&shared), 4);
    clients.iter().for_each(Client::reset);
    sim.settle();
    assert_eq!(Arc::strong_count(&shared), 1);
}

#[test]
fn a_205_has_no_content_and_says_so() {
    let mut sim = Sim::new();
    for written in [false, true] {
        let client = waiting(&mut sim);
        let id = sim.site.parked.pop().unwrap();
        sim.respond(id, |responder| match written {
            false => responder.send(205, "text/plain", b"left out"),
            true => {
                responder.body_with(205, "text/plain", |body| std::io::Write::write_all(body, b"left out"))
            }
        })
        .unwrap();
        sim.settle();
        assert_eq!((client.statuses(), bodies(&client)), (vec![205], vec![String::new()]));
        assert!(client.received().ends_with(b"\r\n\r\n"));
    }
}

// --- the names ---

#[test]
fn a_request_is_answered_once() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.answer("once").unwrap();
    assert_eq!(sim.respond(id, |responder| responder.send(200, "text/plain", b"twice")), Err(Gone::Over));
    sim.settle();
    assert_eq!(sim.respond(id, |responder| responder.send(200, "text/plain", b"thrice")), Err(Gone::Over));
    sim.settle();
    assert_eq!(bodies(&client), ["once"]);
}

#[test]
fn a_name_never_means_the_next_request_of_its_connection_or_its_slot() {
    let mut sim = Sim::with(|config| config.max_connections = 1);
    let client = waiting(&mut sim);
    let old = sim.site.parked[0];
    sim.answer("first").unwrap();
    client.get("/later");
    sim.settle();
    assert_eq!(sim.respond(old, |responder| responder.head(204).empty()), Err(Gone::Over));
    client.reset();
    sim.settle();
    let other = waiting(&mut sim);
    assert_eq!(sim.respond(old, |responder| responder.head(204).empty()), Err(Gone::Over));
    assert_eq!(other.received_len(), 0);
}

#[test]
fn a_name_is_of_no_use_to_another_server() {
    let (mut here, mut there) = (Sim::new(), Sim::new());
    let (_client, other) = (waiting(&mut here), waiting(&mut there));
    let id = here.site.parked[0];
    let answer = there.respond(id, |responder| responder.send(200, "text/plain", b"wrong"));
    assert_eq!(answer, Err(Gone::WrongServer));
    there.settle();
    assert_eq!(other.received_len(), 0);
}

// --- the end of the wait ---

#[test]
fn an_answer_that_does_not_come_in_time_is_a_503_and_the_handler_is_told() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    sim.assert_ends_after(&client, DEFERRED);
    assert_eq!((client.statuses(), sim.stats().errors(503)), (vec![503], 1));
    assert!(client.responses()[0].says_close);
    assert_eq!(sim.site.gone, [(id, GoneReason::Timeout)]);
    assert_eq!(sim.respond(id, |responder| responder.head(204).empty()), Err(Gone::Over));
    client.fin();
    sim.settle();
    assert_eq!(sim.site.gone.len(), 1);
    sim.assert_empty();
}

#[test]
fn the_503_to_head_has_no_body_and_nothing_behind_it_is_answered() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"HEAD /later HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    sim.pass(DEFERRED);
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.starts_with("HTTP/1.1 503 ") && text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!((text.matches("HTTP/1.1").count(), sim.site.asked), (1, 1));
}

#[test]
fn an_answer_given_at_the_last_moment_is_in_time() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    sim.advance(DEFERRED);
    sim.answer("just in time").unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["just in time".into()], 0));
}

#[test]
fn a_client_that_closes_its_half_is_still_answered() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    client.fin();
    sim.settle();
    assert_eq!(sim.state(&client), State::Deferred);
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!((bodies(&client), sim.site.gone.len()), (vec!["late".into()], 0));
    assert_eq!(sim.stats().closes(Reason::PeerClosed), 1);
    sim.assert_empty();
}

#[test]
fn a_reset_while_waiting_is_noticed_without_reading_and_told_once() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let id = sim.site.parked[0];
    client.get("/behind");
    sim.settle();
    client.reset();
    sim.settle();
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::PeerReset))]);
    assert_eq!(client.count(|call| matches!(call, Call::Read(Ok(_)))), 1, "nothing was read meanwhile");
    assert_eq!(sim.respond(id, |responder| responder.head(204).empty()), Err(Gone::Over));
    sim.assert_empty();
}

#[test]
fn an_error_that_is_only_a_hint_ends_nothing() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let token = sim.token(&client);
    sim.handle(token, Readiness { error: true, read_closed: true, ..Readiness::default() });
    sim.settle();
    assert_eq!((sim.state(&client), client.called(Call::TakeError)), (State::Deferred, true));
}

#[test]
fn of_a_client_that_is_reset_before_its_answer_is_tried_nobody_hears_twice() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    sim.answer("too late").unwrap();
    client.reset();
    sim.settle();
    assert_eq!((sim.site.gone.len(), sim.stats().closes(Reason::PeerReset)), (0, 1), "it was answered");
    sim.assert_empty();
}

#[test]
fn a_request_behind_a_response_that_nobody_takes_is_gone_with_it() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.read(10);
    client.send(&[site::get("/a"), site::get("/later")].concat());
    sim.settle();
    let id = sim.site.parked[0];
    sim.pass(Duration::from_secs(30));
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::WriteTimeout))]);
    sim.assert_empty();
}

#[test]
fn a_request_whose_connection_cannot_be_watched_is_gone() {
    let mut sim = Sim::new();
    sim.world().watch_faults.push_back(std::io::ErrorKind::StorageFull);
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Unpollable))]);
    sim.assert_empty();
}

#[test]
fn a_handler_that_panics_behind_a_name_that_it_took_is_told_that_it_is_gone() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later-panic");
    sim.settle();
    assert!(client.is_gone());
    let id = sim.site.parked[0];
    assert_eq!(sim.site.gone, [(id, GoneReason::Ended(Reason::HandlerPanic))]);
    assert_eq!(sim.respond(id, |responder| responder.head(204).empty()), Err(Gone::Over));
    sim.assert_empty();
}

#[test]
fn a_name_that_a_panic_left_behind_is_not_taken_for_that_of_the_next_answer() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let victim = sim.connect();
    victim.get("/later-panic");
    sim.turn();
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["late"]);
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::HandlerPanic))]);
}

// --- room ---

#[test]
fn those_who_wait_for_an_answer_give_way_to_nobody() {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let (waiter, slow) = (waiting(&mut sim), sim.connect());
    slow.send(b"GET / HT");
    sim.settle();
    let other = sim.connect();
    other.send(b"GET / HT");
    sim.settle();
    assert_eq!((slow.statuses(), other.statuses(), sim.state(&waiter)), (vec![408], vec![], State::Deferred));
    sim.answer("late").unwrap();
    sim.settle();
    assert_eq!(bodies(&waiter), ["late"]);
}

#[test]
fn where_all_exchanges_wait_for_answers_the_next_to_wait_gets_a_503() {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let waiters = [waiting(&mut sim), waiting(&mut sim)];
    let third = sim.connect();
    third.get("/later");
    sim.settle();
    assert_eq!(third.statuses(), [503]);
    assert_eq!(sim.site.gone, [(sim.site.parked[2], GoneReason::NoRoom)]);
    let whole = sim.connect();
    whole.get("/");
    sim.settle();
    assert_eq!(whole.statuses(), [200], "a request that is answered at once needs no room");
    sim.answer("one").unwrap();
    sim.answer("two").unwrap();
    sim.settle();
    assert_eq!(waiters.map(|client| bodies(&client)), [["one"], ["two"]]);
}

#[test]
fn where_all_exchanges_wait_for_answers_a_slow_head_is_refused() {
    let mut sim = Sim::with(|config| config.exchanges = 1);
    let _waiter = waiting(&mut sim);
    let slow = sim.connect();
    slow.send(b"GET / HT");
    sim.settle();
    assert_eq!((slow.statuses(), sim.stats().deferred), (vec![408], 1));
}

// --- the server's own end ---

#[test]
fn what_waits_when_a_drain_begins_may_still_be_answered_and_is_the_last() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let now = sim.now();
    sim.core.drain(now, 3 * SECOND);
    sim.settle();
    assert_eq!((sim.core.phase(), sim.timeout()), (Phase::Draining, Some(3 * SECOND)));
    sim.answer("the last").unwrap();
    sim.settle();
    assert_eq!(bodies(&client), ["the last"]);
    assert!(client.responses()[0].says_close);
    client.fin();
    sim.settle();
    assert_eq!((sim.core.phase(), sim.site.gone.len()), (Phase::Closed, 0));
}

#[test]
fn what_waits_when_the_grace_ends_is_gone() {
    let mut sim = Sim::new();
    let client = waiting(&mut sim);
    let now = sim.now();
    sim.core.drain(now, 3 * SECOND);
    sim.pass(3 * SECOND);
    assert_eq!(client.ending(), Some(Ending::Reset));
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Shutdown))]);
    assert_eq!((sim.core.phase(), sim.timeout()), (Phase::Closed, None));
}

#[test]
fn an_abort_is_told_of_by_the_next_turn() {
    let mut sim = Sim::new();
    let _clients = [waiting(&mut sim), waiting(&mut sim)];
    sim.answer("written, but never sent").unwrap();
    sim.core.abort();
    assert_eq!((sim.core.phase(), sim.timeout()), (Phase::Draining, Some(Duration::ZERO)));
    sim.turn();
    assert_eq!(sim.site.gone, [(sim.site.parked[0], GoneReason::Ended(Reason::Shutdown))]);
    assert_eq!((sim.core.phase(), sim.timeout()), (Phase::Closed, None));
    sim.assert_empty();
}

#[test]
fn closed_means_that_the_handler_knows_all() {
    let mut sim = Sim::new();
    let _client = waiting(&mut sim);
    sim.core.abort();
    let now = sim.now();
    sim.core.drain(now, SECOND);
    assert_eq!(sim.core.phase(), Phase::Draining);
    sim.turn();
    assert_eq!((sim.core.phase(), sim.site.gone.len()), (Phase::Closed, 1));
}
