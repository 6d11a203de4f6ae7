//! Step 4: sleep until the kernel has news. The first try with mio, and a careless one.
//!
//! Run it with `cargo run --example step4 [ADDRESS]`.
//!
//! **What is new:** `Poll` sleeps until something happens, and names the socket by its token. `serve` is the same as
//! before, byte for byte.
//!
//! **What still fails:** mio is edge-triggered. It reports that bytes have *arrived*, not that bytes *are there*.
//! `serve` reads once, at most 1,024 bytes. If more have arrived, no event comes for the rest, and the client waits
//! for ever.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};

use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};

const LISTENER: Token = Token(0);

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let mut listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  curl http://{address}");
    println!("      curl -H \"Long: $(printf %01500d)\" http://{address}");
    println!("      top -p {}", std::process::id());
    println!("You will see that this program sleeps, and that the second curl waits for ever.");
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut last_token = LISTENER;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            let Some(connection) = connections.get_mut(&event.token()) else { continue };
            if let Err(error) = connection.serve() {
                println!("a client is gone: {error}");
                connections.remove(&event.token());
            }
        }
        while let Ok((mut stream, _)) = listener.accept() {
            last_token.0 += 1;
            poll.registry().register(&mut stream, last_token, Interest::READABLE)?;
            connections.insert(last_token, Connection { stream, input: Vec::new() });
        }
    }
}

impl Connection {
    /// Reads once, and answers what is whole.
    fn serve(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => self.input.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        while let Some(end) = self.input.windows(4).position(|four| four == b"\r\n\r\n") {
            self.stream.write_all(&response(&self.input[..end]))?;
            self.input.drain(..end + 4);
        }
        Ok(())
    }
}

fn response(request: &[u8]) -> Vec<u8> {
    let body = "xixizi\n".repeat(if request.starts_with(b"GET /big ") { 4 << 20 } else { 1 });
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
