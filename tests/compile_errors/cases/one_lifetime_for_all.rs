//! What the compiler proposes for elided lifetimes: one lifetime for the request and the reply.

use fourway::{Reply, Request, Responder};

fn answer<'a>(_request: &'a Request<'a>, responder: Responder<'a>) -> Reply<'a> {
    responder.send(200, "text/plain", b"hello")
}

fn main() {
    let _handler = fourway::handler_fn(answer);
}
