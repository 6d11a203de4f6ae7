//! How a streamed response ends: each id once, and a client can tell a part from the whole.

use std::time::Duration;

use super::harness::handler;
use super::harness::script::Script;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use super::streams::{SECOND, chunked, only, streaming};
use crate::deferred::{GoneReason, IdError};
use crate::state::State;
use crate::stats::Reason;

/// Asserts that the only stream was reported gone for this reason, and nothing is left of it.
pub(super) fn assert_gone(sim: &mut Sim, why: GoneReason) {
    let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
    assert_eq!((told, sim.site.ended.len()), (vec![why], 0));
    let id = sim.site.gone[0].0;
    assert_eq!(sim.resume_of(id), Err(IdError::Over));
    sim.settle();
    assert_eq!(sim.site.gone.len(), 1);
}

/// Asserts that the handler has ended its only stream, and no end is reported.
fn assert_ended(sim: &mut Sim) {
    assert_eq!((sim.site.ended.len(), &sim.site.gone), (1, &vec![]));
    let id = sim.site.ended[0];
    assert_eq!(sim.resume_of(id), Err(IdError::Over));
}

// --- by the host ---

#[test]
fn a_stream_that_ends_is_not_reported() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10a,5e");
    client.fin();
    sim.settle();
    assert_ended(&mut sim);
    sim.assert_empty();
}

#[test]
fn a_stream_that_the_host_aborts_is_reset() {
    for steps in ["0x", "10a,0x", "10l,0x"] {
        let mut sim = Sim::new();
        let client = streaming(&mut sim, steps);
        if sim.site.ended.is_empty() {
            sim.resume().unwrap();
            sim.settle();
        }
        assert_eq!(client.ending(), Some(Ending::Reset), "{steps}");
        assert!(client.responses().iter().all(|response| !response.is_whole), "{steps}");
        assert_eq!(sim.stats().closes(Reason::StreamAborted), 1);
        assert_ended(&mut sim);
        sim.assert_empty();
    }
}

#[test]
fn a_stream_that_the_host_cuts_closes_in_the_way_that_the_host_chooses() {
    for (verb, ending) in [("c", Ending::Fin), ("C", Ending::Fin), ("r", Ending::Reset), ("d", Ending::Fin)] {
        for path in ["/stream/100/10a,5", "/stream/chunked/10a,5", "/stream/100/15", "/stream/chunked/0l,15"]
        {
            let mut sim = Sim::new();
            let client = sim.connect();
            client.get(&format!("{path}{verb}"));
            sim.settle();
            if sim.site.ended.is_empty() {
                sim.resume().unwrap();
                sim.settle();
            }
            assert_ended(&mut sim);
            if verb == "C" {
                assert_eq!(client.ending(), None, "the client closes first");
                client.fin();
                sim.settle();
            }
            let case = format!("{path}{verb}");
            assert_eq!(client.ending(), Some(ending), "{case}");
            let responses = client.responses();
            assert_eq!(responses.len(), 1, "{case}");
            assert!(!responses[0].is_whole && responses[0].body.len() == 15, "{case}: {responses:?}");
            client.fin();
            sim.settle();
            sim.assert_empty();
        }
    }
}

#[test]
fn a_stream_that_is_cut_in_mode_drop_does_not_wait_for_its_client() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/stream/100/10d");
    sim.settle();
    assert_eq!(client.ending(), Some(Ending::Fin));
    assert_eq!((sim.stats().open, sim.stats().closes(Reason::Dropped)), (0, 1));
    let client = sim.connect();
    client.get("/stream/100/10c");
    sim.settle();
    assert_eq!(
        (client.ending(), sim.stats().closing),
        (Some(Ending::Fin), 1),
        "a FIN waits for the client's"
    );
}

#[test]
fn a_length_that_is_not_kept_is_a_reset() {
    for (path, is_ended) in
        [("/stream/10/5a,4e", true), ("/stream/10/5a,6e", true), ("/stream/10/5a,6a,0e", false)]
    {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get(path);
        sim.settle();
        assert_eq!(client.ending(), Some(Ending::Reset), "{path}");
        assert!(client.responses().iter().all(|response| !response.is_whole), "{path}");
        assert_eq!((sim.stats().handler_errors, sim.stats().closes(Reason::StreamAborted)), (1, 1));
        if is_ended {
            assert_ended(&mut sim);
        } else {
            assert_gone(&mut sim, GoneReason::Unsendable);
        }
        sim.assert_empty();
    }
}

#[test]
fn a_first_piece_that_cannot_be_sent_is_a_500() {
    for (path, is_ended) in [
        ("/stream/10/9e", true),
        ("/stream/10/11e", true),
        ("/stream/10/11l,0e", false),
        ("/stream/chunked/0o,0e", false),
    ] {
        for informs in [false, true] {
            let mut sim = Sim::new();
            let client = sim.connect();
            client.send(&[handler::get("/before"), handler::get("/later"), handler::get("/next")].concat());
            sim.settle();
            let id = sim.site.parked.remove(0);
            let script = Script::of(path).expect("a script");
            let now = sim.now();
            let mut responder = sim.engine.call(Some(now)).respond(id).unwrap();
            if informs {
                responder.inform(103, []);
            }
            let (streamed, _) = responder.status(200).stream(script.len);
            sim.site.streams.push((streamed, script));
            sim.settle();
            assert_eq!((client.statuses(), client.ending()), (vec![200, 500], Some(Ending::Fin)), "{path}");
            assert_eq!((sim.stats().handler_errors, sim.stats().errors(500)), (1, 1));
            client.fin();
            sim.settle();
            if is_ended {
                assert_ended(&mut sim);
            } else {
                assert_gone(&mut sim, GoneReason::Unsendable);
            }
            sim.assert_empty();
        }
    }
}

#[test]
fn a_first_piece_that_cannot_be_sent_takes_no_response_before_it() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/before"), handler::get("/stream/10/9e"), handler::get("/next")].concat());
    sim.settle();
    assert_eq!(
        (client.statuses(), client.responses().remove(0).body),
        (vec![200, 500], b"GET /before".to_vec())
    );
}

#[test]
fn a_first_piece_after_a_head_that_is_sent_is_a_reset() {
    let mut resets = 0;
    for len in 540..620 {
        let mut sim = Sim::new();
        let client = sim.connect();
        let before = handler::get(&format!("/{}", "y".repeat(len))).repeat(24);
        client.send(&[before, handler::get("/stream/10/9e")].concat());
        sim.settle();
        // If the batch ends with the head, it leaves before the host is asked for a piece.
        let is_reset = client.ending() == Some(Ending::Reset);
        let last = client.statuses().pop();
        assert_eq!(last, Some(if is_reset { 200 } else { 500 }), "{len}");
        resets += usize::from(is_reset);
    }
    assert!((1..10).contains(&resets), "{resets}");
}

#[test]
fn only_the_end_ends_a_body_whose_length_is_reached() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/stream/10/10a,0l,0e"), handler::get("/next")].concat());
    sim.settle();
    assert_eq!((sim.state(&client), client.responses().len()), (State::Streaming, 1));
    sim.resume().unwrap();
    sim.settle();
    assert_eq!(client.responses().len(), 2);
}

#[test]
fn a_piece_that_is_too_long_is_a_reset() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10a,0o,0e");
    assert_eq!((client.ending(), only(&client).is_whole), (Some(Ending::Reset), false));
    assert_eq!(sim.stats().handler_errors, 1);
    assert_gone(&mut sim, GoneReason::Unsendable);
    sim.assert_empty();
}

#[test]
fn a_panic_ends_only_its_own_stream() {
    let mut sim = Sim::new();
    let other = streaming(&mut sim, "10l,5e");
    let client = streaming(&mut sim, "10a,0p");
    assert_eq!((client.ending(), sim.stats().handler_panics), (Some(Ending::Reset), 1));
    assert_gone(&mut sim, GoneReason::Ended(Reason::HandlerPanic));
    sim.resume().unwrap();
    sim.settle();
    assert!(only(&other).is_whole);
}

// --- because the client wants no body ---

#[test]
fn a_stream_without_a_body_is_over_at_once() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"HEAD /stream/chunked/10e HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream/10/10e HTTP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    let text = String::from_utf8(client.received()).unwrap();
    assert!(text.contains("Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.ends_with("Content-Length: 10\r\n\r\n"), "{text}");
    let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
    assert_eq!((told, sim.site.pieces), (vec![GoneReason::NoBody; 2], 0));
    assert_eq!((sim.state(&client), sim.lent()), (State::Idle, 0));
}

#[test]
fn a_status_without_a_body_ends_a_stream_at_once() {
    for (status, header) in [(204, ""), (304, ""), (205, "\r\nContent-Length: 0")] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get("/later");
        sim.settle();
        let parked = sim.site.parked.remove(0);
        sim.respond(parked, |responder| responder.status(status).stream(None).1).unwrap();
        sim.settle();
        let text = String::from_utf8(client.received()).unwrap();
        assert!(text.ends_with(&format!("GMT{header}\r\n\r\n")), "{text}");
        assert_gone(&mut sim, GoneReason::NoBody);
        assert_eq!(sim.state(&client), State::Idle);
    }
}

#[test]
fn a_stream_with_an_impossible_head_is_a_500_and_reported() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/later");
    sim.settle();
    let parked = sim.site.parked.remove(0);
    sim.respond(parked, |responder| responder.status(99).stream(None).1).unwrap();
    sim.settle();
    assert_eq!(client.statuses(), [500]);
    assert_gone(&mut sim, GoneReason::Unsendable);
}

// --- because of the client, or of time ---

#[test]
fn a_client_that_resets_is_reported() {
    for steps in ["10l,5e", "100000000a,0e"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.stop_reading();
        client.read(1000);
        client.get(&chunked(steps));
        sim.settle();
        client.reset();
        sim.settle();
        assert_gone(&mut sim, GoneReason::Ended(Reason::PeerReset));
        sim.assert_empty();
    }
}

#[test]
fn a_stream_that_the_host_forgets_ends_after_its_timeout() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,5e");
    sim.assert_ends_after(&client, 300 * SECOND);
    assert_eq!((client.ending(), only(&client).is_whole), (Some(Ending::Reset), false));
    assert_eq!(sim.stats().closes(Reason::StreamTimeout), 1);
    assert_gone(&mut sim, GoneReason::Timeout);
    sim.assert_empty();
}

#[test]
fn a_client_that_does_not_take_a_piece_ends_after_the_write_timeout() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get(&chunked("50000l,5e"));
    sim.settle();
    sim.assert_ends_after(&client, 30 * SECOND);
    assert_eq!(client.ending(), Some(Ending::Reset));
    assert_gone(&mut sim, GoneReason::Ended(Reason::WriteTimeout));
}

#[test]
fn a_steady_reader_whose_window_opens_in_large_steps_gets_a_stream_of_any_pieces() {
    const STEP: usize = 64 * 1024;
    for (steps, bytes_per_second) in [("3000a,", 400), ("3000a,", 2000), ("50000a,", 400)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.stop_reading();
        client.read(STEP);
        client.get(&chunked(&format!("{}0e", steps.repeat(700))));
        sim.settle();
        for _ in 0..20 {
            sim.pass(Duration::from_secs((STEP / bytes_per_second) as u64));
            assert!(client.is_served(), "{steps} at {bytes_per_second} bytes a second");
            client.read(STEP);
            sim.settle();
        }
    }
}

#[test]
fn a_stream_that_has_waited_for_the_host_gives_its_reader_no_credit() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "60000l,50000e");
    client.stop_reading();
    sim.resume().unwrap();
    sim.settle();
    sim.assert_ends_after(&client, 30 * SECOND);
    assert_eq!(client.ending(), Some(Ending::Reset));
}
