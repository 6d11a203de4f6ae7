//! Where the output cannot go, and where there is nothing to show.

use std::fs::OpenOptions;
use std::process::Command;

use crate::common::program::{EXECUTABLE, command, run, tidy};
use crate::common::tools;

/// Runs a scenario, and returns its exit code and its errors.
fn errors(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().expect("the program");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        return tools::skipped("there is no /dev/full");
    };
    for arguments in [&["lab", "open"][..], &["lab", "open", "--json"]] {
        let mut command = command(arguments);
        command.stdout(full.try_clone().expect("the file"));
        let (code, errors) = errors(command);
        assert_eq!(code, Some(1), "{errors}");
        assert!(errors.starts_with("fourway: error: cannot print: No space left"), "{errors}");
    }
}

#[test]
fn a_machine_without_a_loopback_shows_nothing_and_says_why() {
    if !Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|status| status.success()) {
        return tools::skipped("unshare -rn is not possible here");
    }
    for scenario in ["server-first", "ports"] {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rn", EXECUTABLE, "lab", scenario, "--lang", "en"]);
        let ended = run(tidy(unshare));
        assert_eq!(ended.code(), Some(1), "{scenario}: {}", ended.stderr);
        assert!(ended.stderr.contains("The lab needs the addresses 127.0.0.0/8"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("EADDRINUSE"), "{}", ended.stdout);
    }
}
