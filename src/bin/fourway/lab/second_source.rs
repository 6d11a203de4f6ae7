//! The kernel's other list of sockets (`/proc/net/tcp`), against which tests hold each sample.

use std::collections::BTreeSet;

use super::kernel::{End, State};
use super::ladder::Pair;
use crate::machine::table;

/// Returns the names of both ends' states in the list.
fn listed(pair: Pair) -> (String, String) {
    let (mut client, mut server) = ("CLOSED".to_owned(), "CLOSED".to_owned());
    for socket in table::lines().expect("a list").filter_map(|line| table::parse(&line)) {
        let name = match socket.state {
            table::State::Listen => "LISTEN".to_owned(),
            // The list's reader has the names of `ss`.
            table::State::Connection(name) => name.replace("WAIT1", "WAIT_1").replace("WAIT2", "WAIT_2"),
            table::State::TimeWait => "TIME_WAIT".to_owned(),
        };
        if (socket.local, socket.remote) == (pair.client, pair.server) {
            client.clone_from(&name);
        }
        // A connection counts more than the listener.
        let is_listener = socket.local == pair.server && name == "LISTEN" && server == "CLOSED";
        if is_listener || (socket.local, socket.remote) == (pair.server, pair.client) {
            server = name;
        }
    }
    (client, server)
}

/// What was compared.
#[derive(Default)]
pub struct Compared {
    pub seen: BTreeSet<&'static str>,
    pub differences: Vec<String>,
}

impl Compared {
    /// Compares a sample with the list. `again` is a sample after that: if it differs, a timer has come between.
    pub fn compare(&mut self, pair: Pair, ends: (End, End), again: impl FnOnce() -> (End, End)) {
        let (client, server) = listed(pair);
        let states = |ends: (End, End)| (ends.0.state, ends.1.state);
        if states(ends) != states(again()) {
            return;
        }
        let name = |end: End| end.state.map_or("?", State::as_str);
        // The sample has no listener any more, when the connection has been there.
        let is_same_server =
            name(ends.1) == server || (name(ends.1), server.as_str()) == ("CLOSED", "LISTEN");
        if name(ends.0) != client || !is_same_server {
            self.differences.push(format!("{}, {} and {client}, {server}", name(ends.0), name(ends.1)));
        }
        self.seen.extend([name(ends.0), name(ends.1)]);
    }
}
