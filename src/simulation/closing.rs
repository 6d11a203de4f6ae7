//! How connections end: which side closes first, what may be lost, and what it costs.

use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::config::CloseMode;
use crate::stats::Reason;

fn mode(close: CloseMode) -> Sim {
    Sim::with(|config| config.close = close)
}

/// Returns whether a call is a read or a write that moved bytes.
fn is_io(call: Call) -> bool {
    matches!(call, Call::Read(Ok(1..)) | Call::Write(Ok(1..)))
}

#[test]
fn a_client_that_asked_for_the_close_costs_five_system_calls() {
    for request in [handler::get_and_close("/"), b"GET / HTTP/1.0\r\n\r\n".to_vec()] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&request);
        sim.settle();
        let (read, written) = (request.len(), client.received_len());
        let calls =
            [Call::Accept, Call::Read(Ok(read)), Call::Write(Ok(written)), Call::Shutdown, Call::Close];
        assert_eq!(client.calls(), calls);
        assert_eq!(client.ending(), Some(Ending::Fin));
        assert_eq!(sim.stats().closes(Reason::Answered), 1);
    }
}

#[test]
fn the_close_lingers_if_short_reads_prove_nothing() {
    let mut sim = Sim::new();
    sim.world().short_read_drains = false;
    let client = sim.connect();
    client.get_and_close("/");
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    assert!(client.called(Call::Shutdown) && client.is_served());
    client.fin();
    sim.settle();
    sim.assert_empty();
}

#[test]
fn the_close_lingers_if_a_client_sent_more_than_it_promised() {
    // The bytes after the request have been read with it. Or they are still in the kernel, because the request has
    // filled the read.
    let head_len = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 00000\r\n\r\n".len();
    for body_len in [0, 64 * 1024 - head_len] {
        let mut sim = Sim::new();
        let client = sim.connect();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {body_len:05}\r\n\r\n"
        );
        client.send(&[head.as_bytes(), &vec![b'x'; body_len], b"\r\n"].concat());
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
        assert!(client.called(Call::Shutdown) && client.is_served(), "{body_len}");
    }
}

#[test]
fn the_close_lingers_after_a_body_because_a_line_break_may_follow() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
    client.send_later(b"\r\n");
    sim.settle();
    assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
    client.fin();
    sim.settle();
    assert_eq!((client.is_gone(), client.ending()), (true, Some(Ending::Fin)));
}

#[test]
fn our_fin_leaves_in_one_segment_with_the_last_bytes() {
    // With and without lingering, copied, and in several pieces.
    for ask in [handler::get_and_close("/"), handler::get("/close"), handler::get_and_close("/large")] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&ask);
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
        assert!(client.got_fin_with_bytes());
    }
}

#[test]
fn bytes_that_no_fin_of_ours_follows_are_not_held_back() {
    for close in [CloseMode::Peer, CloseMode::Rst] {
        let mut sim = mode(close);
        let client = sim.connect();
        client.get_and_close("/");
        sim.settle();
        assert_eq!(client.statuses(), [200], "a reset would have discarded the response");
        client.fin();
        sim.settle();
        assert!(client.is_gone() && !client.got_fin_with_bytes(), "{close:?}");
    }
}

#[test]
fn a_client_that_sends_more_after_asking_for_the_close_loses_no_byte() {
    for request in [handler::get_and_close("/"), b"GET / HTTP/1.0\r\n\r\n".to_vec()] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&request);
        client.send_later(b"between our read and our close");
        sim.settle();
        assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
        assert!(client.got_fin_with_bytes());
        sim.assert_empty();
    }
}

/// All the ways in which a response can be a connection's last, with its status.
const LAST_ANSWERS: [(&str, u16); 10] = [
    ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
    ("GET / HTTP/1.0\r\n\r\n", 200),
    ("HEAD / HTTP/1.0\r\n\r\n", 200),
    ("GET /large HTTP/1.0\r\n\r\n", 200),
    ("GET /close HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    ("GET /own-close HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    ("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody", 200),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nbegin", 413),
    ("nonsense\r\n\r\n", 400),
    ("GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
];

#[test]
fn no_response_is_lost_whatever_arrives_between_our_read_and_our_close() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        for (request, status) in LAST_ANSWERS {
            for more in [b"\r\n".to_vec(), vec![b'x'; 64 * 1024]] {
                let mut sim = mode(close);
                let client = sim.connect();
                client.send(request.as_bytes());
                client.send_later(&more);
                sim.settle();
                if !sim.site.parked.is_empty() {
                    sim.answer("late").unwrap();
                    sim.settle();
                }
                assert_eq!(client.statuses(), [status], "{close:?} {request}");
                let is_whole = client.responses()[0].is_whole || request.starts_with("HEAD");
                assert!(is_whole, "{close:?} {request}");
                client.close();
                sim.settle();
                assert_eq!(client.ending(), Some(Ending::Fin), "{close:?} {request}");
                sim.assert_empty();
            }
        }
    }
}

#[test]
fn each_close_without_a_reset_sends_a_fin_first() {
    let mut sim = Sim::with(|config| config.max_connections = 3);
    let (idle, evicted, left) = (sim.connect_idle(), sim.connect(), sim.connect());
    for client in [&evicted, &left] {
        client.get("/");
        sim.settle();
    }
    left.close();
    sim.settle();
    sim.pass(std::time::Duration::from_secs(75));
    for client in [idle, evicted, left] {
        let calls = client.calls();
        assert_eq!(calls[calls.len() - 2..], [Call::Shutdown, Call::Close]);
    }
}

#[test]
fn a_request_on_a_connection_kept_alive_costs_two_system_calls() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/");
    sim.settle();
    let before = client.calls().len();
    for _ in 0..10 {
        client.get("/");
        sim.settle();
    }
    assert_eq!(client.calls().len() - before, 20, "{:?}", client.calls());
}

#[test]
fn the_server_waits_for_a_client_that_did_not_ask_for_the_close() {
    let mut sim = Sim::with(|config| config.keep_alive = false);
    let client = sim.connect();
    client.get("/");
    sim.settle();
    assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
    assert!(client.responses()[0].says_close);
    assert!(client.called(Call::Shutdown) && client.is_served());
    client.send(b"late bytes that it could not know to be in vain");
    sim.settle();
    assert!(client.is_served());
    client.fin();
    sim.settle();
    assert!(client.is_gone());
    assert_eq!(client.ending(), Some(Ending::Fin));
    assert_eq!(sim.stats().closed_by_client_first, 0);
    sim.assert_empty();
}

#[test]
fn unread_input_at_the_close_is_read_before_the_socket_closes() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get_and_close("/"), vec![b'x'; 300_000]].concat());
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    assert!(client.called(Call::Shutdown));
    client.fin();
    sim.settle();
    assert_eq!((client.is_gone(), client.ending()), (true, Some(Ending::Fin)));
}

#[test]
fn a_request_after_the_last_is_never_answered() {
    for close in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop] {
        let mut sim = mode(close);
        let client = sim.connect();
        client.send(&[handler::get_and_close("/a"), handler::get("/b")].concat());
        client.send_later(&handler::get("/c"));
        sim.settle();
        client.get("/d");
        client.fin();
        sim.settle();
        assert_eq!(sim.stats().requests, 1, "{close:?}");
        sim.assert_empty();
    }
}

#[test]
fn the_close_lingers_after_a_large_response_to_a_close_request() {
    for target in ["/large", "/copied"] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get_and_close(target);
        sim.settle();
        assert!(client.called(Call::Shutdown) && client.is_served(), "{target}");
        client.fin();
        sim.settle();
        assert!(client.is_gone());
    }
}

#[test]
fn the_close_lingers_after_a_response_that_left_in_pieces() {
    let mut sim = Sim::new();
    sim.world().write_limit = 100;
    let client = sim.connect();
    client.get_and_close("/");
    sim.settle();
    assert!(client.called(Call::Shutdown) && client.is_served());
}

#[test]
fn the_close_lingers_after_an_error_so_that_it_is_read() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    sim.settle();
    assert_eq!(client.statuses(), [400]);
    assert!(client.called(Call::Shutdown) && client.is_served());
    client.send(&[b'x'; 100_000]);
    client.fin();
    sim.settle();
    assert_eq!((client.is_gone(), client.ending()), (true, Some(Ending::Fin)));
}

#[test]
fn in_mode_peer_the_server_sends_no_fin_before_the_client_does() {
    for together in [false, true] {
        let mut sim = mode(CloseMode::Peer);
        let client = sim.connect();
        client.get_and_close("/");
        if !together {
            sim.settle();
            assert_eq!((client.statuses(), client.ending()), (vec![200], None));
        }
        client.fin();
        sim.settle();
        assert_eq!(client.statuses(), [200]);
        assert_eq!((client.is_gone(), client.ending()), (true, Some(Ending::Fin)));
        let calls = client.calls();
        assert_eq!(calls[calls.len() - 3..], [Call::Read(Ok(0)), Call::Shutdown, Call::Close]);
        assert_eq!(sim.stats().closed_by_client_first, 1);
    }
}

#[test]
fn in_mode_peer_later_input_is_read_and_discarded() {
    let mut sim = mode(CloseMode::Peer);
    let client = sim.connect();
    client.get_and_close("/");
    sim.settle();
    client.get("/in-vain");
    sim.settle();
    client.fin();
    sim.settle();
    assert_eq!((client.statuses(), client.ending()), (vec![200], Some(Ending::Fin)));
    assert_eq!(sim.site.asked, 1);
}

#[test]
fn in_mode_rst_the_reset_comes_after_the_last_byte() {
    let mut sim = mode(CloseMode::Rst);
    let client = sim.connect();
    client.stop_reading();
    client.get_and_close("/large");
    sim.settle();
    client.read(100_000);
    sim.settle();
    assert!(client.is_served() && !client.called(Call::ResetOnClose));
    client.read(usize::MAX);
    sim.settle();
    assert_eq!(client.responses()[0].body, handler::LARGE);
    assert_eq!(client.ending(), Some(Ending::Reset));
    let calls = client.calls();
    let last_io = calls.iter().rposition(|&call| is_io(call)).unwrap();
    assert_eq!(calls[last_io + 1..], [Call::ResetOnClose, Call::Close]);
}

#[test]
fn in_mode_drop_no_byte_is_written_and_no_handler_is_called() {
    let mut sim = mode(CloseMode::Drop);
    let client = sim.connect();
    client.send(b"GET / HTTP/1.1\r\n");
    sim.settle();
    assert!(client.is_served(), "the request is not whole");
    client.send(b"Host: x\r\n\r\n");
    let bad = sim.connect();
    bad.send(b"nonsense\r\n\r\n");
    sim.settle();
    for client in [client, bad] {
        assert!(client.is_gone());
        assert_eq!(client.count(|call| matches!(call, Call::Write(_))), 0);
    }
    assert_eq!(sim.stats().closes(Reason::Dropped), 2);
    assert_eq!(sim.site.asked, 0);
}

#[test]
fn the_close_lingers_after_a_small_response_that_follows_a_large_one() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/large"), handler::get_and_close("/b")].concat());
    sim.settle();
    assert!(client.called(Call::Shutdown));
}

#[test]
fn in_mode_drop_no_100_continue_is_sent() {
    let mut sim = Sim::with(|config| config.close = CloseMode::Drop);
    let client = sim.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    sim.settle();
    assert_eq!(client.received_len(), 0);
}
