//! Answers that come later: from the host's own handler of datagrams, from another thread, too late, twice, to the wrong
//! server, and to clients that have gone.

mod answers;
mod cancelled;
mod clients;
mod failures;
mod half_close;
mod kept;
mod overdue;
mod taken_in;

use std::time::Instant;

use fourway::{RequestId, Server};

fn answer(server: &mut Server, id: RequestId, body: &[u8]) {
    let responder = server.respond(id, Instant::now()).expect("it still waits");
    responder.send(200, "text/plain", body);
}
