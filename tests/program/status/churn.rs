//! The figures agree with each other at any moment, whatever the clients do.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::metrics::Metrics;
use super::{start, stats};
use crate::common::json::Json;
use crate::common::{Client, get, get_and_close};

/// A client that lives for a moment and ends in one of many ways.
fn live_and_die(address: SocketAddr, how: u64) {
    // The server may be full, and may reset it at any time.
    let Ok(stream) = TcpStream::connect(address) else { return };
    let mut client = Client::over_small(stream);
    let send = |client: &Client, bytes: &str| {
        let _ = std::io::Write::write_all(&mut client.socket(), bytes.as_bytes());
    };
    match how % 9 {
        0 => client.reset(),
        1 => {
            send(&client, &get("/"));
            let _ = client.try_response();
        }
        2 => {
            send(&client, &get_and_close("/"));
            let _ = client.try_rest();
        }
        3 => {
            send(&client, "GET / HTT");
            client.reset();
        }
        4 => send(&client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart"),
        5 => {
            send(&client, "nonsense\r\n\r\n");
            let _ = client.try_rest();
        }
        6 => {
            send(&client, &get("/").repeat(20));
            client.reset();
        }
        7 => {
            send(&client, "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n");
            let _ = client.socket().shutdown(Shutdown::Write);
            let _ = client.try_rest();
        }
        _ => {}
    }
}

/// Runs clients in threads until `observe` returns.
fn amid_churn<T>(address: SocketAddr, observe: impl FnOnce() -> T) -> T {
    const THREADS: u64 = 3;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut how = thread;
                while !is_over.load(Ordering::Relaxed) {
                    how = how.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    live_and_die(address, how >> 33);
                }
            });
        }
        // A panic of `observe` ends the threads too.
        let _over = Over(&is_over);
        observe()
    })
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn check_stats(stats: &Json) {
    let [accepted, live, closed] =
        ["accepted", "live", "closed"].map(|it| stats.count(&format!("connections.{it}")));
    assert_eq!(accepted, live + closed);
    assert_eq!(stats.at("connections.states").sum(), live);
    assert_eq!(stats.at("connections.closes").sum(), closed);
    assert_eq!(stats.at("connections.closed_first_by").sum(), closed);
    let by_client = stats.members("connections.closes").values().map(|sides| sides.count("client")).sum();
    assert_eq!(stats.count("connections.closed_first_by.client"), by_client);
    assert_eq!(stats.count("capacity.evictions"), stats.at("connections.closes.evicted").sum());
    // Each request of these clients has one response, and so has each error.
    let errors = stats.at("errors.answered").sum();
    assert_eq!(stats.at("responses").sum(), stats.count("requests") + errors);
    assert!(live <= stats.count("capacity.max_connections"));
}

fn check_metrics(metrics: &Metrics) {
    let live = metrics.sum("fourway_connections");
    let closed = metrics.sum("fourway_connections_closed_total");
    assert_eq!(metrics.sample("fourway_connections_accepted_total"), live + closed);
    let responses = metrics.sum("fourway_responses_total");
    let errors = metrics.sum("fourway_answered_errors_total");
    assert_eq!(responses, metrics.sample("fourway_requests_total") + errors);
    assert_eq!(metrics.sum("fourway_verdict"), 1);
}

/// The counters of a document, without the figures that may fall.
fn counters(stats: &Json) -> BTreeMap<String, u64> {
    const MAY_FALL: [&str; 6] = [
        "connections.live",
        "connections.states.",
        "listeners",
        "kernel.time_wait",
        "busy.last_second.",
        "busy.percent",
    ];
    let paths = stats.paths().into_iter().filter(|path| !MAY_FALL.iter().any(|it| path.starts_with(it)));
    paths.filter_map(|path| Some((path.clone(), stats.at(&path).as_count()?))).collect()
}

#[test]
fn amid_churn_every_reading_reconciles_and_no_counter_goes_back() {
    const READINGS: usize = 300;
    let (program, address) = start(&["--max-connections", "16"]);
    let last = amid_churn(program.address, || {
        let mut status = Client::connect(address);
        let mut latest = stats(&mut status);
        let mut latest_metrics = Metrics::read(&mut status);
        for reading in 0.. {
            let (now, metrics) = (stats(&mut status), Metrics::read(&mut status));
            check_stats(&now);
            check_metrics(&metrics);
            let before = counters(&latest);
            for (path, count) in counters(&now) {
                assert!(count >= before[&path], "{path} has gone back from {} to {count}", before[&path]);
            }
            for (name, count) in metrics.counters() {
                let before = latest_metrics.value(name);
                assert!(count >= before, "{name} has gone back from {before} to {count}");
            }
            (latest, latest_metrics) = (now, metrics);
            // The churn has been long enough to mean something.
            if reading >= READINGS && latest.count("connections.closed") >= 500 {
                break;
            }
        }
        latest
    });
    let reasons = last.members("connections.closes").values().filter(|sides| sides.sum() > 0).count();
    assert!(reasons >= 4, "they ended in many ways: {last:?}");
    let ended = program.end();
    assert!(ended.number("connections") >= last.count("connections.accepted"));
}

#[test]
fn a_full_target_does_not_silence_the_status_server() {
    const MOST: usize = 4;
    let (program, address) = start(&["--max-connections", "4"]);
    // A part of a head in each connection, so that none is idle.
    let mut clients = Vec::new();
    for number in 1..=40 {
        let mut client = program.connect();
        client.send("GET / HTT");
        clients.push(client);
        let stats = stats(&mut Client::connect(address));
        assert!(stats.count("connections.live") <= MOST.min(number) as u64);
        check_stats(&stats);
    }
    let mut status = Client::connect(address);
    crate::common::wait_until("the others had to make way", || {
        stats(&mut status).count("capacity.evictions") == 40 - MOST as u64
    });
    drop((clients, status));
    program.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_target_with_all_the_descriptors_it_may_have_leaves_some_for_the_status_server() {
    use crate::common::program::{Program, command_after};

    let options = ["--listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0"];
    let program = Program::start_as(command_after("ulimit -n 150", &options));
    let address = program.addresses()[1];
    let clients: Vec<_> = (0..60).map(|_| program.connect()).collect();
    let mut status = Client::connect(address);
    assert_eq!(stats(&mut status).count("capacity.max_connections"), 150 - 128);
    for _ in 0..30 {
        check_stats(&stats(&mut Client::connect(address)));
    }
    assert_eq!(stats(&mut status).count("capacity.accept_pauses"), 0, "descriptors have not run out");
    drop((clients, status));
    program.end();
}

#[test]
fn many_clients_of_the_status_server_make_way_for_a_new_one() {
    let (program, address) = start(&[]);
    let _idle: Vec<_> = (0..80).map(|_| Client::connect(address)).collect();
    assert_eq!(Client::connect(address).ask("/healthz").body, b"ok\n");
    assert_eq!(stats(&mut Client::connect(address)).count("connections.accepted"), 0);
    program.end();
}
