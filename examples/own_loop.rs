//! The smallest loop of your own. The README shows it.
//!
//! ```sh
//! cargo run --example own_loop [ADDRESS]
//! curl http://127.0.0.1:8080/
//! ```

use std::error::Error;
use std::io::ErrorKind;
use std::time::Instant;

use fourway::mio::{Events, Poll};
use fourway::{Config, Server, TokenRange, handler_fn};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    server.listen(address.parse()?)?;
    let mut hello = handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello\n"));
    loop {
        match poll.poll(&mut events, server.next_timeout(Instant::now())) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            if !server.handle_event(event) { /* an event of one of your own sources */ }
        }
        server.process(Instant::now(), &mut hello);
    }
}
