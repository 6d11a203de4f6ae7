//! Pressure: buffers stay short for long, and clients never rest.

use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::state::State;
use crate::stats::Reason;

const SECOND: Duration = Duration::from_secs(1);

fn post(target: &str, fields: &str) -> Vec<u8> {
    format!("POST {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n").into_bytes()
}

/// A response that is sent before its turn leaves no state that would stop the next.
#[test]
fn a_flushed_deferred_response_does_not_stop_the_requests_after_it() {
    let mut sim = Sim::with(|config| config.buffers.outs = 1);
    let clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    for client in &clients {
        client.send(&[handler::get("/later"), handler::get("/next")].concat());
    }
    sim.settle();
    let long = "x".repeat(30_000);
    for _ in 0..3 {
        sim.answer(&long).unwrap();
    }
    sim.settle();
    for client in &clients {
        assert_eq!(client.statuses(), [200, 200]);
    }
}

/// Checks that another client gets the body buffer during a pipeline of uploads, because it is lent for one body only.
fn expect_that_others_get_the_buffer_during_a_pipeline_of_uploads(chunked: bool) {
    let mut sim = Sim::with(|config| {
        config.buffers.bodies = 1;
        config.budget.bytes_per_connection = 30_000;
    });
    let upload = |len: usize| {
        if chunked {
            [
                post("/count", "Transfer-Encoding: chunked"),
                format!("{len:x}\r\n").into_bytes(),
                vec![b'x'; len],
                b"\r\n0\r\n\r\n".to_vec(),
            ]
            .concat()
        } else {
            [post("/count", &format!("Content-Length: {len}")), vec![b'x'; len]].concat()
        }
    };
    let hog = sim.connect();
    hog.send(&upload(100_000).repeat(9));
    sim.turn();
    sim.turn();
    let waiting = sim.connect();
    waiting.send(&upload(50_000));
    // The hog is always ahead of the server.
    for _ in 0..300 {
        while sim.world().sockets[hog.id].input.len() < 300_000 {
            hog.send(&upload(100_000));
        }
        sim.turn();
        sim.advance(Duration::from_millis(100));
    }
    assert_eq!(waiting.statuses(), [200], "{:?}", hog.statuses().len());
}

#[test]
fn a_client_that_pipelines_large_uploads_gives_the_buffer_to_others() {
    expect_that_others_get_the_buffer_during_a_pipeline_of_uploads(false);
}

#[test]
fn a_client_that_pipelines_chunked_uploads_gives_the_buffer_to_others() {
    expect_that_others_get_the_buffer_during_a_pipeline_of_uploads(true);
}

/// A deferred request holds a head only for the bytes that its client has sent after it.
#[test]
fn deferred_clients_that_pipeline_do_not_keep_the_heads_from_others() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 100;
        config.buffers.heads = 8;
    });
    let flood: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for client in &flood {
        client.send(&[handler::get("/later"), b"G".to_vec()].concat());
    }
    sim.settle();
    let honest = sim.connect();
    honest.send(b"GET / HT");
    sim.settle();
    honest.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!(honest.statuses(), [200]);
}

/// Its connection is in the ready queue, after one that needs the last head.
#[test]
fn a_response_that_is_given_is_sent_whole_although_its_head_is_taken() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let deferred = sim.connect();
    deferred.send(&[handler::get("/later"), b"G".to_vec()].concat());
    sim.settle();
    let newcomer = sim.connect_idle();
    newcomer.send(b"GET / HT");
    sim.deliver();
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.status(200).body(handler::repeated(70_000))).unwrap();
    sim.process();
    sim.settle();
    assert_eq!((deferred.statuses(), deferred.responses()[0].body.len()), (vec![200], 70_000));
    assert_eq!(deferred.ending(), Some(Ending::Fin));
    newcomer.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!(newcomer.statuses(), [200]);
}

/// The same for a response that has no bytes.
#[test]
fn a_connection_that_the_host_closes_gets_no_503_although_its_head_is_taken() {
    let mut sim = Sim::with(|config| config.buffers.heads = 1);
    let deferred = sim.connect();
    deferred.send(&[handler::get("/later"), b"G".to_vec()].concat());
    sim.settle();
    let newcomer = sim.connect_idle();
    newcomer.send(b"GET / HT");
    sim.deliver();
    let id = sim.site.parked[0];
    sim.respond(id, |responder| responder.close()).unwrap();
    sim.process();
    sim.settle();
    assert_eq!((deferred.received_len(), sim.stats().closes(Reason::Dropped)), (0, 1));
    newcomer.send(b"TP/1.1\r\nHost: x\r\n\r\n");
    sim.settle();
    assert_eq!(newcomer.statuses(), [200]);
}

/// In a burst of responses, outs are left for a client that does not read its own at once.
#[test]
fn a_burst_of_responses_leaves_outs_for_a_slow_client() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 100;
        config.buffers.outs = 4;
    });
    // Kernel takes 20,000 at a time.
    let clients: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for (at, client) in clients.iter().enumerate() {
        if at == 10 {
            client.stop_reading();
            client.read(10_000);
        }
        client.get("/later");
    }
    sim.settle();
    let long = "x".repeat(30_000);
    for _ in 0..20 {
        let _ = sim.answer(&long);
    }
    clients[10].read(usize::MAX);
    sim.settle();
    for (at, client) in clients.iter().enumerate() {
        assert_eq!((client.statuses(), client.ending()), (vec![200], None::<Ending>), "{at}");
    }
}

#[test]
fn one_100_continue_is_sent_after_the_response_before_it() {
    for chunked in [false, true] {
        for reads in [1usize, 100, 100_000] {
            let mut sim = Sim::with(|config| config.buffers.bodies = 1);
            let holder = sim.connect();
            holder.send(&post("/count", "Content-Length: 50000"));
            sim.settle();
            let client = sim.connect();
            client.stop_reading();
            client.send(&handler::get("/copied"));
            let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 50000" };
            client.send(&post("/count", &format!("Expect: 100-continue\r\n{framing}")));
            sim.settle();
            holder.send(&vec![b'x'; 50_000]);
            sim.settle();
            for _ in 0..200_000 {
                client.read(reads);
                sim.settle();
                if client.statuses().len() >= 2 {
                    break;
                }
            }
            client.read(usize::MAX);
            sim.settle();
            assert_eq!(client.statuses(), [200, 100]);
            if chunked {
                client.send(&[b"c350\r\n".to_vec(), vec![b'x'; 50_000], b"\r\n0\r\n\r\n".to_vec()].concat());
            } else {
                client.send(&vec![b'x'; 50_000]);
            }
            sim.settle();
            assert_eq!(client.statuses(), [200, 100, 200]);
        }
    }
}

/// They arrive in one piece and in several, with a request after them.
#[test]
fn chunks_around_the_size_of_a_head_buffer_are_joined() {
    for head_bytes in [100, 16 * 1024] {
        let size = head_bytes + 4096;
        for body_bytes in [4095usize, 4096, 5000, 30_000] {
            for delta in -80i64..=12 {
                let head = post("/count", "Transfer-Encoding: chunked");
                let len = (size as i64 - head.len() as i64 + delta) as usize;
                if len > body_bytes {
                    continue;
                }
                for split in [1usize, 7, 4096, usize::MAX] {
                    let mut sim = Sim::with(|config| {
                        config.limits.head_bytes = head_bytes;
                        config.limits.body_bytes = body_bytes;
                        config.buffers.bodies = 1;
                    });
                    let all = [
                        head.clone(),
                        format!("{len:x}\r\n").into_bytes(),
                        vec![b'x'; len],
                        b"\r\n0\r\n\r\n".to_vec(),
                        handler::get("/next"),
                    ]
                    .concat();
                    let client = sim.connect();
                    if split < 4096 {
                        let cut = all.len() - 100.min(all.len());
                        client.send(&all[..cut]);
                        sim.settle();
                        for piece in all[cut..].chunks(split) {
                            client.send(piece);
                            sim.settle();
                        }
                    } else {
                        for piece in all.chunks(split) {
                            client.send(piece);
                            sim.settle();
                        }
                    }
                    let responses = client.responses();
                    assert_eq!(responses.len(), 2, "{head_bytes} {body_bytes} {len} {split}");
                    assert_eq!(responses[0].body, len.to_string().as_bytes());
                    client.fin();
                    sim.settle();
                    sim.assert_empty();
                }
            }
        }
    }
}

/// An upload with a request behind it, a stalled upload, a deferred request, half a head, or a response that is not read.
fn ask_for_something(client: &Client, at: usize, body_bytes: usize) {
    match at % 5 {
        0 => {
            let body = vec![b'x'; body_bytes.min(9000)];
            let head = format!("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
            client.send(&[head.as_bytes(), &body, &handler::get("/")].concat());
        }
        1 => client.send(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc"),
        2 => client.get("/later"),
        3 => client.send(b"GET / HT"),
        _ => {
            client.stop_reading();
            client.get("/large");
        }
    }
}

/// These are the smallest settings.
#[test]
fn with_one_of_everything_nothing_is_lost() {
    for (heads, outs, bodies, exchanges, slots) in
        [(1, 1, 1, 1, 1), (1, 1, 1, 1, 4), (1, 1, 1, 4, 4), (4, 1, 1, 4, 4), (1, 4, 1, 4, 4)]
    {
        for body_bytes in [0, 1, 4095, 4096, 1 << 20] {
            let mut sim = Sim::with(|config| {
                config.max_connections = slots;
                config.exchanges = exchanges;
                (config.buffers.heads, config.buffers.outs, config.buffers.bodies) = (heads, outs, bodies);
                config.limits.head_bytes = 64;
                config.limits.body_bytes = body_bytes;
                config.limits.out_bytes = 512;
                config.budget.requests_per_connection = 1;
                config.budget.requests = 1;
                config.budget.accepts = 1;
                config.budget.bytes_per_connection = 1;
            });
            for drains in [true, false] {
                sim.world().short_read_drains = drains;
                let clients: Vec<Client> = (0..10).map(|_| sim.connect()).collect();
                for (at, client) in clients.iter().enumerate() {
                    ask_for_something(client, at, body_bytes);
                    sim.turn();
                }
                sim.settle();
                while !sim.site.parked.is_empty() {
                    let _ = sim.answer("x");
                }
                sim.settle();
                for client in &clients {
                    client.reset();
                }
                sim.pass(1000 * SECOND);
                sim.assert_empty();
            }
        }
    }
}

#[test]
fn a_body_whose_client_does_not_read_100_continue_loses_its_buffer() {
    let mut sim = Sim::with(|config| {
        config.buffers.bodies = 1;
        config.timeouts.queue = Duration::MAX;
        config.timeouts.body = Duration::MAX;
        config.timeouts.write = Duration::MAX;
    });
    let holder = sim.connect();
    holder.stop_reading();
    holder.send(&post("/count", "Expect: 100-continue\r\nContent-Length: 50000"));
    sim.settle();
    let client = sim.connect();
    client.send(&post("/count", "Expect: 100-continue\r\nContent-Length: 50000"));
    sim.settle();
    assert_eq!((sim.state(&holder), sim.state(&client)), (State::Sending, State::AwaitingBuffer));
    assert_eq!(sim.timeout(), Some(3 * SECOND));
    sim.pass(3 * SECOND);
    assert_eq!(sim.state(&client), State::Body);
    assert_eq!(sim.stats().closes(Reason::Evicted), 1);
}

/// Each trickler sends 4 KiB in just under 3 s.
#[test]
fn trickled_uploads_do_not_keep_the_body_buffers_from_others() {
    let mut sim = Sim::with(|config| {
        config.max_connections = 100;
        config.buffers.bodies = 4;
    });
    let tricklers: Vec<Client> = (0..4).map(|_| sim.connect()).collect();
    for client in &tricklers {
        client.send(&post("/count", "Content-Length: 1000000"));
    }
    sim.settle();
    let honest: Vec<Client> = (0..20).map(|_| sim.connect()).collect();
    for client in &honest {
        client.send(&[post("/count", "Content-Length: 50000"), vec![b'x'; 50_000]].concat());
    }
    for _ in 0..20 {
        for client in &tricklers {
            client.send(&[b'x'; 4096]);
        }
        sim.pass(Duration::from_millis(2_900));
    }
    let statuses: Vec<_> = honest.iter().flat_map(Client::statuses).collect();
    assert_eq!(statuses, vec![200; 20]);
}
