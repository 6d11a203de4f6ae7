//! More bytes follow a request whose answer is the connection's last, and the client still gets that answer.
//!
//! The worst moment for them is after the server's last read and before its close. In most of these tests the handler
//! itself makes the client send them, so each client meets that moment. In the others the server has a thread of its
//! own, and the bytes come from the handler's answer to a little after the close.

use std::hint::spin_loop;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{MODES, config};
use crate::common::embed::{Loop, Rig};
use crate::common::own::my_turn;
use crate::common::{ANY_PORT, Client, Host, PATIENCE};
use fourway::{CloseMode, Config, Handler, Reply, Request, Responder};

const CLIENTS: usize = 2000;
const ANSWER: &[u8] = b"the whole answer";
const LINE_BREAK: &[&[u8]] = &[b"\r\n"];
const EIGHT_PIECES: &[&[u8]] = &[&[b'x'; 8 * 1024] as &[u8]; 8];

/// What each client of a test sends, and how many answers it has to get.
#[derive(Clone, Copy)]
struct Plan {
    request: &'static str,
    more: &'static [&'static [u8]],
    status: u16,
    answers: usize,
}

const OLD_REQUEST: Plan =
    Plan { request: "GET / HTTP/1.0\r\n\r\n", more: LINE_BREAK, status: 200, answers: 1 };

const LAST_REQUEST: Plan = Plan {
    request: "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    more: EIGHT_PIECES,
    status: 200,
    answers: 1,
};

const REQUEST: Plan = Plan { request: "GET / HTTP/1.1\r\nHost: test\r\n\r\n", ..LAST_REQUEST };

// --- the client ---

fn connect(address: SocketAddr) -> TcpStream {
    Client::connect(address).stream.into_inner()
}

impl Plan {
    /// Whether the request says that it is the last.
    fn promises_silence(&self) -> bool {
        self.request.contains("Connection: close") || self.request.contains("HTTP/1.0")
    }

    /// Reads until the answers are whole and, in mode `fin`, until the end. The error says what is missing.
    fn read_answers(&self, mut client: TcpStream, close: CloseMode) -> Result<(), String> {
        let (mut received, mut piece) = (Vec::new(), [0; 4096]);
        let mut is_whole = false;
        while !is_whole || close == CloseMode::Fin {
            match client.read(&mut piece) {
                Ok(len @ 1..) => received.extend_from_slice(&piece[..len]),
                Ok(_) if is_whole => break,
                // The client broke its promise, so it may see a reset after its answers.
                Err(_) if is_whole && self.promises_silence() => break,
                Ok(_) => return Err(format!("end of input after {:?}", received.escape_ascii().to_string())),
                Err(error) => return Err(format!("{error} after {:?}", received.escape_ascii().to_string())),
            }
            is_whole = self.is_whole(&received)?;
        }
        Client::over(client).reset();
        Ok(())
    }

    fn is_whole(&self, received: &[u8]) -> Result<bool, String> {
        let is_to_head = self.request.starts_with("HEAD");
        let expected = if is_to_head { b"" } else { ANSWER };
        let mut rest = received;
        for _ in 0..self.answers {
            let Some((status, body)) = take_answer(&mut rest, is_to_head) else { return Ok(false) };
            if status != self.status || (status == 200 && body != expected) {
                return Err(format!("a wrong answer: {}", received.escape_ascii()));
            }
        }
        if rest.is_empty() { Ok(true) } else { Err(format!("too much: {}", received.escape_ascii())) }
    }
}

/// Takes an answer from the front. Returns `None` if a part of it is missing.
fn take_answer<'a>(received: &mut &'a [u8], is_to_head: bool) -> Option<(u16, &'a [u8])> {
    let head = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let lines = std::str::from_utf8(&received[..head]).expect("a head is text");
    let status = lines.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
    let length = lines.lines().find_map(|line| line.strip_prefix("Content-Length:")?.trim().parse().ok());
    let whole = head + if is_to_head { 0 } else { length.expect("a length") };
    let body = received.get(head..whole)?;
    *received = &received[whole..];
    Some((status.expect("a status"), body))
}

fn expect_none_lost(close: CloseMode, all: impl Iterator<Item = Result<(), String>>) {
    expect_lost(close, 0, all);
}

fn expect_lost(close: CloseMode, at_most: usize, all: impl Iterator<Item = Result<(), String>>) {
    let (mut lost, mut number) = (Vec::new(), 0);
    for result in all {
        number += 1;
        lost.extend(result.err());
    }
    assert!(lost.len() <= at_most, "{close:?}: {} of {number} lost their answer: {lost:?}", lost.len());
}

// --- the two ways of choosing the moment ---

fn answer<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    match request.path() {
        // The server sends this without a copy, by another system call.
        "/shared" => responder.status(200).body(ANSWER),
        _ => responder.send(200, "text/plain", ANSWER),
    }
}

/// A handler that makes its client send more before it answers the first request.
struct Interrupted<'a> {
    client: &'a TcpStream,
    more: &'static [&'static [u8]],
    calls: usize,
}

impl Handler for Interrupted<'_> {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if self.calls == 0 {
            for piece in self.more {
                self.client.write_all(piece).expect("the kernel has room for it");
            }
        }
        self.calls += 1;
        answer(request, responder)
    }
}

/// The client sends more while the handler works.
fn none_is_lost_while_the_handler_works(plan: Plan, change: fn(&mut Config)) {
    let _my_turn = my_turn();
    for close in MODES {
        let mut config = config(close);
        change(&mut config);
        let mut host = Loop::new(64);
        let mut server = host.server(0, config);
        let listener = server.listen(ANY_PORT).expect("a free port");
        let address = server.local_addr(listener).expect("it listens");
        expect_none_lost(
            close,
            (0..CLIENTS).map(|_| {
                let mut client = connect(address);
                client.write_all(plan.request.as_bytes()).expect("the server listens");
                let mut handler = Interrupted { client: &client, more: plan.more, calls: 0 };
                let start = Instant::now();
                loop {
                    host.gather(&mut server, if handler.calls == 0 { PATIENCE } else { Duration::ZERO });
                    let has_more = server.process(Instant::now(), &mut handler).more;
                    if handler.calls > 0 && !has_more && host.events.is_empty() {
                        break;
                    }
                    assert!(start.elapsed() < PATIENCE, "the request does not come: {server:?}");
                }
                plan.read_answers(client, close)
            }),
        );
    }
}

/// Two threads that start at the same moment, again and again.
#[derive(Clone, Default)]
struct Starts {
    ready: Arc<AtomicUsize>,
}

impl Starts {
    /// Waits until both threads have come to their start of this number.
    fn wait(&self, number: usize) {
        let start = Instant::now();
        self.ready.fetch_add(1, Ordering::AcqRel);
        while self.ready.load(Ordering::Acquire) < 2 * (number + 1) {
            assert!(start.elapsed() < PATIENCE, "the other thread does not come");
            // It may need this processor.
            thread::yield_now();
        }
    }
}

/// A handler that answers at the moment in which its client begins to send more.
struct Simultaneous {
    starts: Starts,
    calls: usize,
}

impl Handler for Simultaneous {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        self.starts.wait(self.calls);
        self.calls += 1;
        answer(request, responder)
    }
}

/// Of the clients that break their promise, how many may lose their answer.
///
/// The kernel holds the answer back for the FIN. If the client's bytes arrive before the FIN, the processor that receives
/// them sends the answer. If that processor is stopped there, the other one overtakes it with the FIN and the reset. A server
/// in C with the same calls, and 15 µs between the answer and the FIN, lost 2 of about a million answers so, and this one 1 of three
/// million. A close that does not send the FIN first loses hundreds of 2,000.
const OVERTAKEN: usize = 2;

/// The client sends more just after the handler answers, a little later each time.
fn none_is_lost_around_the_close(plan: Plan, change: fn(&mut Config)) {
    // The client and the server need a processor each.
    let _my_turn = my_turn();
    for close in MODES {
        let starts = Starts::default();
        let mut config = config(close);
        change(&mut config);
        let handler = Simultaneous { starts: starts.clone(), calls: 0 };
        let host = Host::start_with(ANY_PORT, config, handler).expect("a server on a free port");
        expect_lost(
            close,
            if plan.promises_silence() { OVERTAKEN } else { 0 },
            (0..CLIENTS).map(|number| {
                let mut client = connect(host.address);
                client.write_all(plan.request.as_bytes()).expect("the server listens");
                // No handler is called for a bad request.
                if plan.status == 200 {
                    starts.wait(number);
                }
                let start = Instant::now();
                while start.elapsed() < Duration::from_nanos(number as u64 % 64 * 500) {
                    spin_loop();
                }
                let sent = plan.more.iter().try_for_each(|piece| client.write_all(piece));
                assert!(sent.is_ok() || plan.promises_silence(), "the server does not linger: {sent:?}");
                // A write takes the news of a reset. The next read then sees a plain end.
                plan.read_answers(client, close).map_err(|lost| format!("{lost}, sending more: {sent:?}"))
            }),
        );
    }
}

// --- the client has asked for the close ---

#[test]
fn no_answer_is_lost_when_a_line_break_follows_in_a_segment_of_its_own() {
    none_is_lost_around_the_close(OLD_REQUEST, |_| {});
}

#[test]
fn no_answer_is_lost_when_64_kib_follow_a_request_for_the_close() {
    none_is_lost_around_the_close(LAST_REQUEST, |_| {});
}

#[test]
fn no_answer_is_lost_when_a_line_break_comes_while_the_handler_works() {
    none_is_lost_while_the_handler_works(OLD_REQUEST, |_| {});
}

#[test]
fn no_answer_is_lost_when_64_kib_come_while_the_handler_works() {
    none_is_lost_while_the_handler_works(LAST_REQUEST, |_| {});
}

#[test]
fn no_answer_without_a_copy_is_lost_when_more_comes_while_the_handler_works() {
    let request = "GET /shared HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    none_is_lost_while_the_handler_works(Plan { request, ..LAST_REQUEST }, |_| {});
}

#[test]
fn no_answer_to_head_is_lost_when_more_comes_while_the_handler_works() {
    let request = "HEAD / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    none_is_lost_while_the_handler_works(Plan { request, ..LAST_REQUEST }, |_| {});
}

#[test]
fn no_answer_to_a_post_is_lost_when_more_comes_while_the_handler_works() {
    let request = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";
    none_is_lost_while_the_handler_works(Plan { request, ..LAST_REQUEST }, |_| {});
}

#[test]
fn none_of_three_pipelined_answers_is_lost_when_more_comes_while_the_handler_works() {
    let request = concat!(
        "GET /1 HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /2 HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /3 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    );
    none_is_lost_while_the_handler_works(Plan { request, answers: 3, ..LAST_REQUEST }, |_| {});
}

#[test]
fn no_deferred_answer_is_lost_when_more_comes_before_it() {
    let _my_turn = my_turn();
    let plan = Plan { request: "GET /later HTTP/1.0\r\n\r\n", ..LAST_REQUEST };
    for close in MODES {
        let mut rig = Rig::new(config(close));
        expect_none_lost(
            close,
            (1..=CLIENTS).map(|number| {
                let mut client = connect(rig.address);
                client.write_all(plan.request.as_bytes()).expect("the server listens");
                rig.until_asked(number);
                rig.settle();
                for piece in plan.more {
                    client.write_all(piece).expect("the kernel has room for it");
                }
                // The host answers before it looks at the events.
                let id = *rig.world.parked.last().expect("it was deferred");
                let responder = rig.server.respond(id, Instant::now()).expect("the client waits");
                responder.send(200, "text/plain", ANSWER);
                rig.server.process(Instant::now(), &mut rig.world);
                rig.settle();
                plan.read_answers(client, close)
            }),
        );
    }
}

// --- the server decides to close ---

#[test]
fn no_answer_is_lost_when_more_follows_and_keep_alive_is_off() {
    none_is_lost_around_the_close(REQUEST, |config| config.keep_alive = false);
    none_is_lost_while_the_handler_works(REQUEST, |config| config.keep_alive = false);
}

#[test]
fn no_answer_is_lost_when_the_next_request_comes_and_keep_alive_is_off() {
    const NEXT: &[&[u8]] = &[REQUEST.request.as_bytes()];
    none_is_lost_around_the_close(Plan { more: NEXT, ..REQUEST }, |config| config.keep_alive = false);
    none_is_lost_while_the_handler_works(Plan { more: NEXT, ..REQUEST }, |config| config.keep_alive = false);
}

#[test]
fn no_error_is_lost_when_more_follows_the_bad_request() {
    let request = "nonsense\r\n\r\n";
    none_is_lost_around_the_close(Plan { request, status: 400, ..LAST_REQUEST }, |_| {});
}
