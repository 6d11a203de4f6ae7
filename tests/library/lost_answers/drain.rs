//! A drain costs no client the answer to a request that the handler was given.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::{MODES, config};
use crate::common::embed::{Loop, Rig};
use crate::common::{ANY_PORT, Client, PATIENCE, get};
use fourway::{Handler, Phase, Reply, Request, Responder};

/// Longer than any test, so no answer is cut off by the end of the drain.
const GRACE: Duration = PATIENCE;

/// A handler that makes the client send a line break before it answers.
struct Interrupting {
    /// By the target that they ask for.
    clients: HashMap<String, TcpStream>,
}

impl Handler for Interrupting {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if let Some(client) = self.clients.get_mut(request.target()) {
            client.write_all(b"\r\n").expect("the kernel has room for it");
        }
        responder.send(200, "text/plain", request.target().as_bytes())
    }
}

#[test]
fn no_answer_is_lost_when_a_drain_begins_and_more_comes_while_the_handler_works() {
    const ROUNDS: usize = 10;
    const CLIENTS: usize = 200;
    for close in MODES {
        let mut lost = Vec::new();
        for _ in 0..ROUNDS {
            let mut host = Loop::new(256);
            let mut server = host.server(0, config(close));
            let listener = server.listen(ANY_PORT).expect("a free port");
            let address = server.local_addr(listener).expect("it listens");
            let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
            let second_handle = |client: &Client| client.socket().try_clone().expect("a second handle");
            let named =
                clients.iter().enumerate().map(|(n, client)| (format!("/{n}"), second_handle(client)));
            let mut handler = Interrupting { clients: named.collect() };
            let start = Instant::now();
            while server.stats().accepted < CLIENTS as u64 {
                assert!(start.elapsed() < PATIENCE, "not all are accepted: {server:?}");
                host.gather(&mut server, PATIENCE);
                server.process(Instant::now(), &mut handler);
            }
            for (number, client) in clients.iter_mut().enumerate() {
                client.send(get(&format!("/{number}")));
            }
            // The events have not been looked at.
            server.drain(Instant::now(), GRACE);
            while server.process(Instant::now(), &mut handler).more
                || !host.gather(&mut server, Duration::ZERO).is_empty()
                || !host.events.is_empty()
            {}
            assert_eq!(server.stats().requests, CLIENTS as u64, "a drain answers what has come");
            for (number, mut client) in clients.into_iter().enumerate() {
                match client.try_response() {
                    Ok(response) => assert_eq!(response.body, format!("/{number}").as_bytes()),
                    Err(error) => lost.push(error),
                }
                client.reset();
            }
        }
        let number = ROUNDS * CLIENTS;
        assert!(
            lost.is_empty(),
            "{close:?}: {} of {number} answers are lost, the first: {}",
            lost.len(),
            lost[0]
        );
    }
}

/// Sends one request after the other, each with a line break after it, until the server closes. Returns the number of
/// answers.
fn ask_until_the_end(mut client: Client) -> usize {
    let mut answers = 0;
    loop {
        for piece in [get("/again").as_bytes(), b"\r\n"] {
            // The server may have closed already.
            let _ = client.socket().write_all(piece);
        }
        let Ok(response) = client.try_response() else { return answers };
        assert_eq!(response.body, b"/again");
        answers += 1;
        if response.header("Connection") == Some("close") {
            return answers;
        }
    }
}

#[test]
fn while_clients_send_each_request_before_the_end_of_a_drain_is_answered_whole() {
    const ROUNDS: usize = 50;
    const CLIENTS: usize = 8;
    for close in MODES {
        for round in 0..ROUNDS {
            let mut rig = Rig::new(config(close));
            let clients = [(); CLIENTS].map(|()| Client::connect(rig.address));
            let clients = clients.map(|client| thread::spawn(move || ask_until_the_end(client)));
            rig.until_asked(10 * CLIENTS + round);
            rig.server.drain(Instant::now(), GRACE);
            rig.until("the drain is over", |server, _| server.phase() == Phase::Closed);
            let answers: usize = clients.into_iter().map(|client| client.join().expect("no panic")).sum();
            assert_eq!(answers, rig.world.asked.len(), "{close:?}, round {round}");
        }
    }
}
