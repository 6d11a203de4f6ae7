//! What a request and a connection cost over loopback, beside the same bytes without a server.
//!
//! Client and server take turns on one thread, so that nobody sleeps and nothing is measured but
//! the work: the system calls of both ends, and between them the server. `floor` is those calls
//! alone; compare with it, not with another day's run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use divan::Bencher;
use fourway::mio::{Events, Poll};
use fourway::{Config, Server, TokenRange, handler_fn};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const GET_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What the server answers, as a server without a thought would.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nxixizi";

fn main() {
    divan::main();
}

/// The server, and a loop that turns once when it is told.
struct Host {
    poll: Poll,
    events: Events,
    server: Server,
    address: std::net::SocketAddr,
}

impl Host {
    fn new() -> Self {
        let poll = Poll::new().unwrap();
        let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default()).unwrap();
        let listener = server.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.local_addr(listener).unwrap();
        Host { poll, events: Events::with_capacity(64), server, address }
    }

    /// Waits for what the client has just done, and deals with it.
    fn turn(&mut self) {
        self.poll.poll(&mut self.events, self.server.next_timeout(Instant::now())).unwrap();
        for event in &self.events {
            self.server.handle_event(event);
        }
        let mut handler = handler_fn(|_, responder| responder.send(200, "text/plain", b"xixizi"));
        self.server.process(Instant::now(), &mut handler);
    }
}

/// A client whose close is a reset, so that no port stays in TIME_WAIT.
fn connect(address: std::net::SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_nodelay(true).unwrap();
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    client
}

/// Reads as many answers as were asked for.
fn read_answers(client: &mut TcpStream, count: usize) {
    let mut buffer = [0; 8192];
    let mut left = count * ANSWER.len();
    while left > 0 {
        left -= client.read(&mut buffer).unwrap();
    }
}

#[divan::bench(args = [1, 16])]
fn requests_floor(bencher: Bencher, pipelined: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = connect(listener.local_addr().unwrap());
    let (mut server, _) = listener.accept().unwrap();
    let (ask, answer) = (GET.repeat(pipelined), ANSWER.repeat(pipelined));
    let mut buffer = [0; 8192];
    bencher.counter(divan::counter::ItemsCount::new(pipelined)).bench_local(|| {
        client.write_all(&ask).unwrap();
        assert_eq!(server.read(&mut buffer).unwrap(), ask.len());
        server.write_all(&answer).unwrap();
        read_answers(&mut client, pipelined);
    });
}

#[divan::bench(args = [1, 16])]
fn requests_fourway(bencher: Bencher, pipelined: usize) {
    let mut host = Host::new();
    let mut client = connect(host.address);
    host.turn();
    let ask = GET.repeat(pipelined);
    bencher.counter(divan::counter::ItemsCount::new(pipelined)).bench_local(|| {
        client.write_all(&ask).unwrap();
        host.turn();
        read_answers(&mut client, pipelined);
    });
}

#[divan::bench]
fn connection_floor(bencher: Bencher) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut buffer = [0; 8192];
    bencher.bench_local(|| {
        let mut client = connect(address);
        client.write_all(GET_CLOSE).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert_eq!(server.read(&mut buffer).unwrap(), GET_CLOSE.len());
        server.write_all(ANSWER).unwrap();
        drop(server);
        while client.read(&mut buffer).unwrap() > 0 {}
    });
}

#[divan::bench]
fn connection_fourway(bencher: Bencher) {
    let mut host = Host::new();
    let mut buffer = [0; 8192];
    bencher.bench_local(|| {
        let mut client = connect(host.address);
        client.write_all(GET_CLOSE).unwrap();
        host.turn();
        while client.read(&mut buffer).unwrap() > 0 {}
    });
}
