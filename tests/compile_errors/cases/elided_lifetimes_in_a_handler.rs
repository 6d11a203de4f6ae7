//! A handler whose method leaves the lifetime of the reply out.

use fourway::{Handler, Reply, Request, Responder};

struct Hello;

impl Handler for Hello {
    fn request(&mut self, _request: &Request<'_>, responder: Responder<'_>) -> Reply<'_> {
        responder.send(200, "text/plain", b"hello")
    }
}

fn main() {
    let _ = Hello;
}
