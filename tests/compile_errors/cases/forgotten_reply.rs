//! A handler that responds, and does not return the reply.

fn main() {
    let _handler = fourway::handler_fn(|_request, responder| {
        responder.send(200, "text/plain", b"hello");
    });
}
