//! The bill of a ladder, held against what the kernel says after the program has ended; and the experiment with ports.

use std::net::SocketAddr;

use crate::common::json::Json;
use crate::common::program::{command, run};
use crate::common::sockets;

/// How often a run is repeated that the kernel has disturbed: it ends a TIME_WAIT early when it has too many, or when a
/// segment of the connection comes late (RFC 1337 §1). On a busy machine this happens to one close in a hundred.
const ATTEMPTS: usize = 5;

/// The number of the state TIME_WAIT (`include/net/tcp_states.h`).
const TIME_WAIT: u8 = 6;

/// Returns what the lab shows in the network of this test, so that the test can look at what it leaves.
fn json(scenario: &str) -> Json {
    let ended = run(command(&["lab", "--json", scenario]));
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    Json::parse(&ended.stdout)
}

/// Runs scenarios until what they show is as expected. A program that shows the wrong thing does so again.
fn shows(scenario: &str, mut is_so: impl FnMut(&Json) -> bool) {
    let shown: Vec<_> = (0..ATTEMPTS).map(|_| json(scenario)).take_while(|shown| !is_so(shown)).collect();
    assert!(shown.len() < ATTEMPTS, "{shown:#?}");
}

fn address(shown: &Json, side: &str) -> SocketAddr {
    shown.text(&format!("ladders.0.{side}_address")).parse().expect("an address")
}

/// Returns how many of the connection's ends are in TIME_WAIT: the client's and the server's. The bill and the kernel's
/// list have to agree.
fn held(shown: &Json) -> (u64, u64) {
    let (client, server) = (address(shown, "client"), address(shown, "server"));
    let in_list =
        |local, remote| u64::from(sockets::end_of(local, remote).is_some_and(|end| end.state == TIME_WAIT));
    let in_bill = |side| shown.count(&format!("ladders.0.bill.{side}.time_wait"));
    let ends = (in_bill("client"), in_bill("server"));
    assert_eq!(ends, (in_list(client, server), in_list(server, client)), "{shown:#?}");
    ends
}

fn restart<'a>(shown: &'a Json, reuse: &str) -> &'a str {
    shown.text(&format!("ladders.0.bill.restart.{reuse}_reuse"))
}

#[test]
fn a_server_that_closed_first_is_billed_for_time_wait_and_cannot_restart_without_reuse() {
    shows("server-first", |shown| {
        let left = shown.count("ladders.0.bill.server.left_ms");
        held(shown) == (0, 1)
            && (50_000..=60_000).contains(&left)
            && restart(shown, "without") == "EADDRINUSE"
            && restart(shown, "with") == "ok"
    });
}

#[test]
fn a_client_that_closed_first_is_billed_for_time_wait_and_the_server_can_restart() {
    shows("client-first", |shown| {
        held(shown) == (1, 0) && restart(shown, "without") == "ok" && restart(shown, "with") == "ok"
    });
}

#[test]
fn after_a_reset_nobody_is_billed() {
    shows("rst", |shown| held(shown) == (0, 0) && restart(shown, "without") == "ok");
}

#[test]
fn of_2000_connections_with_200_ports_only_those_fail_whose_client_closes_first() {
    shows("ports", |shown| {
        let done = |at: usize| shown.count(&format!("ports.{at}.done"));
        let held = |at: usize, side: &str| shown.count(&format!("ports.{at}.{side}.time_wait"));
        let names = [0, 1, 2].map(|at: usize| shown.text(&format!("ports.{at}.ending")).to_owned());
        assert_eq!(names, ["client-first", "server-first", "rst"]);
        [done(0), done(1), done(2)] == [200, 2000, 2000]
            && shown.text("ports.0.error") == "EADDRINUSE"
            && (shown.count("ports_of_connect.done"), shown.text("ports_of_connect.error"))
                == (20, "EADDRNOTAVAIL")
            && *shown.at("ports.1.error") == Json::Null
            && *shown.at("ports.2.error") == Json::Null
            && [held(0, "client"), held(1, "client"), held(2, "client")] == [200, 0, 0]
            && [held(0, "server"), held(1, "server"), held(2, "server")] == [0, 200, 0]
    });
}

#[test]
fn the_scenario_of_a_close_mode_has_its_line_of_the_experiment_with_ports() {
    shows("client-first", |shown| {
        shown.text("ladders.0.bill.ports.ending") == "client-first"
            && shown.count("ladders.0.bill.ports.done") == 200
    });
}

#[test]
fn the_essays_program_shows_its_three_faults() {
    shows("essay", |shown| {
        let restart = |reuse: &str| shown.text(&format!("essay.bill.restart.{reuse}_reuse"));
        assert!(shown.number("essay.behind_ms") >= 300.0, "{shown:#?}");
        assert_eq!(
            (shown.text("essay.waiting.state"), shown.count("essay.waiting.unread")),
            ("ESTABLISHED", 1024)
        );
        assert_eq!(shown.text("essay.request_1024.end"), "FIN");
        assert_eq!(shown.text("essay.request_1025.end"), "ECONNRESET");
        [restart("without"), restart("with")] == ["EADDRINUSE", "EADDRINUSE"]
            && shown.text("essay.old_server_had_reuse.restart.with_reuse") == "ok"
            && shown.count("essay.bill.server.time_wait") > 0
    });
}
