//! Signals that the parent has blocked: `env` of the GNU coreutils can do that.

use std::process::Command;

use crate::common::program::{EXECUTABLE, Program, run, tidy};

/// The program under a parent that has blocked signals.
fn start_blocked(signals: &str) -> Program {
    let mut env = Command::new("env");
    env.args([&format!("--block-signal={signals}"), EXECUTABLE]);
    env.args(["--listen", "127.0.0.1:0"]);
    Program::start_as(tidy(env))
}

#[test]
fn a_signal_that_the_parent_has_blocked_still_ends_the_program() {
    for signal in ["TERM", "INT"] {
        let program = start_blocked("TERM,INT");
        assert_eq!(program.connect().ask("/path").body, b"xixizi");
        program.signal(signal);
        let ended = program.wait();
        assert_eq!(ended.code(), Some(0), "{signal}");
        assert_eq!(ended.number("requests"), 1, "{signal}");
    }
}

#[test]
fn a_blocked_signal_from_before_the_start_ends_the_program_in_order() {
    // It is pending while the shell becomes the program.
    let mut env = Command::new("env");
    let script = r#"kill -s TERM $$; exec "$0" "$@""#;
    env.args(["--block-signal=TERM", "sh", "-c", script, EXECUTABLE]);
    env.args(["--listen", "127.0.0.1:0"]);
    let ended = run(tidy(env));
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("ended after"), "{}", ended.stdout);
}
