//! Many requests at once. The server answers all of them in order, one quota per turn, and serves other clients in
//! between.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Call;

fn numbered(count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| handler::get(&format!("/n{n}"))).collect()
}

fn assert_in_order(client: &Client, count: usize) {
    let responses = client.responses();
    assert_eq!(responses.len(), count);
    for (n, response) in responses.iter().enumerate() {
        assert_eq!(response.body, format!("GET /n{n}").into_bytes());
    }
}

#[test]
fn ten_thousand_requests_of_a_client_that_goes_silent_are_all_answered_in_order() {
    for short_read_drains in [true, false] {
        let mut sim = Sim::new();
        sim.world().short_read_drains = short_read_drains;
        let client = sim.connect();
        client.send(&numbered(10_000));
        let mut progress = sim.turn();
        let mut requests = progress.requests;
        while progress.more {
            assert_eq!(sim.timeout(), Some(Duration::ZERO));
            // It is silent, so the server finds the remaining work without an event.
            progress = sim.process();
            assert!(progress.requests <= 32, "{} of one connection in one turn", progress.requests);
            requests += progress.requests;
        }
        assert_eq!(requests, 10_000);
        assert_in_order(&client, 10_000);
        sim.settle();
        assert_eq!(client.count(|call| matches!(call, Call::Watch(_))), 1);
    }
}

#[test]
fn other_clients_are_answered_during_a_long_pipeline() {
    let mut sim = Sim::new();
    let known = sim.connect_idle();
    let pipeliner = sim.connect();
    pipeliner.send(&numbered(10_000));
    for _ in 0..10 {
        sim.turn();
    }
    let new = sim.connect();
    new.get("/new");
    known.get("/known");
    sim.turn();
    assert_eq!(known.statuses(), [200]);
    assert_eq!(new.statuses(), [200]);
    assert!(pipeliner.responses().len() < 400);
    sim.settle();
    assert_in_order(&pipeliner, 10_000);
}

#[test]
fn clients_with_long_pipelines_take_turns() {
    let mut sim = Sim::with(|config| {
        config.budget.requests = 4;
        config.budget.requests_per_connection = 2;
    });
    let clients: Vec<Client> = (0..4).map(|_| sim.connect()).collect();
    for client in &clients {
        client.send(&numbered(40));
    }
    let mut progress = sim.turn();
    while progress.more {
        progress = sim.turn();
        assert!(progress.requests <= 4);
        let answered = clients.iter().map(|client| client.responses().len());
        let (least, most) = (answered.clone().min().unwrap(), answered.max().unwrap());
        assert!(most - least <= 4, "one has {most} responses, another {least}");
    }
    for client in &clients {
        assert_in_order(client, 40);
    }
}

#[test]
fn the_responses_of_a_batch_leave_in_one_write() {
    let mut sim = Sim::new();
    let client = sim.connect();
    client.send(&numbered(16));
    sim.settle();
    assert_in_order(&client, 16);
    assert_eq!(client.count(|call| matches!(call, Call::Write(_))), 1);
    assert_eq!(client.count(|call| matches!(call, Call::Read(_))), 1);
}

#[test]
fn a_long_upload_is_read_one_quota_per_turn() {
    const BODY: usize = 1024 * 1024;
    let mut sim = Sim::with(|config| config.budget.bytes_per_connection = 100_000);
    let client = sim.connect();
    client.send(format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n").as_bytes());
    client.send(&vec![b'x'; BODY]);
    let mut progress = sim.turn();
    let mut before = sim.stats().bytes_in;
    while progress.more {
        progress = sim.process();
        let bytes_in = sim.stats().bytes_in;
        assert!(bytes_in - before <= 100_000 + 64 * 1024);
        before = bytes_in;
    }
    assert_eq!(client.statuses(), [200]);
}

#[test]
fn a_long_response_is_sent_one_quota_per_turn() {
    let mut sim = Sim::with(|config| config.budget.bytes_per_connection = 20_000);
    let (client, other) = (sim.connect(), sim.connect());
    client.get("/large");
    other.get("/small");
    sim.turn();
    assert!((20_000..25_000).contains(&client.received_len()), "{}", client.received_len());
    assert_eq!(other.statuses(), [200]);
    sim.settle();
    assert_eq!(client.responses()[0].body, handler::LARGE);
}

#[test]
fn long_responses_keep_their_place_in_a_pipeline() {
    let mut sim = Sim::new();
    sim.world().write_limit = 30_000;
    let client = sim.connect();
    let targets = ["/a", "/large", "/copied", "/copied", "/owned", "/large", "/part", "/b"];
    client.send(&targets.map(handler::get).concat());
    sim.settle();
    let lengths: Vec<usize> = client.responses().iter().map(|response| response.body.len()).collect();
    let (large, copied) = (handler::LARGE.len(), handler::COPIED);
    assert_eq!(lengths, [6, large, copied, copied, large, large, handler::PART.len(), 6]);
    assert_eq!(client.responses()[6].body, handler::LARGE[handler::PART]);
    for response in &client.responses()[1..6] {
        assert!(handler::LARGE.starts_with(&response.body));
    }
}

#[test]
fn requests_that_wait_for_their_turn_leave_the_pool_a_spare_exchange() {
    // Each client's second request arrives when its quota of the turn is used. So the request waits in an exchange, in
    // the ready queue. There are more such clients than exchanges.
    let mut sim = Sim::with(|config| {
        config.exchanges = 1;
        config.budget.requests_per_connection = 1;
    });
    sim.world().short_read_drains = false;
    let clients: Vec<Client> = (0..4).map(|_| sim.connect()).collect();
    for client in &clients {
        client.get("/0");
        client.send_later(&handler::get("/1"));
    }
    sim.settle();
    for client in &clients {
        let last = client.statuses().last().copied();
        assert!(client.statuses() == [200, 200] || last == Some(503), "{:?}", client.statuses());
    }
}
