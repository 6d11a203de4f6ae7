//! A function without lifetimes: the reply could belong to the request or to the responder.

use fourway::{Reply, Request, Responder};

fn answer(_request: &Request, responder: Responder) -> Reply {
    responder.send(200, "text/plain", b"hello")
}

fn main() {
    let _handler = fourway::handler_fn(answer);
}
