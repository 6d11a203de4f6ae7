//! Every state that a ladder shows, held against the kernel's other list (`/proc/net/tcp`), at the moment of each sample.

use std::collections::BTreeSet;
use std::io;

use super::kernel::{End, Kernel, State};
use super::paint::Paint;
use super::recorder::{Pair, Recorder};
use super::scenarios::Scenario;
use super::text;
use crate::language::Language;
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
    seen: BTreeSet<&'static str>,
    differences: Vec<String>,
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

#[test]
fn what_a_silent_kernel_does_not_tell_is_a_question_mark() -> io::Result<()> {
    let recorder = Recorder::over(Kernel::silent());
    for scenario in Scenario::ALL {
        for ladder in scenario.run(recorder)? {
            assert!(ladder.rows.iter().all(|row| (row.client.state, row.server.state) == (None, None)));
            assert_eq!(ladder.rows.iter().map(|row| row.segments.len()).sum::<usize>(), 0);
            let mut text = String::new();
            text::ladder(&ladder, Language::English, Paint { is_on: false }, &mut text);
            assert!(text.contains("       ?                                     ?"), "{text}");
            assert!(!text.contains("ESTABLISHED") && !text.contains("TIME_WAIT for"), "{text}");
        }
    }
    Ok(())
}

#[test]
fn every_state_of_every_scenario_is_in_the_kernels_other_list() -> io::Result<()> {
    let recorder = Recorder::install();
    for scenario in Scenario::ALL {
        scenario.run(recorder)?;
    }
    let Compared { seen, differences } = recorder.compared();
    assert_eq!(differences, [""; 0]);
    let expected = [
        "CLOSED",
        "CLOSE_WAIT",
        "CLOSING",
        "ESTABLISHED",
        "FIN_WAIT_1",
        "FIN_WAIT_2",
        "LAST_ACK",
        "LISTEN",
        "SYN_RECV",
        "SYN_SENT",
        "TIME_WAIT",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    Ok(())
}
