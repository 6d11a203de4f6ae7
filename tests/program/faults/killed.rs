//! SIGKILL, and the next start on the same port.

use crate::common::kernel::{State, ends_at};
use crate::common::program::Program;
use crate::common::tools::TempFile;
use crate::common::{Client, big, get, get_and_close};

const ROUNDS: usize = 10;

/// Connections in every state, of which one was closed by the program first.
fn traffic(address: std::net::SocketAddr) -> Vec<Client> {
    let mut one_shot = Client::connect(address);
    one_shot.send(get_and_close("/"));
    assert!(one_shot.response().body == big());
    one_shot.expect_end();
    // Of this one it is certain that the program has accepted it, and has nothing of it to read.
    let mut idle = Client::connect(address);
    idle.send(get("/"));
    assert!(idle.response().body == big());
    let requests = [
        String::new(),
        get("/"),
        "GET / HT".to_owned(),
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n12".to_owned(),
        get("/").repeat(100),
    ];
    let begin = |request: &String| {
        let mut client = Client::connect(address);
        client.send(request);
        client
    };
    requests.iter().map(begin).chain([idle]).collect()
}

#[test]
fn a_sigkill_leaves_nothing_that_stops_the_next_start_on_the_same_port() {
    let file = TempFile::with(big());
    let options = ["--body-file", file.path()];
    let mut program = Program::start(&options);
    let address = program.address;
    let mut held = Vec::new();
    let mut in_the_way = Vec::new();
    for _ in 0..ROUNDS {
        held.extend(traffic(address));
        // The program's end is a SIGKILL, and is waited for.
        drop(program);
        let ends: Vec<State> = ends_at(address).into_iter().map(|(state, _)| state).collect();
        assert!(!ends.is_empty(), "the killed one has left connections");
        in_the_way.push(ends);
        program = Program::start_at(address, &options);
    }
    held.extend(traffic(address));
    let count = |wanted| in_the_way.iter().flatten().filter(|&&state| state == wanted).count();
    let (old, alive) = (count(State::TimeWait), count(State::FinWait1) + count(State::FinWait2));
    println!("in the way of {ROUNDS} starts: {old} in TIME_WAIT, {alive} that their clients held open");
    assert!(old > 0 && alive >= ROUNDS, "{in_the_way:?}");
}
