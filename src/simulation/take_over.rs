//! Connections that the host takes over, behind a 101 or a 2xx to CONNECT.

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::{Call, Ending};
use crate::deferred::GoneReason;
use crate::net::Stream;
use crate::state::State;
use crate::stats::Reason;

/// Asserts that the host has taken exactly this client, with these bytes.
fn assert_taken(sim: &Sim, client: &Client, read_ahead: &[u8]) {
    let taken: Vec<_> = sim.site.taken.iter().map(|(_, stream, bytes)| (stream.id, &bytes[..])).collect();
    assert_eq!(taken, [(client.id, read_ahead)]);
    assert_eq!((sim.stats().closes(Reason::TakenOver), sim.stats().open, sim.lent()), (1, 0, 0));
    assert!(sim.site.gone.is_empty() && client.ending().is_none());
}

fn text(client: &Client) -> String {
    String::from_utf8(client.received()).unwrap()
}

#[test]
fn a_101_hands_the_connection_over_with_what_was_read_ahead() {
    for ahead in [&b""[..], b"hello", &[7; 15_000]] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&[&handler::get("/upgrade"), ahead].concat());
        sim.settle();
        let head = text(&client);
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\nDate: "), "{head}");
        assert!(head.ends_with("GMT\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"), "{head}");
        assert_taken(&sim, &client, ahead);
    }
}

#[test]
fn the_host_reads_and_writes_on_a_connection_that_it_has_taken() {
    let mut sim = Sim::new();
    let client = sim.connect_idle();
    client.get("/upgrade");
    sim.settle();
    client.send(b"ping");
    let (_, stream, _) = &mut sim.site.taken[0];
    let mut bytes = [0; 10];
    assert_eq!((stream.receive(&mut bytes).unwrap(), &bytes[..4]), (4, &b"ping"[..]));
    stream.write(b"pong", crate::net::Flush::Now).unwrap();
    assert!(text(&client).ends_with("\r\n\r\npong"));
    sim.site.taken.clear();
    assert_eq!(client.ending(), Some(Ending::Fin));
}

#[test]
fn requests_before_an_upgrade_are_answered_first() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(
        &[handler::get("/large"), handler::get("/a"), handler::get("/upgrade"), b"ahead".to_vec()].concat(),
    );
    sim.settle();
    let statuses = client.statuses();
    assert_eq!(statuses, [200, 200, 101]);
    assert_taken(&sim, &client, b"ahead");
}

#[test]
fn the_connection_is_handed_over_when_all_is_sent() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/upgrade");
    sim.settle();
    assert_eq!((sim.state(&client), sim.site.taken.len()), (State::Sending, 0));
    client.read(usize::MAX);
    sim.settle();
    assert_taken(&sim, &client, b"");
    assert_eq!(client.count(|call| matches!(call, Call::Write(_))), 2, "no byte is sent twice");
}

#[test]
fn a_connection_that_was_never_watched_is_handed_over_as_well() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.get("/upgrade");
    sim.turn();
    assert_taken(&sim, &client, b"");
    let idle = sim.connect_idle();
    idle.get("/upgrade");
    sim.settle();
    assert_eq!(sim.site.taken.len(), 2);
    assert!(!sim.site.taken[1].1.is_watched());
}

#[test]
fn what_is_read_ahead_is_what_the_client_has_sent_after_its_request() {
    let mut sim = Sim::new();
    let client = sim.connect();
    let request = handler::get("/upgrade");
    client.send(&request[..10]);
    sim.settle();
    client.send(&[&request[10..], b"ahead"].concat());
    sim.settle();
    assert_taken(&sim, &client, b"ahead");
}

#[test]
fn a_request_hands_the_connection_over_only_if_its_body_has_been_read() {
    for (arrived, status) in [(3, 500), (10, 101)] {
        let mut sim = Sim::new();
        let client = sim.connect();
        let head = b"POST /head-later HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
        client.send(&[head, &b"0123456789"[..arrived]].concat());
        sim.settle();
        let id = sim.site.parked.remove(0);
        let mut upgrade = None;
        sim.respond(id, |responder| {
            let (id, reply) = responder.status(101).take_over();
            upgrade = Some(id);
            reply
        })
        .unwrap();
        sim.site.upgrades.extend(upgrade);
        client.send(&[&b"0123456789"[arrived..], b"ahead"].concat());
        sim.settle();
        assert_eq!(client.statuses(), [status], "{arrived} bytes");
        assert_eq!((sim.site.taken.len(), sim.site.gone.len()), if status == 101 { (1, 0) } else { (0, 1) });
    }
}

#[test]
fn a_slot_that_was_handed_over_serves_the_next_client() {
    let mut sim = Sim::with(|config| config.max_connections = 1);
    for _ in 0..3 {
        let client = sim.connect();
        client.get("/upgrade");
        sim.settle();
    }
    assert_eq!((sim.site.taken.len(), sim.stats().accepted), (3, 3));
}

#[test]
fn a_deferred_request_can_be_answered_with_an_upgrade() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&[handler::get("/later"), b"ahead".to_vec()].concat());
    sim.settle();
    let parked = sim.site.parked.remove(0);
    let now = sim.now();
    let (id, _) = sim.engine.call(Some(now)).respond(parked).unwrap().status(101).take_over();
    sim.site.upgrades.push(id);
    sim.settle();
    assert_taken(&sim, &client, b"ahead");
}

#[test]
fn connect_hands_the_connection_over_if_the_settings_allow_it() {
    let mut sim = Sim::with(|config| config.limits.connect = true);
    let client = sim.connect();
    client.send(b"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\nahead");
    sim.settle();
    let id = sim.site.parked.pop();
    assert_eq!((id, client.statuses()), (None, vec![500]), "a usual 200 would begin a tunnel");

    let client = sim.connect();
    client.send(b"CONNECT tunnel:1 HTTP/1.1\r\nHost: tunnel:1\r\n\r\nahead");
    sim.settle();
    assert!(text(&client).starts_with("HTTP/1.1 200 OK\r\n") && text(&client).ends_with("GMT\r\n\r\n"));
    assert_eq!(sim.site.taken[0].2, b"ahead");
}

#[test]
fn connect_needs_a_host_and_a_port() {
    for (target, status) in
        [("tunnel:1", 200), ("[::1]:443", 500), ("tunnel", 400), (":1", 400), ("/path", 400), ("a:b", 400)]
    {
        let mut sim = Sim::with(|config| config.limits.connect = true);
        let client = sim.connect();
        client.send(format!("CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        sim.settle();
        let head = text(&client);
        assert_eq!(head[9..12], status.to_string(), "{target}");
    }
}

#[test]
fn only_a_101_or_a_tunnel_hands_a_connection_over() {
    for request in [
        handler::get("/101"),
        handler::get("/upgrade-200"),
        b"GET /upgrade HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".to_vec(),
    ] {
        let mut sim = Sim::new();
        let client = sim.connect();
        client.send(&request);
        sim.settle();
        assert_eq!((client.statuses(), sim.site.taken.len()), (vec![500], 0));
        let told: Vec<_> = sim.site.gone.iter().map(|gone| gone.1).collect();
        assert!(told.iter().all(|&why| why == GoneReason::Unsendable));
        assert_eq!(sim.stats().handler_errors, 1);
    }
}

#[test]
fn a_client_that_leaves_before_the_handover_is_reported() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.stop_reading();
    client.get("/upgrade");
    sim.settle();
    client.reset();
    sim.settle();
    assert_eq!((sim.site.taken.len(), sim.site.gone.len()), (0, 1));
    assert_eq!(sim.site.gone[0].1, GoneReason::Ended(Reason::PeerReset));
    sim.assert_empty();
}

#[test]
fn a_panic_of_the_host_that_takes_a_connection_closes_only_that() {
    let mut sim = Sim::new();
    let other = sim.connect_idle();
    let client = sim.connect();
    client.send(&[handler::get("/upgrade"), b"panic".to_vec()].concat());
    for _ in 0..3 {
        let now = sim.now();
        sim.deliver();
        let (engine, site) = (&mut sim.engine, &mut sim.site);
        let turn = std::panic::AssertUnwindSafe(|| engine.call(Some(now)).process(site));
        let _ = std::panic::catch_unwind(turn);
    }
    assert_eq!((client.ending(), sim.stats().handler_panics), (Some(Ending::Fin), 1));
    assert_eq!((sim.stats().open, sim.lent()), (1, 0));
    other.get("/other");
    sim.settle();
    assert_eq!(other.statuses(), [200]);
}
