//! Uploads and downloads at a steady pace, which a clock sets.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::common::{PATIENCE, get};
use crate::site::download;

/// Bytes of an upload.
const UPLOAD: usize = 512 * 1024;

const TICK: Duration = Duration::from_millis(10);

/// What the kernel of a downloading client takes beyond what the client has read. The kernel doubles it.
const WINDOW: usize = 32 * 1024;

pub struct Transfers {
    all: Vec<Transfer>,
    start: Instant,
    time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

struct Transfer {
    direction: Direction,
    stream: TcpStream,
    /// All that it sends.
    request: Vec<u8>,
    sent: usize,
    received: Vec<u8>,
    end: Option<Result<(), String>>,
}

/// How many of a kind there were, and how those have ended that were not whole.
pub struct Ended {
    pub count: usize,
    pub broken: Vec<String>,
}

impl Transfers {
    /// Begins this many uploads and downloads, each of which takes this time.
    pub fn begin(server: SocketAddr, uploads: usize, downloads: usize, time: Duration) -> Transfers {
        let ups = (0..uploads).map(|_| Transfer::new(server, Direction::Up));
        let downs = (0..downloads).map(|_| Transfer::new(server, Direction::Down));
        let mut transfers = Transfers { all: ups.chain(downs).collect(), start: Instant::now(), time };
        transfers.tick();
        transfers
    }

    /// Moves them on until each has had bytes from the server or has sent it some.
    pub fn wait_until_under_way(&mut self) {
        let start = Instant::now();
        let is_under_way = |transfer: &Transfer| match transfer.direction {
            Direction::Up => transfer.sent > UPLOAD / 100,
            Direction::Down => transfer.received.len() > download().len() / 100,
        };
        while !self.all.iter().all(is_under_way) {
            assert!(start.elapsed() < PATIENCE, "the transfers do not begin");
            thread::sleep(TICK);
            self.tick();
        }
    }

    /// Lets them go on by themselves, to their ends: how the uploads have ended, and how the downloads.
    pub fn go_on(mut self) -> JoinHandle<[Ended; 2]> {
        thread::spawn(move || {
            while self.all.iter().any(|transfer| transfer.end.is_none()) {
                assert!(self.start.elapsed() < PATIENCE, "the transfers do not end");
                thread::sleep(TICK);
                self.tick();
            }
            [Direction::Up, Direction::Down].map(|direction| self.ended(direction))
        })
    }

    fn tick(&mut self) {
        let share = self.start.elapsed().as_secs_f64() / self.time.as_secs_f64();
        for transfer in self.all.iter_mut().filter(|transfer| transfer.end.is_none()) {
            transfer.tick(share.min(1.0));
        }
    }

    fn ended(&self, direction: Direction) -> Ended {
        let of_it: Vec<_> = self.all.iter().filter(|transfer| transfer.direction == direction).collect();
        let broken = |transfer: &&Transfer| transfer.end.clone()?.err();
        Ended { count: of_it.len(), broken: of_it.iter().filter_map(broken).collect() }
    }
}

impl Transfer {
    fn new(server: SocketAddr, direction: Direction) -> Transfer {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let mut request = get("/download").into_bytes();
        match direction {
            Direction::Down => socket.set_recv_buffer_size(WINDOW).expect("SO_RCVBUF"),
            Direction::Up => {
                request =
                    format!("POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: {UPLOAD}\r\n\r\n").into();
                request.resize(request.len() + UPLOAD, b'u');
            }
        }
        socket.connect(&server.into()).expect("a connection");
        socket.set_nonblocking(true).expect("non-blocking");
        Transfer { direction, stream: socket.into(), request, sent: 0, received: Vec::new(), end: None }
    }

    /// Moves on to its share of all bytes.
    fn tick(&mut self, share: f64) {
        let so_far = |all: usize| (share * all as f64) as usize;
        let (to_send, to_receive) = match self.direction {
            Direction::Up => (so_far(self.request.len()), usize::MAX),
            Direction::Down => (self.request.len(), so_far(download().len() + 1024)),
        };
        self.send(to_send);
        self.receive(to_receive);
    }

    fn send(&mut self, to: usize) {
        while self.sent < to {
            match self.stream.write(&self.request[self.sent..to]) {
                Ok(sent) => self.sent += sent,
                // If the server has ended it, reading tells how.
                Err(_) => return,
            }
        }
    }

    fn receive(&mut self, to: usize) {
        let mut piece = [0; 64 * 1024];
        while self.end.is_none() && self.received.len() < to {
            let room = piece.len().min(to - self.received.len());
            match self.stream.read(&mut piece[..room]) {
                Ok(0) => self.end = Some(Err(self.broken("the server's FIN"))),
                Ok(read) => self.received.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(Err(self.broken(&error.to_string()))),
            }
            if self.is_whole() {
                self.end = Some(Ok(()));
            }
        }
    }

    fn is_whole(&self) -> bool {
        let Some(head) = self.received.windows(4).take(1024).position(|window| window == b"\r\n\r\n") else {
            return false;
        };
        let body = &self.received[head + 4..];
        self.received.starts_with(b"HTTP/1.1 200 ")
            && match self.direction {
                Direction::Up => body == UPLOAD.to_string().as_bytes(),
                Direction::Down => body.len() == download().len() && body == download(),
            }
    }

    fn broken(&self, how: &str) -> String {
        let line = self.received.split(|&byte| byte == b'\r').next().unwrap_or(b"");
        let line = line[..line.len().min(40)].escape_ascii();
        let (sent, received) = (self.sent, self.received.len());
        format!("{how} after {sent} bytes sent and {received} received (\"{line}\")")
    }
}
