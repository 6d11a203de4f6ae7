//! A closure where a handler is needed.

use std::time::Instant;

fn turn(server: &mut fourway::Server) {
    server.process(Instant::now(), &mut |_request, responder| responder.send(200, "text/plain", b"hello"));
}

fn main() {
    let _ = turn;
}
