//! Clients of every kind at once, and what they received.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::AddAssign;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::{Client, get, get_and_close};

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Several requests, one after the other.
    KeepAlive,
    /// One, after which the server closes.
    OneShot,
    /// Two, each with a body.
    Upload,
}

/// What clients sent and received, in numbers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Connections that were made, from the view of the clients.
    pub connections: usize,
    /// Answers that came whole, and were those to the request.
    pub whole: usize,
    /// Answers of which a part came, and then the connection's end.
    pub cut: usize,
    /// Requests without a byte of an answer before the connection's end.
    pub unanswered: usize,
    /// Answers that refused a request because it took too long.
    pub refused: usize,
    /// Connections that were ended by a reset after their last answer, where a FIN was to come.
    pub resets: usize,
    /// Bytes of the requests and answers that were whole.
    pub bytes_up: usize,
    pub bytes_down: usize,
    /// Bytes of requests without an answer, on connections that had been answered before.
    pub late_bytes: usize,
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Told) {
        self.connections += other.connections;
        self.whole += other.whole;
        self.cut += other.cut;
        self.unanswered += other.unanswered;
        self.refused += other.refused;
        self.resets += other.resets;
        self.bytes_up += other.bytes_up;
        self.bytes_down += other.bytes_down;
        self.late_bytes += other.late_bytes;
    }
}

impl Told {
    /// Connections that did not end as their client meant them to.
    pub fn lost(&self) -> usize {
        self.cut + self.unanswered + self.refused + self.resets
    }
}

/// How the clients meet the server.
pub struct Load<'a> {
    pub address: SocketAddr,
    pub page: &'a [u8],
    /// Whether a client waits for the end of its connection after the server has announced it.
    pub waits_for_end: bool,
    pub upload_bytes: usize,
    /// Answers that came whole, up to now and of all clients.
    pub answered: AtomicUsize,
}

impl<'a> Load<'a> {
    pub fn new(address: SocketAddr, page: &'a [u8]) -> Load<'a> {
        let answered = AtomicUsize::new(0);
        Load { address, page, waits_for_end: true, upload_bytes: 60_000, answered }
    }

    /// Runs all kinds at once, and each kind this number of times in a row.
    pub fn run(&self, connections: usize) -> Told {
        self.at_once(|kind| {
            let mut told = Told::default();
            (0..connections).for_each(|_| told += self.connection(kind).expect("somebody listens"));
            told
        })
    }

    /// All kinds at once and twice each, until nobody listens any more.
    pub fn run_until_refused(&self) -> Told {
        self.at_once(|kind| {
            let mut told = Told::default();
            while let Some(more) = self.connection(kind) {
                told += more;
            }
            told
        })
    }

    fn at_once(&self, clients: impl Fn(Kind) -> Told + Sync) -> Told {
        let kinds =
            [Kind::KeepAlive, Kind::OneShot, Kind::Upload, Kind::KeepAlive, Kind::OneShot, Kind::Upload];
        let clients = &clients;
        thread::scope(|scope| {
            let clients: Vec<_> = kinds.map(|kind| scope.spawn(move || clients(kind))).into_iter().collect();
            let mut sum = Told::default();
            clients.into_iter().for_each(|client| sum += client.join().expect("a client"));
            sum
        })
    }

    /// One connection, from its first to its last request; `None` if it is refused.
    fn connection(&self, kind: Kind) -> Option<Told> {
        let mut told = Told { connections: 1, ..Told::default() };
        let stream = match TcpStream::connect(self.address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return None,
            // It was taken by the kernel, and reset before the client looked.
            Err(error) if is_end(&error) => {
                told.unanswered += 1;
                return Some(told);
            }
            stream => stream.expect("a connection"),
        };
        let mut client = Client::over(stream);
        let (request, count) = match kind {
            Kind::KeepAlive => (get("/").into_bytes(), 8),
            Kind::OneShot => (get_and_close("/").into_bytes(), 1),
            Kind::Upload => (self.upload(), 2),
        };
        let mut goes_on = true;
        for number in 0..count {
            match self.ask(&mut client, &request, number > 0, &mut told) {
                Some(keeps) => goes_on = keeps,
                None => return Some(told),
            }
            if !goes_on {
                break;
            }
        }
        if !goes_on && self.waits_for_end {
            match client.try_rest() {
                Ok(rest) => assert_eq!(rest.len(), 0, "nothing follows the last response"),
                Err(error) => told.resets += usize::from(expect_end(&error)),
            }
        }
        Some(told)
    }

    fn upload(&self) -> Vec<u8> {
        let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", self.upload_bytes);
        [head.into_bytes(), vec![b'x'; self.upload_bytes]].concat()
    }

    /// One request and its answer, and whether another may follow; `None` if there is none.
    fn ask(&self, client: &mut Client, request: &[u8], is_reused: bool, told: &mut Told) -> Option<bool> {
        // An answer may have come before the request was out, as one that refuses it does.
        let sent = client.socket().write_all(request);
        sent.as_ref().err().map(expect_end);
        match begins(client) {
            Ok(true) => {}
            end => {
                end.as_ref().err().map(expect_end);
                told.unanswered += 1;
                told.late_bytes += if is_reused { request.len() } else { 0 };
                return None;
            }
        }
        match client.try_response() {
            Ok(response) if response.status == 200 => {
                assert!(response.body == self.page, "another answer: {}", response.head);
                self.answered.fetch_add(1, Ordering::Relaxed);
                told.whole += 1;
                told.bytes_up += request.len();
                told.bytes_down += response.head.len() + response.body.len();
                Some(!response.head.contains("Connection: close"))
            }
            Ok(response) => {
                assert!(matches!(response.status, 408 | 503), "{}", response.head);
                told.refused += 1;
                None
            }
            Err(error) => {
                expect_end(&error);
                told.cut += 1;
                None
            }
        }
    }
}

/// Waits for the first byte of an answer; whether there is one.
fn begins(client: &mut Client) -> io::Result<bool> {
    io::BufRead::fill_buf(&mut client.stream).map(|bytes| !bytes.is_empty())
}

/// All that may happen to a client: that its connection ends. That nothing comes is no end.
fn expect_end(error: &io::Error) -> bool {
    assert!(is_end(error), "neither an answer nor an end: {error}");
    true
}

fn is_end(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
