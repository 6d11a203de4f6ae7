//! The variables of all options, whatever options there are: the man page lists them.

use super::listed;
use crate::common::program::{Program, command, run};

/// A value that no option takes but those that take any text.
const WRONG: &str = "\u{e4}!";

/// Options that take any text, or any path.
const ANY: [&str; 3] = ["--body TEXT", "--body-file PATH", "--trace FILE"];

/// Returns the names and the variables of options.
fn variables(options: listed::Options) -> Vec<(String, String)> {
    options.into_iter().filter_map(|(name, listed)| Some((name, listed.variable?))).collect()
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let mut command = command(&["--listen", "127.0.0.1:0", "-v"]);
    for (_, variable) in variables(listed::of_server()) {
        command.env(variable, "");
    }
    command.env("RUST_LOG", "");
    let program = Program::start_as(command);
    let response = program.connect().ask("/path");
    assert_eq!(response.body, b"xixizi");
    assert_eq!(response.header("Content-Type"), Some("text/plain"));
    assert!(program.end().stderr.contains("GET /path"));
}

#[test]
fn an_empty_variable_of_the_doctor_is_one_that_is_not_set() {
    let mut command = command(&["doctor"]);
    for (_, variable) in variables(listed::of_doctor()) {
        command.env(variable, "");
    }
    let ended = run(command);
    assert!(
        ended.stdout.starts_with("fourway doctor: 10,000 connections"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn each_wrong_variable_is_named_by_its_own_name() {
    for (options, arguments) in [(listed::of_server(), &[][..]), (listed::of_doctor(), &["doctor"])] {
        let variables = variables(options);
        assert!(variables.len() >= 5, "the man page has variables: {variables:?}");
        for (name, variable) in variables.iter().filter(|(name, _)| !ANY.contains(&name.as_str())) {
            let mut command = command(arguments);
            // The others are empty, and so not wrong.
            command.envs(variables.iter().map(|(_, other)| (other, ""))).env(variable, WRONG);
            let ended = run(command);
            assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""), "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains(&format!("'{variable} (")), "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains(WRONG), "{name}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_variables_of_one_command_do_not_concern_another() {
    let wrong = |options| variables(options).into_iter().map(|(_, variable)| (variable, WRONG));
    let mut doctor = command(&["doctor", "--json"]);
    doctor.envs(wrong(listed::of_server()));
    assert_eq!(run(doctor).stderr, "");
    let mut server = command(&["--listen", "127.0.0.1:0"]);
    server.envs(wrong(listed::of_doctor()));
    assert_eq!(Program::start_as(server).connect().ask("/").status, 200);
    for arguments in [&["man"][..], &["completions", "bash"]] {
        let mut other = command(arguments);
        other.envs(wrong(listed::of_server()).chain(wrong(listed::of_doctor())));
        assert_eq!(run(other).code(), Some(0));
    }
}
