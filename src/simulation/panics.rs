//! Handlers that panic, and hosts that go on.

use super::drain::drain;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::stats::{Phase, Reason};

#[test]
fn a_handler_panic_loses_only_its_own_connection() {
    // When a connection is driven first, later, after another response, and while it keeps an exchange.
    let starts: [&[u8]; 4] = [b"", b"", &handler::get("/"), b"GET"];
    for (at, start) in starts.into_iter().enumerate() {
        let mut sim = Sim::new();
        let (before, after) = (sim.connect_idle(), sim.connect_idle());
        let client = sim.connect();
        before.get("/");
        client.send(start);
        if at > 0 {
            sim.settle();
            before.get("/");
        }
        let request = handler::get("/panic");
        client.send(request.strip_prefix(if start == b"GET" { &b"GET"[..] } else { b"" }).unwrap());
        after.get("/");
        let new = sim.connect();
        new.get("/");
        sim.settle();
        assert_eq!((client.is_gone(), client.ending()), (true, Some(Ending::Reset)));
        assert_eq!(before.statuses().last(), Some(&200));
        assert_eq!((after.statuses(), new.statuses()), (vec![200], vec![200]));
        let stats = sim.stats();
        assert_eq!((stats.handler_panics, stats.closes(Reason::HandlerPanic)), (1, 1));
        for client in [before, after, new] {
            client.fin();
        }
        sim.settle();
        sim.assert_empty();
    }
}

#[test]
fn an_event_for_a_connection_that_panicked_is_harmless() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    let token = sim.token(&client);
    client.get("/panic");
    sim.turn();
    client.get("/");
    sim.deliver();
    assert!(sim.handle(token, crate::net::Readiness::default()));
    sim.settle();
    assert!(client.is_gone());
    sim.assert_empty();
}

#[test]
fn a_panic_may_be_followed_by_a_drain_or_an_abort() {
    for is_new in [true, false] {
        for aborts in [true, false] {
            let mut sim = Sim::new();
            let client = if is_new { sim.connect() } else { sim.connect_idle() };
            client.get("/panic");
            sim.turn();
            match aborts {
                true => sim.engine.call(None).abort(),
                false => drain(&mut sim),
            }
            sim.settle();
            assert_eq!(sim.stats().closes(Reason::HandlerPanic), 1);
            assert_eq!(sim.engine.phase(), Phase::Closed);
            sim.assert_empty();
        }
    }
}
