//! What the tests on real sockets share: servers that end with their test, and a plain client.
//!
//! Nothing here sleeps to give somebody time. A test waits for a line, a response or an end of
//! input, each with [`PATIENCE`]; where only the system's own tables tell, it asks them again
//! until they do.

// Each test binary uses a part of it.
#![allow(dead_code, unused_imports)]

#[cfg(target_os = "linux")]
pub mod borrowed;
#[cfg(target_os = "linux")]
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod own;
#[cfg(target_os = "linux")]
pub mod sockets;
#[cfg(feature = "cli")]
pub mod program;
#[cfg(all(target_os = "linux", feature = "cli"))]
pub mod strace;
pub mod browser;
pub mod child;
#[cfg(unix)]
pub mod chromium;
pub mod chunks;
#[cfg(unix)]
pub mod passing;
pub mod embed;
pub mod json;
pub mod stalled;
pub mod streaming;
pub mod taken;
pub mod tools;
pub mod witness;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use child::PATIENCE;
use fourway::mio::{Events, Poll, Token, Waker};
use fourway::{Config, Handler, Reply, Request, Responder, Server, Stats, TokenRange, handler_fn};
use socket2::{Domain, SockRef, Socket, Type};

/// An address on which the system chooses the port.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Asks again until it is so, where the system has no event for it.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A line on the terminal although the test passes: libtest holds back only what is printed with
/// the macros.
pub fn say(line: &str) {
    let _ = io::stderr().write_all(format!("\n{line}\n").as_bytes());
}

/// Whether a failure to find something has to be one of the test.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some()
}

#[cfg(unix)]
pub use tools::raise_descriptor_limit;

/// Only Unix has this limit.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() {}

// --- servers ---

/// One mebibyte in which every byte depends on its place.
pub fn big() -> &'static [u8] {
    static BIG: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..1u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect());
    &BIG
}

/// What the test servers answer: the target itself, the length of the request's body, [`big`].
pub fn routes<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    match request.path() {
        "/big" => responder.status(200).header("Content-Type", "application/octet-stream").body(big()),
        "/length" => responder.send(200, "text/plain", request.body().len().to_string().as_bytes()),
        _ => responder.send(200, "text/plain", request.target().as_bytes()),
    }
}

/// A [`Server`] in a loop of its own on another thread; dropping it ends both.
pub struct Host {
    pub address: SocketAddr,
    orders: Sender<Order>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Stats(Sender<Stats>),
    Stop,
}

impl Host {
    pub fn start(config: Config) -> Host {
        Host::start_at(ANY_PORT, config).expect("a server on a free port")
    }

    pub fn start_at(address: SocketAddr, config: Config) -> io::Result<Host> {
        Host::start_with(address, config, handler_fn(routes))
    }

    pub fn start_with(
        address: SocketAddr,
        config: Config,
        mut handler: impl Handler + Send + 'static,
    ) -> io::Result<Host> {
        const WAKER: Token = Token(0);
        raise_descriptor_limit();
        let mut poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut server =
            Server::new(poll.registry(), TokenRange::nth(0), config).map_err(io::Error::other)?;
        let listener = server.listen(address)?;
        let address = server.local_addr(listener).expect("it listens");
        let (orders, received) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut events = Events::with_capacity(256);
            loop {
                match poll.poll(&mut events, server.next_timeout(Instant::now())) {
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("poll: {error}"),
                    _ => {}
                }
                for event in &events {
                    assert!(server.handle_event(event) != (event.token() == WAKER), "each knows its own");
                }
                server.process(Instant::now(), &mut handler);
                for order in received.try_iter() {
                    match order {
                        Order::Stats(to) => drop(to.send(server.stats())),
                        Order::Stop => return,
                    }
                }
            }
        });
        Ok(Host { address, orders, waker, thread: Some(thread) })
    }

    /// What the server has counted up to now.
    pub fn stats(&self) -> Stats {
        let (to, stats) = mpsc::channel();
        self.order(Order::Stats(to));
        stats.recv_timeout(PATIENCE).expect("the server is alive")
    }

    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
        let _ = self.waker.wake();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.order(Order::Stop);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the server panicked");
        }
    }
}

/// A [`Server`] that does only what the test makes it do, so that the order of things is certain.
pub struct ByHand {
    pub address: SocketAddr,
    pub server: Server,
    poll: Poll,
    events: Events,
}

impl ByHand {
    pub fn new(config: Config) -> ByHand {
        raise_descriptor_limit();
        let poll = Poll::new().expect("a poller");
        let mut server = Server::new(poll.registry(), TokenRange::nth(0), config).expect("a sound config");
        let listener = server.listen(ANY_PORT).expect("a free port");
        let address = server.local_addr(listener).expect("it listens");
        ByHand { address, server, poll, events: Events::with_capacity(256) }
    }

    /// One turn, after at most `wait` of waiting for events; whether there was anything to do.
    pub fn turn(&mut self, wait: Duration) -> bool {
        let timeout = fourway::earliest(self.server.next_timeout(Instant::now()), Some(wait));
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("poll: {error}"),
            _ => {}
        }
        for event in &self.events {
            assert!(self.server.handle_event(event), "all tokens are the server's");
        }
        let progress = self.server.process(Instant::now(), &mut handler_fn(routes));
        progress.more || !self.events.is_empty()
    }

    /// Turns until all that has arrived is dealt with.
    pub fn settle(&mut self) {
        while self.turn(Duration::ZERO) {}
    }

    pub fn turn_until(&mut self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let start = Instant::now();
        while !is_so(&self.server) {
            assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}: {:?}", self.server);
            self.turn(Duration::from_millis(100));
        }
    }

    /// Turns until a client on another thread has finished.
    pub fn serve<T>(&mut self, client: JoinHandle<T>) -> T {
        let start = Instant::now();
        while !client.is_finished() {
            assert!(start.elapsed() < PATIENCE, "the client waits for ever: {:?}", self.server);
            self.turn(Duration::from_millis(5));
        }
        client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

// --- a client ---

/// A connection as a plain client has it.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

/// Starts a connection without waiting for the handshake.
pub fn begin_to_connect(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("non-blocking");
    // It is in progress; if it fails, the first write says so.
    let _ = socket.connect(&address.into());
    socket.set_nonblocking(false).expect("blocking again");
    socket.into()
}

/// A response that arrived whole, as long as its Content-Length says.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn status_line(&self) -> &str {
        self.head.lines().next().unwrap_or("")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

pub fn get_and_close(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::over(TcpStream::connect(address).expect("a connection"))
    }

    pub fn over(stream: TcpStream) -> Client {
        Client::with_buffer(stream, 64 * 1024)
    }

    /// One of thousands.
    pub fn over_small(stream: TcpStream) -> Client {
        Client::with_buffer(stream, 512)
    }

    fn with_buffer(stream: TcpStream, bytes: usize) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        Client { stream: BufReader::with_capacity(bytes, stream) }
    }

    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket().write_all(bytes.as_ref()).expect("the server takes what is sent");
    }

    /// Says that nothing more will come.
    pub fn finish(&mut self) {
        self.socket().shutdown(Shutdown::Write).expect("a FIN");
    }

    /// The next response to anything but HEAD.
    pub fn try_response(&mut self) -> io::Result<Response> {
        let mut response = self.try_head()?;
        if response.status >= 200 && response.status != 204 && response.status != 304 {
            let length = response.header("Content-Length").and_then(|value| value.parse().ok());
            response.body = vec![0; length.ok_or_else(|| malformed(&response.head))?];
            self.stream.read_exact(&mut response.body)?;
        }
        Ok(response)
    }

    pub fn response(&mut self) -> Response {
        self.try_response().expect("a whole response")
    }

    /// The head of the next response. Its body, if it has one, is left unread.
    pub fn response_head(&mut self) -> Response {
        self.try_head().expect("the head of a response")
    }

    fn try_head(&mut self) -> io::Result<Response> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("ended after {head:?}")));
            }
        }
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| malformed(&head))?;
        Ok(Response { status, head, body: Vec::new() })
    }

    /// Asks for a target, and returns the response.
    pub fn ask(&mut self, target: &str) -> Response {
        self.send(get(target));
        self.response()
    }

    /// Asks for a target with the last request of the connection, and returns the response.
    pub fn ask_last(&mut self, target: &str) -> Response {
        self.send(get_and_close(target));
        self.response()
    }

    /// Everything up to the server's FIN; an error if it was a reset instead.
    pub fn try_rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    pub fn rest(&mut self) -> Vec<u8> {
        self.try_rest().expect("the server's FIN, not a reset")
    }

    /// Reads to the end of input, where there must be nothing before it.
    pub fn expect_end(&mut self) {
        let rest = self.rest();
        assert_eq!(rest.escape_ascii().to_string(), "", "nothing follows the last response");
    }

    /// Closes by a reset, which leaves neither side in TIME_WAIT.
    pub fn reset(self) {
        SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    }
}

fn malformed(head: &str) -> io::Error {
    io::Error::other(format!("not a response: {head:?}"))
}

/// Proves that a server still serves.
pub fn expect_alive(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.send(get_and_close("/alive"));
    let response = client.response();
    assert_eq!((response.status, response.body.as_slice()), (200, &b"/alive"[..]));
    client.reset();
}
