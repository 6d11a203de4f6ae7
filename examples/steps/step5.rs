//! Step 5: one state machine for each connection, in a slab.
//!
//! Run it with `cargo run --example step5 [ADDRESS]`.
//!
//! **What is new:** an event only says where to look. `serve` goes on, from state to state, until the kernel says
//! `WouldBlock`, so no edge is lost. A slab holds 64 connections at most. Its keys are the tokens.
//!
//! **What still fails:** 64 clients that begin a request and never end it (a slow-loris attack) hold all places for
//! ever. A client that sends many requests at once is served to its end before anybody else. And `write_all` gives
//! up when the kernel's buffer is full, so a long response is cut short.

use std::io::{self, ErrorKind, Read, Write};

use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const MOST_CONNECTIONS: usize = 64;

enum State {
    Reading,
    Answering,
}

struct Connection {
    stream: TcpStream,
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let mut listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  curl --limit-rate 1M http://{address}/big | wc -c");
    println!("      for i in $(seq 64); do (echo GET; sleep 99) | curl -s telnet://{address} & done");
    println!("      curl http://{address}");
    println!("You will see that the first curl gets a part of 28 MiB, and that the second waits for ever.");
    println!("Ctrl-C ends this program, and the slow clients with it.");
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: Slab<Connection> = Slab::with_capacity(MOST_CONNECTIONS);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            match connection.serve() {
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    println!("a client is gone: {error}");
                    connections.remove(event.token().0);
                }
                _ => {}
            }
        }
        // In every turn, because the event of a client that found no place does not come again.
        while connections.len() < MOST_CONNECTIONS {
            let Ok((mut stream, _)) = listener.accept() else { break };
            let token = Token(connections.vacant_key());
            poll.registry().register(&mut stream, token, Interest::READABLE)?;
            connections.insert(Connection::new(stream));
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, state: State::Reading, input: Vec::new(), output: Vec::new() }
    }

    /// Goes from state to state, until a socket says that it would block.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            self.state = match self.state {
                State::Reading => self.read()?,
                State::Answering => self.answer()?,
            };
        }
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
            length => self.input.extend_from_slice(&buffer[..length]),
        }
        Ok(State::Reading)
    }

    /// If the kernel does not take the whole response, this is an error like any other.
    fn answer(&mut self) -> io::Result<State> {
        self.stream.write_all(&self.output).map_err(io::Error::other)?;
        Ok(State::Reading)
    }
}

fn response(request: &[u8]) -> Vec<u8> {
    let body = "xixizi\n".repeat(if request.starts_with(b"GET /big ") { 4 << 20 } else { 1 });
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
