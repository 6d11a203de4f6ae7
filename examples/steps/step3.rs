//! Step 3: never wait for anybody.
//!
//! Run it with `cargo run --example step3 [ADDRESS]`.
//!
//! **What is new:** the sockets do not block. A `read` that finds nothing returns `WouldBlock`, and we ask the next
//! client. The variables of `serve` have to last until we come back, so they move into a `Connection`.
//!
//! **What still fails:** we ask all the time, so an idle server takes a whole core. And `write_all` was made for
//! sockets that block: it gives up when the kernel's buffer is full. Step 5 shows what that does.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  curl -s telnet://{address}     and type nothing");
    println!("      curl http://{address}     in a second terminal");
    println!("      top -p {}", std::process::id());
    println!("You will see that curl does not wait, and that this program is busy with nothing.");
    listener.set_nonblocking(true)?;
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        connections.retain_mut(|connection| match connection.serve() {
            Ok(()) => true,
            Err(error) => {
                println!("a client is gone: {error}");
                false
            }
        });
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            connections.push(Connection { stream, input: Vec::new() });
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
