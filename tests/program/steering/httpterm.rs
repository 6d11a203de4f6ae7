//! Each example of httpterm's README: its size, its status, and a time before which no byte comes.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{USUAL, rest};
use crate::common::program::Program;
use crate::common::tools::{self, run_to_text};
use crate::common::{Client, Response, get};

/// An example, and what it says of the response.
struct Example {
    request: String,
    status: u16,
    size: usize,
    /// In milliseconds.
    earliest: u64,
}

fn example(request: &str, status: u16, size: usize, earliest: u64) -> Example {
    let request = if request.starts_with('/') { get(request) } else { format!("{request}\r\n\r\n") };
    Example { request, status, size, earliest }
}

/// The examples whose responses have a true length, or end with their connection.
fn examples() -> Vec<Example> {
    let usual = USUAL.len();
    vec![
        example("/?s=20k", 200, 20_480, 0),
        example("/?r=404", 404, usual, 0),
        example("/?c=0", 200, usual, 0),
        example("/?C=1", 200, usual, 0),
        example("/?K=1", 200, usual, 0),
        example("/?b=0", 200, usual, 0),
        example("/?b=100k", 200, usual, 0),
        example("/?B=10000", 200, usual, 0),
        example("/?t=500", 200, usual, 500),
        // "t=10k for 10s": the unit is binary. A test of the plan has the 10,240 ms of this very example.
        example("/?t=1k", 200, usual, 1024),
        example("/?t=5000r", 200, usual, 0),
        example("/?w=1000", 200, usual, 0),
        example("/?P=500", 200, usual, 0),
        example("/?e=1", 200, usual, 0),
        example("/?S=1", 200, usual, 0),
        example("/?R=1", 200, usual, 0),
        example("/?p=1000", 200, usual, 0),
        example("GET /?s=20k&c=1&t=700&K=30r HTTP/1.0", 200, 20_480, 700),
        example("GET /?r=500?s=0?c=0?t=1000 HTTP/1.0", 500, 0, 1000),
    ]
}

/// Reads the response to an example. A client that sends a FIN ends a connection that the server keeps.
fn response(client: &mut Client) -> Response {
    let mut response = client.response_head();
    client.finish();
    response.body = rest(client).0;
    response
}

#[test]
fn each_example_of_httpterms_readme_has_its_size_its_status_and_its_time() {
    let program = Program::start(&[]);
    let start = Instant::now();
    let asked: Vec<_> = examples()
        .into_iter()
        .map(|example| {
            let mut client = program.connect();
            client.send(&example.request);
            (example, client)
        })
        .collect();
    for (example, mut client) in asked {
        let Example { request, status, size, earliest } = example;
        let line = request.lines().next().unwrap_or_default();
        let response = response(&mut client);
        assert!(start.elapsed() >= Duration::from_millis(earliest), "{line} after {:?}", start.elapsed());
        assert_eq!((response.status, response.body.len()), (status, size), "{line}");
    }
    let ended = program.end();
    assert_eq!(ended.number("steered by their URLs"), examples().len() as u64);
    assert!(!ended.stdout.contains("steers nothing"), "{}", ended.stdout);
}

#[test]
fn the_heads_of_httpterms_examples_say_what_their_letters_mean() {
    let program = Program::start(&[]);
    let expected = [
        ("/?c=0", "Cache-Control", Some("no-cache")),
        ("/?C=1", "Connection", Some("close")),
        ("/?K=1", "Connection", None),
        ("/?b=0", "Content-Length", None),
        ("/?b=100k", "Content-Length", Some("102400")),
        ("/?e=1", "ETag", Some("\"1-6\"")),
        ("/?k=1", "Transfer-Encoding", Some("chunked")),
        ("/?R=1", "Content-Type", Some("application/octet-stream")),
    ];
    for (target, name, value) in expected {
        let mut client = program.connect();
        client.send(get(target));
        assert_eq!(client.response_head().header(name), value, "{target}");
    }
}

#[test]
fn the_chunks_of_httpterms_k_have_one_byte_each() {
    let program = Program::start(&[]);
    let mut client = program.connect();
    client.send(get("/?k=1"));
    client.response_head();
    let chunks: Vec<_> = USUAL.iter().map(|_| client.chunk()).collect();
    assert_eq!(chunks.concat(), USUAL);
    assert_eq!(client.chunk(), b"");
}

#[test]
fn the_keep_alive_time_of_httpterms_w_and_the_pause_of_its_p_have_their_lengths() {
    let program = Program::start(&[]);
    let start = Instant::now();
    let mut clients = ["/?w=1000", "/?P=1000&C=1"].map(|target| {
        let mut client = program.connect();
        client.send(get(target));
        client
    });
    for client in &mut clients {
        assert_eq!(client.response().body, USUAL);
        client.expect_end();
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

#[test]
fn the_help_of_httpterm_is_here_too() {
    let program = Program::start(&[]);
    for target in ["/?", "/?h"] {
        let help = program.connect().ask(target);
        assert!(help.body.starts_with(b"fourway: the URL steers the response"), "{target}");
    }
}

#[test]
fn curl_gets_httpterms_hundred_bytes_after_half_a_second() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let program = Program::start(&[]);
    let mut command = Command::new(curl);
    command.args(["-q", "-s", "-i", "--noproxy", "*", "-w", "%{stderr}%{time_total}"]);
    let port = program.address.port();
    let (response, time) = run_to_text(command.arg(format!("0:{port}/?s=100/t=500")));
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body.len(), 100);
    assert!(time.parse::<f64>().expect("seconds") >= 0.5, "{time}");
}
