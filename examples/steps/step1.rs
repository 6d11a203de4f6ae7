//! Step 1: the essay's program, in Rust. It serves one client after the other, and reads once.
//!
//! Run it with `cargo run --example step1 [ADDRESS]`.
//!
//! **What still fails:** `read` takes at most 1,024 bytes. The rest of a longer request is still unread when the
//! connection is closed. The kernel then sends a reset instead of a FIN, and the client reports an error.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("try:  curl http://{address}");
    println!("      curl -H \"Long: $(printf %01500d)\" http://{address}");
    println!("You will see xixizi. The second curl also says that the connection was reset.");
    loop {
        let (stream, _) = listener.accept()?;
        if let Err(error) = serve(stream) {
            println!("a client is lost: {error}");
        }
    }
}

/// Serves one client. Its connection is closed at the end, where `stream` is dropped.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer)?;
    println!("a request begins with {length} bytes");
    stream.write_all(&response(&buffer[..length]))
}

/// Makes the response. Its body ends where the connection ends.
fn response(request: &[u8]) -> Vec<u8> {
    let body = "xixizi\n".repeat(if request.starts_with(b"GET /big ") { 4 << 20 } else { 1 });
    format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes()
}
