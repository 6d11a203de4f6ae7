//! A closure that is kept in a variable first: the compiler infers its types too early.

fn main() {
    let answer = |_request, responder| responder.send(200, "text/plain", b"hello");
    let _handler = fourway::handler_fn(answer);
}
