//! Allocations and frees while the loop runs, and the size of a slot.
//!
//! The server runs on the test's own thread and its clients on another, so that a counter per
//! thread sees the loop alone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fourway::{
    Body, Config, Handler, Reply, Request, RequestId, Responder, Server, Stream, TokenRange, earliest, mio,
};

/// Counts the calls of each thread, and the bytes that it holds.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static FREES: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + size as i64 - layout.size() as i64);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        FREES.set(FREES.get() + 1);
        BYTES.set(BYTES.get() - layout.size() as i64);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ends the loop when the clients have returned, or one has panicked.
struct End(Arc<AtomicBool>, Arc<mio::Waker>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        self.1.wake().unwrap();
    }
}

/// What the server serves: at once, later, from a body that is shared, or by handing the connection over.
struct Site {
    parked: Vec<RequestId>,
    shared: Arc<[u8]>,
}

const SHARED: usize = 10_000;

impl Handler for Site {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        match (request.path(), request.body()) {
            ("/later", _) => {
                let (id, reply) = responder.defer();
                self.parked.push(id);
                reply
            }
            ("/keep", _) => {
                let (id, reply) = responder.defer_keeping();
                self.parked.push(id);
                reply
            }
            ("/shared", _) => responder.status(200).body(Body::Shared(self.shared.clone())),
            ("/upgrade", _) => responder.status(101).header("Upgrade", "echo").take_over().1,
            (_, b"") => responder.send(200, "text/plain", b"xixizi"),
            (_, body) => responder.body_with(200, "text/plain", |out| out.write_all(body)),
        }
    }

    /// Echoes what was read ahead, and closes.
    fn taken(&mut self, _: RequestId, stream: Stream, read_ahead: &[u8]) {
        let Stream::Tcp(mut stream) = stream else { panic!("it was TCP") };
        assert_eq!(stream.write(read_ahead).unwrap(), read_ahead.len());
    }
}

/// A server on this thread, which answers later what the handler has deferred; `clients` runs on another until it returns.
fn run(config: Config, clients: impl FnOnce(SocketAddr) + Send + 'static) -> (u64, u64, u64, u64) {
    let mut site = Site { parked: Vec::with_capacity(64), shared: Arc::from(vec![b's'; SHARED]) };
    let answer = |server: &mut Server, site: &mut Site| {
        for id in site.parked.drain(..) {
            if server.with_request(id, |request| request.path() == "/keep") == Some(true) {
                let echo = server.respond_with(id, Instant::now(), |request, responder| {
                    responder.send(200, "text/plain", request.body())
                });
                echo.unwrap();
                continue;
            }
            let responder = server.respond(id, Instant::now()).unwrap();
            responder.send(200, "text/plain", b"xixizi");
        }
    };
    run_with(config, &mut site, |site| !site.parked.is_empty(), answer, clients)
}

/// A server on this thread that listens; `clients` gets its address. Otherwise it is like [`run_from`].
pub fn run_with<H: Handler>(
    config: Config,
    site: &mut H,
    is_work: impl Fn(&H) -> bool,
    act: impl FnMut(&mut Server, &mut H),
    clients: impl FnOnce(SocketAddr) + Send + 'static,
) -> (u64, u64, u64, u64) {
    let listen = |server: &mut Server| {
        let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        server.local_addr(listener).unwrap()
    };
    run_from(config, listen, site, is_work, act, clients)
}

/// A server on this thread. `begin` prepares it, and returns what `clients` gets, which runs on another thread until it
/// returns. In each turn `act` does what the host has to do by itself, for which it does not wait if there `is_work`.
///
/// Returns the requests answered, the connections closed, and what the loop allocated and freed
/// from its first turn to its last.
pub fn run_from<H: Handler, T: Send + 'static>(
    config: Config,
    begin: impl FnOnce(&mut Server) -> T,
    site: &mut H,
    is_work: impl Fn(&H) -> bool,
    mut act: impl FnMut(&mut Server, &mut H),
    clients: impl FnOnce(T) + Send + 'static,
) -> (u64, u64, u64, u64) {
    let mut poll = mio::Poll::new().unwrap();
    let mut events = mio::Events::with_capacity(256);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), config).unwrap();
    let begun = begin(&mut server);
    // Kept here too: a waker that is dropped takes its wake-up with it.
    let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let end = End(done.clone(), waker.clone());
    let client = thread::spawn(move || {
        let _end = end;
        clients(begun);
    });
    let before = (ALLOCATIONS.get(), FREES.get());
    while !done.load(Ordering::Acquire) {
        // What was left to the host in the turn before is done in the next, without an event.
        let own = is_work(site).then_some(Duration::ZERO);
        poll.poll(&mut events, earliest(own, server.next_timeout(Instant::now()))).unwrap();
        for event in &events {
            server.handle_event(event);
        }
        act(&mut server, site);
        server.process(Instant::now(), site);
    }
    let (allocations, frees) = (ALLOCATIONS.get() - before.0, FREES.get() - before.1);
    let stats = server.stats();
    client.join().unwrap();
    (stats.requests, stats.closed, allocations, frees)
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reads `count` answers and compares their bodies.
fn read_answers(stream: &mut TcpStream, buffer: &mut Vec<u8>, count: usize) {
    let mut read = 0;
    while read < count {
        let mut chunk = [0; 65536];
        let len = stream.read(&mut chunk).unwrap();
        assert_ne!(len, 0, "the server closed after {read} of {count} answers");
        buffer.extend_from_slice(&chunk[..len]);
        while let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let Some(body) = buffer.get(at + 4..at + 10) else { break };
            assert_eq!(body, b"xixizi");
            buffer.drain(..at + 10);
            read += 1;
        }
    }
}

#[test]
fn a_hundred_thousand_keep_alive_requests_allocate_and_free_nothing() {
    const REQUESTS: usize = 100_000;
    const ROUNDS_TOGETHER: usize = 2_000;
    let (requests, _, allocations, frees) = run(Config::default(), |address| {
        let mut streams: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut buffer = Vec::new();
        // Alone, and as pipelined batches.
        for batch in [1, 1, 1, 1, 16, 40, 65].iter().cycle().scan(0, |sent, &batch| {
            (*sent < REQUESTS).then(|| {
                *sent += batch;
                batch
            })
        }) {
            let stream = &mut streams[batch % 8];
            stream.write_all(&GET.repeat(batch)).unwrap();
            read_answers(stream, &mut buffer, batch);
        }
        // And of several clients at a time, which are served together.
        for _ in 0..ROUNDS_TOGETHER {
            streams.iter_mut().for_each(|stream| stream.write_all(GET).unwrap());
            streams.iter_mut().for_each(|stream| read_answers(stream, &mut buffer, 1));
        }
    });
    assert!(requests >= REQUESTS as u64, "{requests} requests were answered");
    assert_eq!((allocations, frees), (0, 0));
}

#[test]
fn twenty_thousand_rounds_of_accept_respond_close_allocate_and_free_nothing() {
    const ROUNDS: u64 = 20_000;
    let (requests, closed, allocations, frees) = run(Config::default(), |address| {
        let mut buffer = Vec::new();
        for _ in 0..ROUNDS {
            let mut stream = TcpStream::connect(address).unwrap();
            // A reset at the end leaves no port in TIME_WAIT.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
            buffer.clear();
            stream.read_to_end(&mut buffer).unwrap();
            assert!(buffer.ends_with(b"\r\n\r\nxixizi"));
        }
    });
    assert_eq!((requests, closed), (ROUNDS, ROUNDS));
    assert_eq!((allocations, frees), (0, 0));
}

#[test]
fn requests_in_pieces_with_bodies_and_lingering_closes_allocate_and_free_nothing() {
    const ROUNDS: u64 = 500;
    let mut config = Config::default();
    config.timeouts.linger = Duration::from_millis(50);
    config.names = true;
    let (requests, _, allocations, frees) = run(config, |address| {
        let body = vec![b'x'; 60_000];
        for _ in 0..ROUNDS {
            let mut stream = TcpStream::connect(address).unwrap();
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in
                [&b"POST / HTTP/1.1\r\nHo"[..], b"st: x\r\nTransfer-Encoding: chunked\r\n\r\nea60", b"\r\n"]
            {
                stream.write_all(piece).unwrap();
            }
            stream.write_all(&body).unwrap();
            // What follows the close is discarded by the server while it lingers.
            stream.write_all(b"\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\nmore and more").unwrap();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).unwrap();
            assert!(answers.ends_with(b"\r\n\r\nxixizi"));
            assert!(answers.len() > body.len());
        }
    });
    assert_eq!(requests, 2 * ROUNDS);
    assert_eq!((allocations, frees), (0, 0));
}

#[test]
fn deferred_answers_and_shared_bodies_allocate_and_free_nothing() {
    const ROUNDS: u64 = 10_000;
    let (requests, _, allocations, frees) = run(Config::default(), |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut buffer = Vec::new();
        for _ in 0..ROUNDS {
            // Each waits for its answer behind another that does. The last is kept meanwhile.
            let kept = b"POST /keep HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nxixizi";
            let later = b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2);
            stream.write_all(&[&later[..], kept].concat()).unwrap();
            read_answers(&mut stream, &mut buffer, 3);
            stream.write_all(b"GET /shared HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut answer = [0; 2 * SHARED];
            let mut read = 0;
            while !answer[..read].ends_with(&[b's'; SHARED]) {
                let len = stream.read(&mut answer[read..]).unwrap();
                assert_ne!(len, 0, "the server closed after {read} bytes");
                read += len;
            }
        }
    });
    assert_eq!(requests, 4 * ROUNDS);
    assert_eq!((allocations, frees), (0, 0));
}

#[test]
fn connections_that_are_handed_over_allocate_and_free_nothing() {
    const ROUNDS: u64 = 5_000;
    let (requests, closed, allocations, frees) = run(Config::default(), |address| {
        let mut answers = Vec::new();
        for round in 0..ROUNDS {
            let mut stream = TcpStream::connect(address).unwrap();
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            // Every second is registered with the poller before.
            if round % 2 == 0 {
                stream.write_all(GET).unwrap();
                answers.clear();
                read_answers(&mut stream, &mut answers, 1);
            }
            stream.write_all(b"GET /upgrade HTTP/1.1\r\nHost: localhost\r\n\r\nahead").unwrap();
            answers.clear();
            stream.read_to_end(&mut answers).unwrap();
            assert!(answers.starts_with(b"HTTP/1.1 101 ") && answers.ends_with(b"\r\n\r\nahead"));
        }
    });
    assert_eq!((requests, closed), (ROUNDS + ROUNDS / 2, ROUNDS));
    assert_eq!((allocations, frees), (0, 0));
}

/// The whole of a server's memory is reserved when it is made; the difference between two of
/// them is the price of a slot.
#[cfg(all(target_pointer_width = "64", not(debug_assertions)))]
#[test]
fn a_slot_takes_forty_eight_bytes() {
    let bytes_of = |max_connections, names| {
        let poll = mio::Poll::new().unwrap();
        let mut config = Config::default();
        config.exchanges = 1;
        config.max_connections = max_connections;
        config.names = names;
        let before = BYTES.get();
        let server = Server::new(poll.registry(), TokenRange::nth(0), config).unwrap();
        let bytes = BYTES.get() - before;
        drop(server);
        bytes
    };
    let bytes_per_slot = |names| (bytes_of(2_000, names) - bytes_of(1_000, names)) / 1_000;
    assert_eq!((bytes_per_slot(false), bytes_per_slot(true)), (48, 48 + 48));
}
