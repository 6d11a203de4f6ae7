//! A server that is replaced while its clients go on: on a socket that outlives it nobody fails.

use std::fs::File;
use std::io::{BufRead, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::common::child::Child;
use crate::common::program::{Program, handing_over};
use crate::common::{ANY_PORT, Client, Response, get, get_and_close, say, wait_until};

const RESTARTS: usize = 10;

/// How many requests the clients complete between two restarts.
const BETWEEN: usize = 200;

/// What becomes of a request.
enum Outcome {
    Answered(Response),
    /// The connection ended, or there was none, before a byte of the response.
    NotAByte,
    /// A response began, and was not whole.
    Cut(String),
}

fn ask(client: &mut Client, request: &str) -> Outcome {
    if client.socket().write_all(request.as_bytes()).is_err() {
        return Outcome::NotAByte;
    }
    // A read with a timeout is interrupted when its process is stopped and goes on (signal(7)), even where
    // no signal is handled; of all that reads here this alone does not try again by itself.
    let is_there = loop {
        match client.stream.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            begun => break begun.is_ok_and(|bytes| !bytes.is_empty()),
        }
    };
    if !is_there {
        return Outcome::NotAByte;
    }
    client.try_response().map_or_else(|error| Outcome::Cut(error.to_string()), Outcome::Answered)
}

/// What all clients together have met with.
#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    answered: AtomicUsize,
    retried: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    /// One request, on a connection that is kept if it may be, and once more on a new one if not even a
    /// byte came.
    fn request(&self, address: SocketAddr, kept: &mut Option<Client>, request: &str) {
        for attempt in 0..2 {
            let connect = || TcpStream::connect(address).ok().map(Client::over);
            let Some(mut client) = kept.take().or_else(connect) else { continue };
            match ask(&mut client, request) {
                Outcome::Answered(response) => {
                    assert_eq!((response.status, response.body.as_slice()), (200, &b"xixizi"[..]));
                    self.answered.fetch_add(1, SeqCst);
                    self.retried.fetch_add(attempt, SeqCst);
                    *kept = Some(client).filter(|_| response.header("Connection") != Some("close"));
                    return;
                }
                Outcome::NotAByte => {}
                Outcome::Cut(why) => {
                    eprintln!("a response is cut: {why}");
                    break;
                }
            }
        }
        self.failed.fetch_add(1, SeqCst);
    }

    fn wait_for_more(&self) {
        let target = self.answered.load(SeqCst) + BETWEEN;
        wait_until("the clients go on", || {
            self.answered.load(SeqCst) >= target || self.failed.load(SeqCst) > 0
        });
    }
}

/// Runs `act` while clients of two kinds send requests without a pause, and returns what they have met with.
///
/// The program that `act` leaves running ends after the clients, because they may be waiting in its queue.
fn under_load(address: SocketAddr, act: impl FnOnce(&Tally) -> Program) -> Tally {
    /// Ends the clients also when `act` panics.
    struct Over<'a>(&'a Tally);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.is_over.store(true, SeqCst);
        }
    }
    let tally = Tally::default();
    let last = thread::scope(|scope| {
        for keeps_alive in [true, true, true, false, false, false] {
            let tally = &tally;
            scope.spawn(move || {
                let request = if keeps_alive { get("/") } else { get_and_close("/") };
                let mut kept = None;
                while !tally.is_over.load(SeqCst) {
                    tally.request(address, &mut kept, &request);
                }
            });
        }
        let over = Over(&tally);
        act(over.0)
    });
    last.end();
    tally
}

/// Starts the next program before the last one ends, ten times.
fn restart(tally: &Tally, mut program: Program, start: impl Fn() -> Program) -> Program {
    for _ in 0..RESTARTS {
        tally.wait_for_more();
        let next = start();
        program.end();
        program = next;
    }
    tally.wait_for_more();
    program
}

fn report(what: &str, tally: &Tally) {
    let [answered, retried, failed] =
        [&tally.answered, &tally.retried, &tally.failed].map(|count| count.load(SeqCst));
    say(&format!("{what}: {answered} requests answered, {retried} of them asked again, {failed} failed"));
}

#[test]
fn on_an_inherited_socket_ten_restarts_fail_no_request() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let start = || Program::start_on(&listener, &[]);
    let tally = under_load(address, |tally| restart(tally, start(), start));
    report("ten restarts on an inherited socket", &tally);
    assert_eq!((tally.failed.into_inner(), tally.retried.into_inner()), (0, 0));
}

#[test]
fn ten_restarts_that_close_idle_connections_at_once_fail_no_request() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let start = || Program::start_on(&listener, &["--drain-idle", "close"]);
    let tally = under_load(address, |tally| restart(tally, start(), start));
    report("ten restarts on an inherited socket, idle connections closed at once", &tally);
    assert_eq!(tally.failed.into_inner(), 0);
}

#[test]
fn ten_restarts_that_each_end_before_the_next_begins_fail_no_request() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let tally = under_load(address, |tally| {
        for _ in 0..RESTARTS {
            let program = Program::start_on(&listener, &[]);
            tally.wait_for_more();
            program.end();
        }
        let program = Program::start_on(&listener, &[]);
        tally.wait_for_more();
        program
    });
    report("ten times stopped, then started", &tally);
    assert_eq!(tally.failed.into_inner(), 0);
}

#[test]
fn an_idle_connection_is_closed_after_its_next_answer() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let program = Program::start_on(&listener, &["--drain-timeout", "1h"]);
    let mut idle = Client::connect(program.address);
    idle.send(get("/"));
    assert_eq!(idle.response().header("Connection"), None);
    program.signal("TERM");
    // It accepts nobody any more, so its successor has this one.
    let next = Program::start_on(&listener, &[]);
    let mut other = Client::connect(next.address);
    other.send(get_and_close("/"));
    other.response();
    idle.socket().set_nonblocking(true).expect("non-blocking");
    let seen = idle.socket().peek(&mut [0]).map_err(|error| error.kind());
    assert_eq!(seen, Err(ErrorKind::WouldBlock), "it is not closed while it is idle");
    idle.socket().set_nonblocking(false).expect("blocking");
    idle.send(get("/"));
    assert_eq!(idle.response().header("Connection"), Some("close"));
    idle.expect_end();
    drop(idle);
    program.end();
    next.end();
}

#[test]
fn a_client_in_an_inherited_queue_is_served_by_the_successor() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let program = Program::start_on(&listener, &["--drain-idle", "close"]);
    program.signal("STOP");
    wait_until("it is stopped", || program.is_stopped());
    let mut client = Client::connect(program.address);
    program.signal("TERM");
    program.signal("CONT");
    let ended = program.wait();
    assert_eq!(ended.number("connections"), 0);
    let next = Program::start_on(&listener, &[]);
    client.send(get_and_close("/"));
    assert_eq!(client.response().body, b"xixizi");
    next.end();
}

#[test]
fn an_idle_connection_is_closed_near_the_end_of_the_grace() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let program = Program::start_on(&listener, &["--drain-timeout", "500ms"]);
    let mut idle = Client::connect(program.address);
    idle.send(get("/"));
    idle.response();
    program.end();
    idle.expect_end();
}

#[test]
fn a_request_that_reuse_port_loses_in_a_hand_over_gets_not_a_byte() {
    let options = ["--reuse-port", "--drain-idle", "last-request"];
    let first = Program::start(&options);
    let address = first.address;
    let tally = under_load(address, |tally| restart(tally, first, || Program::start_at(address, &options)));
    report("ten times handed over by --reuse-port", &tally);
    // A request that is lost twice running would have failed; none is cut.
    assert_eq!(tally.failed.into_inner(), 0);
}

// --- what is inherited ---

#[test]
fn an_inherited_socket_replaces_the_default_address() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let program = Program::start_on(&listener, &[]);
    assert_eq!(program.address, listener.local_addr().expect("it is bound"));
    assert!(program.greeting.contains("(inherited); up to "), "{}", program.greeting);
    let both = Program::start_on(&listener, &["--listen", "127.0.0.1:0"]);
    assert_eq!(both.greeting.matches("http://").count(), 2, "{}", both.greeting);
    both.end();
    program.end();
}

#[test]
fn an_inherited_descriptor_that_is_no_listener_is_named_in_one_line() {
    let listener = TcpListener::bind(ANY_PORT).expect("a free port");
    let connection = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("a connection");
    is_refused(File::open("/dev/null").expect("/dev/null").into());
    is_refused(connection.into());
}

fn is_refused(descriptor: OwnedFd) {
    let ended = Child::with_streams(&mut handing_over(descriptor, &[])).wait();
    let complaint = ended.stderr;
    assert_eq!(ended.status.code(), Some(1), "{complaint}");
    assert!(
        complaint.starts_with("fourway: error: socket 1 of LISTEN_FDS is not a TCP listener: "),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}
