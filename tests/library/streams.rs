//! Streamed responses, as real clients read them: in chunks, with a length, and to the close.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::{Token, Waker};
use fourway::{CloseMode, Config, GoneReason, Reason};

use crate::common::child::Child;
use crate::common::embed::Rig;
use crate::common::stalled::connect_with_small_window;
use crate::common::streaming::{Streaming, body};
use crate::common::tools;
use crate::common::{Client, PATIENCE, get, get_and_close};

/// More than the buffers of both kernels and of the server hold.
const LONG: usize = 20_000_003;

fn rig() -> Rig<Streaming> {
    Rig::with(Config::default(), Streaming::default())
}

/// Runs a client beside the server, whose host resumes everything that waits.
fn serve<T: Send + 'static>(
    rig: &mut Rig<Streaming>,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    let address = rig.address;
    rig.serve_while(thread::spawn(move || client(address)), |server, world| world.resume(server))
}

fn connect_and_ask(address: SocketAddr, target: &str) -> Client {
    let mut client = Client::connect(address);
    client.send(get(target));
    client
}

// --- what the client gets ---

#[test]
fn a_stream_of_unknown_length_arrives_in_chunks_and_the_next_response_follows() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        for len in [0, 1, 1000, 100_000, LONG] {
            client.send(get(&format!("/chunked/{len}")));
            let head = client.response_head();
            assert_eq!((head.status, head.header("Transfer-Encoding")), (200, Some("chunked")));
            assert_eq!(head.header("Content-Length"), None);
            assert!(client.chunks() == body(len), "{len}");
        }
        assert_eq!(client.ask("/next").body, b"/next");
    });
    assert_eq!((rig.server.stats().accepted, rig.world.gone.len()), (1, 0));
}

#[test]
fn a_stream_of_announced_length_arrives_without_chunks() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        for len in [0, 1, 1000, 100_000, LONG] {
            client.send(get(&format!("/length/{len}")));
            let response = client.response();
            assert_eq!(response.header("Transfer-Encoding"), None);
            assert!(response.body == body(len), "{len}");
        }
        assert_eq!(client.ask("/next").body, b"/next");
    });
}

#[test]
fn a_client_of_http_1_0_reads_a_stream_to_the_close() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        for target in ["/chunked", "/length", "/later"] {
            let mut client = Client::connect(address);
            client.send(format!("GET {target}/30000 HTTP/1.0\r\n\r\n"));
            let head = client.response_head();
            assert_eq!((head.status, head.header("Transfer-Encoding")), (200, None));
            assert!(client.rest() == body(30_000), "{target}");
        }
    });
}

#[test]
fn head_gets_the_head_of_a_stream_and_the_host_is_asked_for_nothing() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        for (target, name, value) in
            [("/chunked/10", "Transfer-Encoding", "chunked"), ("/length/10", "Content-Length", "10")]
        {
            client.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
            assert_eq!(client.response_head().header(name), Some(value));
        }
        assert_eq!(client.ask("/next").body, b"/next");
    });
    let why: Vec<GoneReason> = rig.world.gone.iter().map(|&(_, why)| why).collect();
    assert_eq!((why, rig.world.asked), (vec![GoneReason::NoBody; 2], 0));
}

#[test]
fn streams_keep_their_places_in_a_pipeline() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        let targets = ["/first", "/chunked/100000", "/second", "/later/2500", "/length/100000", "/third"];
        client.send(targets.map(get).concat());
        assert_eq!(client.response().body, b"/first");
        client.response_head();
        assert!(client.chunks() == body(100_000));
        assert_eq!(client.response().body, b"/second");
        client.response_head();
        assert!(client.chunks() == body(2500));
        assert!(client.response().body == body(100_000));
        assert_eq!(client.response().body, b"/third");
    });
}

#[test]
fn curl_reads_streams_of_every_kind() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let mut rig = rig();
    for version in ["--http1.1", "--http1.0"] {
        for target in ["/chunked/3000000", "/length/3000000", "/later/5500"] {
            let (curl, len) =
                (curl.clone(), target.rsplit('/').next().expect("a length").parse().expect("a number"));
            let read = serve(&mut rig, move |address| {
                let url = format!("http://{address}{target}");
                let mut command = Command::new(curl);
                command.args(["--silent", "--show-error", "--fail", version, &url]).output()
            });
            let read = read.expect("curl runs");
            assert!(read.status.success(), "{target}: {}", String::from_utf8_lossy(&read.stderr));
            assert!(read.stdout == body(len), "{version} {target}");
        }
    }
}

// --- who is asked when ---

#[test]
fn a_client_that_does_not_read_slows_the_host_down() {
    let mut rig = rig();
    let mut client = Client::over(connect_with_small_window(rig.address));
    client.send(get(&format!("/length/{LONG}")));
    rig.until("the first piece is asked for", |_, world| world.asked > 0);
    rig.settle();
    let (asked, sent) = (rig.world.asked, rig.server.stats().bytes_out);
    assert!(sent < LONG as u64 / 2, "{sent} bytes were taken");
    rig.settle();
    assert_eq!(rig.world.asked, asked, "the kernel takes no more");
    rig.serve(thread::spawn(move || assert!(client.response().body == body(LONG))));
    // A piece is an out buffer at most.
    let pieces = LONG / Config::default().limits.out_bytes;
    assert!(rig.world.asked > pieces / 2 && rig.world.asked > asked, "{} pieces", rig.world.asked);
}

#[test]
fn a_stream_waits_until_the_host_resumes_it() {
    let mut rig = rig();
    let mut client = connect_and_ask(rig.address, "/later/2500");
    for part in [0..1000, 1000..2000, 2000..2500] {
        rig.until("a piece is asked for", |_, world| world.asked * 1000 >= part.end);
        rig.settle();
        if part.start == 0 {
            client.response_head();
        }
        assert!(client.chunk() == body(2500)[part.clone()], "{part:?}");
        let asked = rig.world.asked;
        rig.settle();
        assert_eq!(rig.world.asked, asked, "it is not asked before it has said so");
        rig.world.resume(&mut rig.server);
    }
    assert_eq!(client.chunk(), b"");
}

#[test]
fn a_thread_of_the_host_feeds_a_stream_through_a_waker() {
    const WAKER: Token = Token(0);
    let mut rig = rig();
    let mut client = connect_and_ask(rig.address, "/later/20000");
    let waker = Arc::new(Waker::new(rig.host.poll.registry(), WAKER).expect("a waker"));
    // It produces one piece for each that the host takes.
    let (wanted, orders) = mpsc::channel();
    let (produced, pieces) = mpsc::channel();
    let thread = thread::spawn(move || {
        for order in orders {
            produced.send(order).expect("the host is alive");
            waker.wake().expect("the host is awake");
        }
    });
    let reader = thread::spawn(move || {
        client.response_head();
        client.chunks() == body(20_000)
    });
    let start = Instant::now();
    while !reader.is_finished() {
        assert!(start.elapsed() < PATIENCE, "{:?}", rig.server);
        rig.host.gather(&mut rig.server, Duration::from_millis(100));
        for id in pieces.try_iter() {
            rig.server.resume(id, Instant::now()).expect("it waits");
        }
        rig.server.process(Instant::now(), &mut rig.world);
        for id in rig.world.waiting.drain(..) {
            wanted.send(id).expect("the thread is alive");
        }
    }
    assert!(reader.join().expect("a whole response"), "the body is right");
    drop(wanted);
    thread.join().expect("no panic");
    assert_eq!(rig.world.asked, 20);
}

// --- a stream that cannot end ---

#[test]
fn a_stream_that_is_not_whole_ends_with_a_reset() {
    for (target, of_the_host) in [("/abort/5000", true), ("/short/200000", false)] {
        let mut rig = rig();
        let error = serve(&mut rig, move |address| {
            let mut client = connect_and_ask(address, target);
            client.try_rest().expect_err("the end of the connection is not that of the body")
        });
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{target}");
        let stats = rig.server.stats();
        assert_eq!((stats.closes(Reason::StreamAborted), stats.handler_errors), (1, u64::from(!of_the_host)));
    }
}

#[test]
fn a_stream_whose_length_is_wrong_in_its_first_piece_is_a_500() {
    let mut rig = rig();
    serve(&mut rig, |address| {
        let mut client = Client::connect(address);
        client.send(get("/short/5000"));
        assert_eq!(client.response().status, 500);
        client.expect_end();
    });
    assert_eq!((rig.server.stats().errors(500), rig.server.stats().handler_errors), (1, 1));
}

#[test]
fn curl_reports_a_stream_that_is_not_whole() {
    let Some(curl) = tools::find(&["curl"]) else { return };
    let mut rig = rig();
    for version in ["--http1.1", "--http1.0"] {
        for target in ["/abort/5000", "/short/200000"] {
            let curl = curl.clone();
            let ended = serve(&mut rig, move |address| {
                let url = format!("http://{address}{target}");
                Child::run(Command::new(curl).args([
                    "--silent",
                    "--show-error",
                    version,
                    "--output",
                    "/dev/null",
                    &url,
                ]))
            });
            // "Failure in receiving network data", or "partial file".
            assert!(matches!(ended.code(), Some(18 | 56)), "{version} {target}: {ended:?}");
            assert!(!ended.stderr.is_empty());
        }
    }
}

#[test]
fn a_client_that_leaves_is_reported() {
    let mut rig = rig();
    let mut client = connect_and_ask(rig.address, "/later/5000");
    rig.until("it waits", |server, _| server.stats().streaming == 1);
    client.response_head();
    client.reset();
    rig.until("it is gone", |_, world| !world.gone.is_empty());
    assert_eq!(rig.world.gone[0].1, GoneReason::Ended(Reason::PeerReset));
    assert_eq!((rig.server.stats().open, rig.world.waiting.len()), (0, 0));
}

// --- the close behind a stream ---

#[test]
fn a_stream_is_whole_in_every_close_mode_that_answers() {
    for mode in [CloseMode::Fin, CloseMode::Peer, CloseMode::Rst] {
        let mut config = Config::default();
        config.close = mode;
        let mut rig = Rig::with(config, Streaming::default());
        serve(&mut rig, move |address| {
            let mut client = Client::connect(address);
            client.send(get_and_close("/later/2500"));
            assert_eq!(client.response_head().header("Connection"), Some("close"));
            assert!(client.chunks() == body(2500), "{mode:?}");
            match mode {
                CloseMode::Rst => {
                    let error = client.try_rest().expect_err("a reset");
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                }
                // It waits for the client's FIN.
                CloseMode::Peer => client.finish(),
                _ => client.expect_end(),
            }
        });
        rig.until("it has ended", |server, _| server.stats().open == 0);
        assert_eq!(rig.server.stats().closes(Reason::Answered), 1, "{mode:?}");
    }
}

#[test]
fn in_close_mode_drop_no_stream_begins() {
    let mut config = Config::default();
    config.close = CloseMode::Drop;
    let mut rig = Rig::with(config, Streaming::default());
    serve(&mut rig, |address| connect_and_ask(address, "/chunked/10").expect_end());
    assert_eq!((rig.world.asked, rig.server.stats().closes(Reason::Dropped)), (0, 1));
}
