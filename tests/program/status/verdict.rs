//! The verdict on real runs: a client that is slow, and one that is too fast for the server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{start, stats};
use crate::common::json::Json;
use crate::common::{Client, PATIENCE, get};

/// The least percentages of the busiest second for which the verdict blames the machine.
const HINDRANCE: f64 = 5.0;
const WAITING: f64 = 25.0;

/// Checks that the verdict says what the figures of the busiest second say. Returns it.
fn verdict(stats: &Json) -> String {
    let word = stats.text("verdict.limit").to_owned();
    // The figures are rounded to one digit.
    let known = |name: &str| match stats.at(&format!("busy.busiest_second.{name}")) {
        Json::Null => 0.0,
        _ => stats.number(&format!("busy.busiest_second.{name}")) + 0.05,
    };
    match word.as_str() {
        "unknown" => {
            let is_early = stats.text("verdict.sentence").contains("not over");
            let is_hindered = known("stolen_percent").max(known("throttled_percent")) >= HINDRANCE;
            assert!(is_early || is_hindered, "{stats:?}");
        }
        "machine" => assert!(known("waiting_percent") >= WAITING, "{stats:?}"),
        "server" => assert!(known("percent") >= 90.0, "{stats:?}"),
        "client" => assert!(known("percent") < 90.1 && known("waiting_percent") < WAITING + 0.1, "{stats:?}"),
        other => panic!("no such verdict here: {other}"),
    }
    word
}

/// Sends a request now and then for more than a second. Its slowness is what the test is about.
fn be_slow(address: SocketAddr) {
    const BETWEEN: Duration = Duration::from_millis(50);
    let mut client = Client::connect(address);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1500) {
        client.ask("/");
        thread::sleep(BETWEEN);
    }
}

/// Sends as many requests as the server takes until `is_over`.
fn be_fast(address: SocketAddr, is_over: impl FnMut() -> bool) {
    const CONNECTIONS: usize = 4;
    let streams: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    thread::scope(|scope| {
        for stream in &streams {
            // One thread sends and one reads, so the server always has more to do.
            scope.spawn(move || {
                let requests = get("/").repeat(500);
                let mut stream = stream;
                while stream.write_all(requests.as_bytes()).is_ok() {}
            });
            scope.spawn(move || {
                let (mut stream, mut buffer) = (stream, vec![0; 1 << 20]);
                while stream.read(&mut buffer).is_ok_and(|len| len > 0) {}
            });
        }
        let mut is_over = is_over;
        let begin = Instant::now();
        while !is_over() && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
        }
        for stream in &streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
}

#[test]
fn a_slow_client_is_the_limit() {
    // If other programs keep the server from its processor all the time, the verdict is about them.
    const TRIES: usize = 5;
    for attempt in 1.. {
        let (program, address) = start(&[]);
        be_slow(program.address);
        let stats = stats(&mut Client::connect(address));
        let word = verdict(&stats);
        let ended = program.end();
        if word == "client" {
            let sentence = stats.text("verdict.sentence");
            assert!(sentence.contains("the client or the network limits this run"), "{sentence}");
            assert!(ended.stdout.contains("the client or the network limits this run"), "{}", ended.stdout);
            return;
        }
        assert!(attempt < TRIES && word != "server", "{stats:?}");
    }
}

#[test]
fn a_client_that_saturates_the_server_is_not_the_limit() {
    let (program, address) = start(&[]);
    let mut status = Client::connect(address);
    let mut last = None;
    be_fast(program.address, || {
        let stats = stats(&mut status);
        let word = verdict(&stats);
        let is_over = word == "server" || word == "machine" || (word == "unknown" && is_whole(&stats));
        last = Some((word, stats));
        is_over
    });
    let (word, stats) = last.expect("it was read");
    assert_ne!(word, "client", "{stats:?}");
    assert!(stats.number("busy.busiest_second.percent") >= 25.0, "{stats:?}");
    let sentence = stats.text("verdict.sentence");
    let expected = ["the server is the limit", "the machine is the limit", "nobody can know"];
    assert!(expected.iter().any(|expected| sentence.contains(expected)), "{sentence}");
    drop(status);
    program.end();
}

/// Whether a second was measured.
fn is_whole(stats: &Json) -> bool {
    stats.at("busy.busiest_second.percent") != &Json::Null
}
