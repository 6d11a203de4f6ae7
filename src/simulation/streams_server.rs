//! What the server does to streams: in a drain, at its end, if something is full, and when it closes after them.

use super::harness::handler;
use super::harness::script;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use super::streams::{SECOND, chunked, only, streaming};
use super::streams_end::assert_gone;
use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::stats::Reason;

#[test]
fn a_stream_goes_on_in_a_drain_until_the_grace_is_over() {
    let mut sim = Sim::new();
    let ends = streaming(&mut sim, "10l,5e");
    let stays = streaming(&mut sim, "10l,5e");
    let now = sim.now();
    sim.engine.call(Some(now)).drain(10 * SECOND);
    sim.pass(5 * SECOND);
    sim.resume().unwrap();
    sim.settle();
    assert!(only(&ends).is_whole && ends.ending() == Some(Ending::Fin));
    ends.fin();
    sim.pass(5 * SECOND);
    assert_eq!((stays.ending(), only(&stays).is_whole), (Some(Ending::Reset), false));
    assert_eq!(sim.site.gone.len(), 1);
    assert_eq!(sim.site.gone[0].1, GoneReason::Ended(Reason::Shutdown));
    sim.assert_empty();
}

#[test]
fn an_abort_resets_a_stream_and_reports_it() {
    let mut sim = Sim::new();
    let client = streaming(&mut sim, "10l,5e");
    sim.engine.call(None).abort();
    assert_eq!((client.ending(), sim.site.gone.len()), (Some(Ending::Reset), 0));
    sim.settle();
    assert_gone(&mut sim, GoneReason::Ended(Reason::Shutdown));
    sim.assert_empty();
}

#[test]
fn a_stream_that_waits_for_the_host_makes_way_for_nobody() {
    let mut sim = Sim::with(|config| (config.max_connections, config.exchanges) = (3, 3));
    let clients = [(); 3].map(|()| streaming(&mut sim, "10l,5e"));
    sim.advance(10 * SECOND);
    let newcomer = sim.connect();
    newcomer.get("/");
    sim.pass(SECOND);
    assert_eq!((newcomer.is_served(), sim.stats().closed), (false, 0));
    let ids: Vec<_> = sim.site.streams.iter().map(|stream| stream.0).collect();
    for id in ids {
        sim.resume_of(id).unwrap();
    }
    sim.settle();
    assert!(clients.iter().all(|client| only(client).is_whole));
    sim.pass(2 * SECOND);
    assert_eq!(newcomer.statuses(), [200]);
}

#[test]
fn a_stream_that_takes_the_last_exchange_of_all_streams_is_cut_off() {
    let mut sim = Sim::with(|config| config.exchanges = 2);
    let clients = [(); 3].map(|()| streaming(&mut sim, "10l,5e"));
    assert_eq!(clients.map(|client| client.ending()), [None, None, Some(Ending::Reset)]);
    assert_gone(&mut sim, GoneReason::Ended(Reason::Evicted));
}

#[test]
fn a_stream_gives_a_head_buffer_up_only_by_its_end() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let client = sim.connect();
    client.send(&[handler::get(&chunked("10l,5e")), handler::get("/next")].concat());
    sim.settle();
    assert_eq!(sim.buffers_lent()[0], 1, "the next request waits in a head buffer");
    let other = sim.connect();
    other.send(b"GET /other HT");
    sim.settle();
    assert_eq!((client.ending(), only(&client).is_whole), (Some(Ending::Reset), false));
    assert_gone(&mut sim, GoneReason::Ended(Reason::Evicted));
    other.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!(other.statuses(), [200]);
}

#[test]
fn a_stream_of_many_small_pieces_lingers_although_its_client_asked_for_the_close() {
    for (steps, lingers) in [("500e", false), ("500a,1000a,1000a,1000e", true)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.get_and_close(&chunked(steps));
        sim.settle();
        assert_eq!((only(&client).is_whole, client.is_gone()), (true, !lingers), "{steps}");
    }
}

#[test]
fn no_close_mode_cuts_a_stream_that_is_followed_by_more_requests() {
    for close in [CloseMode::Fin, CloseMode::Peer] {
        let mut sim = Sim::with(|config| config.close = close);
        let client = sim.connect();
        client
            .send(&[handler::get_and_close(&chunked("60000a,60000l,5e")), handler::get("/unread")].concat());
        sim.settle();
        sim.resume().unwrap();
        sim.settle();
        let response = only(&client);
        assert!(response.is_whole && response.body == script::body(120_005), "{close:?}");
        client.fin();
        sim.settle();
        assert_ne!(client.ending(), Some(Ending::Reset), "{close:?}");
        sim.assert_empty();
    }
}
