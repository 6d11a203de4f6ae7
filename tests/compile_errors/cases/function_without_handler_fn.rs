//! A function where a handler is needed.

use std::time::Instant;

use fourway::{Reply, Request, Responder, Server};

fn hello<'r>(_request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    responder.send(200, "text/plain", b"hello")
}

fn turn(server: &mut Server) {
    server.process(Instant::now(), &mut hello);
}

fn main() {
    let _ = turn;
}
