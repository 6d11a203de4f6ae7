//! Step 6: a limit for everything. Nearly a server.
//!
//! Run it with `cargo run --example step6 [ADDRESS]`.
//!
//! **What is new:** every state has a deadline. In one turn, a client gets 32 steps, then others are served. A write
//! goes on where the last one stopped. After a refusal we linger: we read until the client closes. Otherwise its
//! unread bytes would make our close a reset, and a reset can take the refusal from the client.
//!
//! **What still fails:** the body of a request is taken for the next request. Also missing: malformed requests,
//! HEAD, HTTP/1.0, `Connection: close`, a full file table, a limit for memory. Each turn looks at all connections.

use std::io::{self, ErrorKind, Read, Write};
use std::{net::Shutdown, time::Duration, time::Instant};

use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const MOST_CONNECTIONS: usize = 64;
const MOST_BYTES: usize = 8 * 1024;
const MOST_STEPS: usize = 32;
const TIME: Duration = Duration::from_secs(3);

#[derive(PartialEq)]
enum State {
    Reading,
    Answering,
    Lingering,
}

struct Connection {
    stream: TcpStream,
    state: State,
    deadline: Instant,
    is_ready: bool,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let mut listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  what step 5 says, and one POST:");
    println!(r"      printf 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nGET\r\n\r\n' |");
    println!("          curl -sN telnet://{address}");
    println!("You will see 28 MiB, xixizi after 6 s at most, two responses to the POST, and then a 408.");
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: Slab<Connection> = Slab::with_capacity(MOST_CONNECTIONS);
    loop {
        let timeout = connections.iter().map(|(_, connection)| connection.timeout()).min();
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            connection.is_ready = true;
        }
        connections.retain(|_, connection| {
            let error = connection.serve().err();
            connection.is_ready = error.is_none();
            error.is_none_or(|error| error.kind() == ErrorKind::WouldBlock)
        });
        // In every turn, because the event of a client that found no place does not come again.
        while connections.len() < MOST_CONNECTIONS {
            let Ok((mut stream, _)) = listener.accept() else { break };
            let token = Token(connections.vacant_key());
            poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            connections.insert(Connection::new(stream));
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        let (state, deadline) = (State::Reading, Instant::now() + TIME);
        Connection { stream, state, deadline, is_ready: false, input: Vec::new(), output: Vec::new() }
    }

    /// Returns how long the loop may sleep.
    fn timeout(&self) -> Duration {
        if self.is_ready { Duration::ZERO } else { self.deadline.saturating_duration_since(Instant::now()) }
    }

    /// Goes from state to state, until a socket says that it would block, or the client has had its steps.
    fn serve(&mut self) -> io::Result<()> {
        for _ in 0..MOST_STEPS {
            let is_late = self.deadline <= Instant::now();
            let next = match self.state {
                _ if !self.is_ready && !is_late => return Err(ErrorKind::WouldBlock.into()),
                State::Reading if is_late => self.refuse("408 Request Timeout")?,
                _ if is_late => return Err(ErrorKind::TimedOut.into()),
                State::Reading => self.read()?,
                State::Answering => self.answer()?,
                State::Lingering => self.linger()?,
            };
            // More of a request does not earn more time. More of a response does.
            if next != self.state || next == State::Answering {
                self.deadline = Instant::now() + TIME;
            }
            self.state = next;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<State> {
        if let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
            self.output = response(&self.input[..end]);
            self.input.drain(..end + 4);
            return Ok(State::Answering);
        }
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            _ if self.input.len() > MOST_BYTES => return self.refuse("431 Request Header Fields Too Large"),
            length => self.input.extend_from_slice(&buffer[..length]),
        }
        Ok(State::Reading)
    }

    /// Sends `output`. The bytes that the kernel does not take stay in it.
    fn answer(&mut self) -> io::Result<State> {
        let length = self.stream.write(&self.output)?;
        self.output.drain(..length);
        Ok(if self.output.is_empty() { State::Reading } else { State::Answering })
    }

    /// Says why, and closes our half. If the kernel has no space for the reason, the client does not read anyway.
    fn refuse(&mut self, status: &str) -> io::Result<State> {
        let _ = self.stream.write(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        self.stream.shutdown(Shutdown::Write)?;
        Ok(State::Lingering)
    }

    /// Throws away what still comes, up to the client's end.
    fn linger(&mut self) -> io::Result<State> {
        let length = self.stream.read(&mut [0; 1024])?;
        if length > 0 { Ok(State::Lingering) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

fn response(request: &[u8]) -> Vec<u8> {
    let body = "xixizi\n".repeat(if request.starts_with(b"GET /big ") { 4 << 20 } else { 1 });
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
