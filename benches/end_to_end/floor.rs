//! The floor: a raw epoll server that does as little as an answer takes.
//!
//! Edge-triggered epoll, `accept4` in a loop, one `recv`, one `send`, `close` when asked to. It
//! parses nothing and times nothing out: it counts blank lines, looks for `Connection: close`, and
//! sends as many copies of one answer from one buffer. What a server costs above this is what its
//! HTTP, its limits and its deadlines cost; what it costs below this it saves in system calls, and in
//! segments: here the FIN is one of its own, as it is with any server that sends and then closes.
//!
//! It is no product. A request that comes in pieces ends its connection, and the bench's client,
//! which sends each in one piece, would then fail.

use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use socket2::{Domain, Socket, Type};

use crate::answer::Answer;

const EVENTS: usize = 1024;
const BUFFER: usize = 16 * 1024;
const BACKLOG: i32 = 4096;

/// Answers to pipelined requests leave in one `send`, up to this many bytes or one answer.
const TOGETHER: usize = 64 * 1024;

/// By file descriptor, as everything here: no slab, no token, no generation.
const STDIN: u64 = 0;

struct Floor {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    /// The one answer, over and over: whatever is owed is a tail of it.
    answers: Vec<u8>,
    answer: usize,
    last_answer: Vec<u8>,
    buffer: Vec<u8>,
    requests: u64,
}

struct Connection {
    socket: OwnedFd,
    /// Bytes that the kernel had no room for yet.
    owed: usize,
    /// Once a write had to wait, the poller is asked about writing as well.
    writes_watched: bool,
}

/// Serves until its standard input ends, then says how many requests it counted.
pub fn run(body_file: Option<&str>) -> io::Result<()> {
    let body = body_file.map_or_else(|| Ok(b"xixizi".to_vec()), fs::read)?;
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut floor = Floor::new(&body)?;
    let mut out = io::stdout();
    writeln!(out, "floor: listening on http://{}", floor.listener.local_addr()?)?;
    floor.turn_until_told()?;
    writeln!(out, "requests {}", floor.requests)
}

impl Floor {
    fn new(body: &[u8]) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit it.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        socket.listen(BACKLOG)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let answer = Answer::to_keep(body).bytes;
        Ok(Floor {
            epoll,
            listener: socket.into(),
            connections: Vec::new(),
            answers: answer.repeat((TOGETHER / answer.len()).max(1)),
            answer: answer.len(),
            last_answer: Answer::to_close(body).bytes,
            buffer: vec![0; BUFFER],
            requests: 0,
        })
    }

    fn turn_until_told(&mut self) -> io::Result<()> {
        let listener = number(&self.listener);
        epoll::add(
            &self.epoll,
            &self.listener,
            EventData::new_u64(listener),
            EventFlags::IN | EventFlags::ET,
        )?;
        epoll::add(&self.epoll, io::stdin(), EventData::new_u64(STDIN), EventFlags::IN)?;
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
            for event in events.drain(..) {
                match event.data.u64() {
                    STDIN => return Ok(()),
                    it if it == listener => self.accept_all()?,
                    it => self.serve(it as usize, event.flags),
                }
            }
        }
    }

    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            let socket = match accept_with(&self.listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let at = number(&socket);
            let interest = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&self.epoll, &socket, EventData::new_u64(at), interest)?;
            let at = at as usize;
            if at >= self.connections.len() {
                self.connections.resize_with(at + 1, || None);
            }
            self.connections[at] = Some(Connection { socket, owed: 0, writes_watched: false });
        }
    }

    /// What an event says is to be done; a connection that ends is dropped, which closes it.
    fn serve(&mut self, at: usize, event: EventFlags) {
        let Some(Some(connection)) = self.connections.get_mut(at) else { return };
        let mut more = true;
        if connection.owed > 0 {
            more = connection.send_owed(&self.epoll, &self.answers).unwrap_or(false);
            if connection.owed > 0 && more {
                return;
            }
        }
        let hang_up = event.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        while more {
            let read = match recv(&connection.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Err(Errno::AGAIN) => return,
                Ok((0, _)) | Err(_) => break,
                Ok((read, _)) => read,
            };
            let input = &self.buffer[..read];
            let requests = memmem::find_iter(input, b"\r\n\r\n").count();
            self.requests += requests as u64;
            if memmem::find(input, b"Connection: close").is_some() {
                // A client that asks for it does so in its only request.
                let _ = send(&connection.socket, &self.last_answer, SendFlags::NOSIGNAL);
                break;
            }
            connection.owed = requests * self.answer;
            more = input.ends_with(b"\r\n\r\n")
                && connection.send_owed(&self.epoll, &self.answers).unwrap_or(false);
            // A short read has emptied the socket, so that a later byte is a new edge. And before
            // more is read, what is owed has to go.
            if more && (connection.owed > 0 || (read < BUFFER && !hang_up)) {
                return;
            }
        }
        self.connections[at] = None;
    }
}

impl Connection {
    /// Sends until all is gone or the kernel has no more room; false if the client is gone.
    fn send_owed(&mut self, epoll: &OwnedFd, answers: &[u8]) -> io::Result<bool> {
        while self.owed > 0 {
            let part = match self.owed % answers.len() {
                0 => answers.len(),
                part => part,
            };
            match send(&self.socket, &answers[answers.len() - part..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.owed -= sent,
                Err(Errno::AGAIN) if self.writes_watched => return Ok(true),
                Err(Errno::AGAIN) => {
                    self.writes_watched = true;
                    let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                    let data = EventData::new_u64(number(&self.socket));
                    epoll::modify(epoll, &self.socket, data, interest)?;
                    return Ok(true);
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn number(source: &impl AsFd) -> u64 {
    source.as_fd().as_raw_fd() as u64
}
