//! Step 7: the library.
//!
//! Run it with `cargo run --example step7 [ADDRESS]`.
//!
//! **What is new:** the loop, the slab, the states and the limits are in `fourway`, and so is what step 6 lacks.
//! Only the response is left to write.

use std::error::Error;

use fourway::{Body, Config, Reactor, handler_fn};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:65534".into());
    let mut reactor = Reactor::new(Config::default())?;
    let listener = reactor.listen(address.parse()?)?;
    let address = reactor.local_addr(listener).ok_or("it does not listen")?;
    println!("listening on http://{address}");
    println!(r"try:  printf 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nGET\r\n\r\n' |");
    println!("          curl -sN telnet://{address}");
    println!("You will see one response. Stop curl with Ctrl-C.");
    let big = Body::Repeat { page: "xixizi\n".repeat(1024).into_bytes().into(), len: 7 << 22 };
    let mut handler = handler_fn(|request, responder| match request.path() {
        "/big" => responder.status(200).body(big.clone()),
        _ => responder.send(200, "text/plain", "xixizi\n"),
    });
    Ok(reactor.run(&mut handler)?)
}
