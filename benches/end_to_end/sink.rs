//! The floor of an upload: a raw epoll loop that reads and throws away.
//!
//! It looks for a length in the first read, counts bytes, and answers with their number. The rest is as in `floor.rs`.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use socket2::{Domain, Socket, Type};

const EVENTS: usize = 1024;
/// As a loop has it that is made for uploads.
const BUFFER: usize = 64 * 1024;
const BACKLOG: i32 = 4096;
const STDIN: u64 = 0;

struct Sink {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    buffer: Vec<u8>,
    requests: u64,
}

struct Connection {
    socket: OwnedFd,
    /// The length of the body, and how much of it is still to come.
    len: u64,
    left: u64,
}

/// Serves until its standard input ends, then says how many requests it counted.
pub fn run() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(BACKLOG)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let listener = socket.into();
    let mut sink = Sink { epoll, listener, connections: Vec::new(), buffer: vec![0; BUFFER], requests: 0 };
    let mut out = io::stdout();
    writeln!(out, "sink: listening on http://{}", sink.listener.local_addr()?)?;
    sink.turn_until_told()?;
    writeln!(out, "requests {}", sink.requests)
}

impl Sink {
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
            self.connections[at] = Some(Connection { socket, len: 0, left: 0 });
        }
    }

    fn serve(&mut self, at: usize, event: EventFlags) {
        let Some(Some(connection)) = self.connections.get_mut(at) else { return };
        let hang_up = event.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        loop {
            let read = match recv(&connection.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Err(Errno::AGAIN) => return,
                Ok((0, _)) | Err(_) => break,
                Ok((read, _)) => read,
            };
            let mut bytes = read as u64;
            if connection.left == 0 {
                let Some((head, len)) = head(&self.buffer[..read]) else { break };
                (connection.len, connection.left, bytes) = (len, len, bytes - head as u64);
            }
            connection.left -= bytes;
            if connection.left == 0 {
                self.requests += 1;
                let _ = send(&connection.socket, &answer(connection.len), SendFlags::NOSIGNAL);
            }
            if read < BUFFER && !hang_up {
                return;
            }
        }
        self.connections[at] = None;
    }
}

/// Returns the length of a head that has come in one piece, and that of its body.
fn head(bytes: &[u8]) -> Option<(usize, u64)> {
    const NAME: &[u8] = b"Content-Length: ";
    let end = memmem::find(bytes, b"\r\n\r\n")? + 4;
    let value = &bytes[memmem::find(&bytes[..end], NAME)? + NAME.len()..];
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit());
    Some((end, digits.fold(0, |number, digit| 10 * number + u64::from(digit - b'0'))))
}

fn answer(len: u64) -> Vec<u8> {
    let text = len.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

fn number(source: &impl AsFd) -> u64 {
    source.as_fd().as_raw_fd() as u64
}
