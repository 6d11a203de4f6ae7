//! The same closure with types: it answers requests of one lifetime only.

use fourway::{Reply, Request, Responder};

fn main() {
    let answer = |_request: &Request<'_>, responder: Responder<'_>| -> Reply<'_> {
        responder.send(200, "text/plain", b"hello")
    };
    let _handler = fourway::handler_fn(answer);
}
