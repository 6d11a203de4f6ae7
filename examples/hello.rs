//! The shortest server: a closure, and a `Reactor`, which is a loop for programs that have none.
//!
//! ```sh
//! cargo run --example hello [ADDRESS]
//! curl http://127.0.0.1:8080/
//! ```

use std::error::Error;
use std::io::{Write, stdout};

use fourway::{Config, Reactor, handler_fn};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let mut reactor = Reactor::new(Config::default())?;
    let listener = reactor.listen(address.parse()?)?;
    // The server knows the port, even if the system has chosen it (port 0).
    if let Some(address) = reactor.local_addr(listener) {
        println!("listening on http://{address}");
        stdout().flush()?;
    }
    let mut hello = handler_fn(|request, responder| match (request.method(), request.path()) {
        ("GET" | "HEAD", "/") => responder.send(200, "text/plain", b"hello\n"),
        (_, "/") => responder.status(405).header("Allow", "GET, HEAD").empty(),
        _ => responder.send(404, "text/plain", b"not here\n"),
    });
    Ok(reactor.run(&mut hello)?)
}
