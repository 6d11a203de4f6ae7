//! Step 2: read until the request is whole.
//!
//! Run it with `cargo run --example step2 [ADDRESS]`.
//!
//! **What is new:** a request ends with a blank line, so we read until there is one, in as many reads as it takes.
//! We say how long the body is, so the connection can stay open for the next request. The client closes it.
//!
//! **What still fails:** while we wait in `read` for one client, nobody else is served. A client that connects and
//! says nothing stops everybody.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  curl -s telnet://{address}     and type nothing");
    println!("      curl http://{address}     in a second terminal");
    println!("You will see that curl waits until you stop the first curl.");
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(error) = serve(stream) {
            println!("a client is lost: {error}");
        }
    }
}

/// Serves one client, until it closes the connection.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut input = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => input.extend_from_slice(&buffer[..length]),
        }
        while let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            stream.write_all(&response(&input[..end]))?;
            input.drain(..end + 4);
        }
    }
}

fn response(request: &[u8]) -> Vec<u8> {
    let body = "xixizi\n".repeat(if request.starts_with(b"GET /big ") { 4 << 20 } else { 1 });
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
