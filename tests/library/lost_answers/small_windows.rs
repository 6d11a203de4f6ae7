//! Clients whose window is smaller than the answer: what does not fit waits in the server's kernel, where a reset would
//! take it.

use fourway::{CloseMode, Reason};

use super::config;
use crate::common::{ByHand, Client, stalled, wait_until};

/// The client has promised to send no more, but sends a line break when the server has closed.
#[test]
fn an_answer_that_does_not_fit_into_the_clients_window_is_lingered_over() {
    let mut server = ByHand::new(config(CloseMode::Fin));
    let mut client = Client::over_small(stalled::connect_with_small_window(server.address));
    let long = "x".repeat(6_000);
    let request = format!("GET /{long} HTTP/1.0\r\n\r\n");
    let sent = request.len() as u64;
    client.send(request);
    server.turn_until("it is answered", |server| server.stats().requests == 1);
    server.settle();
    client.send("\r\n");
    wait_until("the line break has been read", || {
        server.settle();
        server.server.stats().bytes_in == sent + 2
    });
    assert_eq!(server.server.stats().closes(Reason::Answered), 0, "it is lingered over");
    let reader = std::thread::spawn(move || {
        let response = client.response();
        client.expect_end();
        response.body
    });
    server.turn_until("the client has closed", |server| server.stats().open == 0);
    assert_eq!(reader.join().expect("no panic"), format!("/{long}").into_bytes());
}
