//! The clients of an attack: all of them in one loop, and none ever waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::mio::net::TcpStream;
use fourway::mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

/// An attack stands when neither a client nor the server has moved for this time.
const STILL: Duration = Duration::from_millis(500);

/// How often the server's memory is looked at.
const LOOKS: Duration = Duration::from_millis(100);

/// The send buffer of a client. The kernel doubles it. It is small, so that what the clients have sent is
/// with the server and not in the kernel.
const SEND_BUFFER: usize = 32 * 1024;

/// The bytes that a client sends, and how it reads.
pub struct Plan {
    /// Sent once.
    pub opening: Vec<u8>,
    /// Sent again and again after the opening.
    pub refrain: Vec<u8>,
    pub reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Nothing,
    /// All answers; this many requests of this length are unanswered at a time.
    Ahead {
        requests: usize,
        request: usize,
    },
    /// One answer, which is the end.
    Answer,
}

pub struct Swarm {
    plan: Plan,
    /// How long one answer to a small request is.
    answer: usize,
    poll: Poll,
    clients: Vec<Client>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    sent: usize,
    received: usize,
    /// The answer, where it is the end.
    answer: Vec<u8>,
    is_over: bool,
}

impl Swarm {
    /// Connects all clients, which then wait for [`press`](Self::press).
    pub fn connect(server: SocketAddr, count: usize, plan: Plan, answer: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let interest = match plan.reading {
            Reading::Nothing => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let mut clients = Vec::with_capacity(count);
        for number in 0..count {
            let mut client = Client::connect(server)?;
            poll.registry().register(&mut client.stream, Token(number), interest)?;
            clients.push(client);
        }
        Ok(Swarm { plan, answer, poll, clients, buffer: vec![0; 64 * 1024] })
    }

    /// Presses until nothing moves any more or the time is over. Calls `look` again and again, which returns
    /// whether the server has moved.
    pub fn press(&mut self, most: Duration, look: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let start = Instant::now();
        let (mut moved, mut looked) = (start, start);
        let mut events = Events::with_capacity(1024);
        loop {
            let now = Instant::now();
            if now - looked >= LOOKS {
                looked = now;
                if look() {
                    moved = now;
                }
            }
            let all_are_over = self.clients.iter().all(|client| client.is_over);
            if all_are_over || now - moved >= STILL || now - start >= most {
                look();
                return Ok(());
            }
            self.poll.poll(&mut events, Some(LOOKS))?;
            for event in &events {
                if self.advance(event.token().0) {
                    moved = now;
                }
            }
        }
    }

    /// All bytes that the kernel has taken from the clients.
    pub fn sent(&self) -> u64 {
        self.clients.iter().map(|client| client.sent as u64).sum()
    }

    /// How many clients have a whole answer, and the answer is 200.
    pub fn answered(&self) -> usize {
        let is_whole = |client: &&Client| {
            client.answer.starts_with(b"HTTP/1.1 200") && client.answer.ends_with(crate::server::BODY)
        };
        self.clients.iter().filter(is_whole).count()
    }

    /// Moves one client on; returns whether it moved.
    fn advance(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        if client.is_over {
            return false;
        }
        let read = match self.plan.reading {
            Reading::Nothing => 0,
            _ => client.read(&mut self.buffer, self.plan.reading == Reading::Answer),
        };
        let most = match self.plan.reading {
            Reading::Ahead { requests, request } => (client.received / self.answer + requests) * request,
            _ if self.plan.refrain.is_empty() => self.plan.opening.len(),
            _ => usize::MAX,
        };
        let sent = client.send(&self.plan, most);
        if self.plan.reading == Reading::Answer && client.answer.ends_with(crate::server::BODY) {
            client.is_over = true;
        }
        read + sent > 0
    }
}

impl Client {
    /// Its close is a reset, so that no port waits in TIME_WAIT.
    fn connect(server: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.connect(&server.into())?;
        socket.set_nonblocking(true)?;
        let stream = TcpStream::from_std(socket.into());
        Ok(Client { stream, sent: 0, received: 0, answer: Vec::new(), is_over: false })
    }

    /// Reads until nothing is left; returns how many bytes that was.
    fn read(&mut self, buffer: &mut [u8], keep: bool) -> usize {
        let before = self.received;
        loop {
            match self.stream.read(buffer) {
                Ok(read) if read > 0 => {
                    self.received += read;
                    if keep {
                        self.answer.extend_from_slice(&buffer[..read]);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                _ => {
                    self.is_over = true;
                    break;
                }
            }
        }
        self.received - before
    }

    /// Sends until the kernel takes no more, or `most` bytes are sent; returns how many bytes that was.
    fn send(&mut self, plan: &Plan, most: usize) -> usize {
        let before = self.sent;
        while self.sent < most && !self.is_over {
            let piece = match plan.opening.get(self.sent..) {
                Some(rest) if !rest.is_empty() => rest,
                _ => &plan.refrain[(self.sent - plan.opening.len()) % plan.refrain.len()..],
            };
            match self.stream.write(&piece[..piece.len().min(most - self.sent)]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.is_over = true,
            }
        }
        self.sent - before
    }
}
