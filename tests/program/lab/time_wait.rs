//! What a ladder says of TIME_WAIT is what other sources say: it lasts long enough to be looked at from outside.

use std::net::SocketAddr;
use std::process::Command;

use super::{ladders, rows};
use crate::common::json::Json;
use crate::common::program::{command, run};
use crate::common::sockets::{ALL, Entry, by_netlink, by_table};
use crate::common::tools::{self, run_to_text};

const TIME_WAIT: u8 = 6;

/// Returns the two addresses of a ladder.
fn addresses(ladder: &Json) -> (SocketAddr, SocketAddr) {
    let address = |name| ladder.text(name).parse().expect("an address");
    (address("client_address"), address("server_address"))
}

/// Returns the ends that the ladder says are in TIME_WAIT, as (local, remote).
fn said(ladder: &Json) -> Vec<(SocketAddr, SocketAddr)> {
    let (client, server) = addresses(ladder);
    let last = rows(ladder).last().expect("a row");
    let ends = [("client.state", (client, server)), ("server.state", (server, client))];
    ends.into_iter().filter(|(state, _)| last.text(state) == "TIME_WAIT").map(|(_, end)| end).collect()
}

/// Returns those ends of the ladder that a source has in TIME_WAIT.
fn found(ladder: &Json, entries: &[Entry]) -> Vec<(SocketAddr, SocketAddr)> {
    let (client, server) = addresses(ladder);
    let is_held = |end: &(SocketAddr, SocketAddr)| {
        entries.iter().any(|entry| (entry.local, entry.remote) == *end && entry.state == TIME_WAIT)
    };
    [(client, server), (server, client)].into_iter().filter(is_held).collect()
}

#[test]
fn the_kernels_two_lists_and_ss_have_time_wait_where_the_ladder_has_it() {
    let expected =
        [("server-first", 1), ("client-first", 1), ("half-close", 4), ("rst", 0), ("unread-data", 1)];
    for (scenario, count) in expected {
        // In the network of this test, so that it can look.
        let report = Json::parse(&run(command(&["lab", scenario, "--json"])).stdout);
        let mut held = 0;
        for ladder in ladders(&report) {
            let (client, server) = addresses(ladder);
            let netlink = by_netlink(client, server, ALL).expect("this kernel has sock_diag");
            let netlink = [netlink, by_netlink(server, client, ALL).expect("a second time")].concat();
            assert_eq!(said(ladder), found(ladder, &netlink), "{scenario}");
            assert_eq!(said(ladder), found(ladder, &by_table()), "{scenario}");
            if let Some(ss) = tools::find(&["ss"]) {
                let (text, _) = run_to_text(Command::new(ss).args(["-tanH", "state", "time-wait"]));
                for (local, remote) in [(client, server), (server, client)] {
                    let words = [local.to_string(), remote.to_string()];
                    let is_listed = text.lines().any(|line| {
                        line.split_whitespace().filter(|word| words.contains(&(*word).to_owned())).eq(&words)
                    });
                    assert_eq!(
                        is_listed,
                        said(ladder).contains(&(local, remote)),
                        "{scenario}: {local} in {text}"
                    );
                }
            }
            held += said(ladder).len();
        }
        assert_eq!(held, count, "{scenario}");
    }
}
