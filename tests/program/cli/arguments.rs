//! What can be asked for, on the command line and in the environment.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;

use crate::common::program::{Program, command, run};
use crate::common::tools::TempFile;

#[test]
fn the_version_is_the_crates() {
    let ended = run(command(&["--version"]));
    assert_eq!(ended.stdout, format!("fourway {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn a_wrong_value_ends_the_program_with_2_and_lists_the_right_values() {
    let long = "x".repeat(2000);
    let cases = [
        ("--listen", "8080", "expected IP:PORT"),
        ("--listen", "example.org:80", "expected IP:PORT"),
        ("--listen", "127.0.0.1:0,nonsense", "expected IP:PORT"),
        ("--head-timeout", "10", "expected a number with a unit, such as 500ms"),
        ("--idle-timeout", "soon", "expected a number with a unit, such as 500ms"),
        ("--drain-timeout", "0s", "longer than zero"),
        ("--close", "gently", "fin, peer, rst, drop"),
        ("--drain-idle", "wait", "close, last-request"),
        ("--status-listen", "9100", "expected IP:PORT"),
        ("--summary", "xml", "text, json, none"),
        ("--lang", "de", "en, zh"),
        ("--trace-every", "0", "expected a number, 1 or more"),
        ("--keep-alive", "maybe", "either on or off"),
        ("--max-connections", "0", "1 or more, such as 10000 or 10k"),
        ("--max-connections", "many", "1 or more, such as 10000 or 10k"),
        ("--listen", "unix:", "or unix:PATH"),
        ("--backlog", "9999999999", "below 4,294,967,296"),
        ("--backlog", "many", "expected a number from 0 on"),
        ("--ipv6-only", "maybe", "either on or off"),
        ("--send-buffer", "0", "expected a number from 1 to 1073741823"),
        ("--receive-buffer", "2G", "expected a number from 1 to 1073741823"),
        ("--busy-poll", "50", "expected a number with a unit"),
        ("--defer-accept", "0s", "longer than zero"),
        ("--fast-open", "0", "expected a number from 1 to 2147483647"),
        ("--accept", "later", "either on or off"),
        ("--accept-rate", "0", "1 or more, such as 10000 or 10k"),
        ("--accept-pause", "0s", "longer than zero"),
        ("--head-limit", "63", "expected a number from 64 to 16777216"),
        ("--header-limit", "257", "expected a number from 1 to 256"),
        ("--target-limit", "0", "expected a number from 1 to 16777216"),
        ("--body-limit", "much", "expected a number of bytes"),
        ("--content-type", "text/plain\r\nX: y", "printable ASCII"),
        ("--content-type", "", "printable ASCII"),
        ("--content-type", &long, "printable ASCII"),
    ];
    for (option, value, sentence) in cases {
        let ended = run(command(&[option, value]));
        assert_eq!(ended.code(), Some(2), "{option} {value}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{option} {value}: {}", ended.stderr);
        assert!(ended.stderr.contains(option), "{option} {value}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_wrong_variable_ends_the_program_with_2_and_is_named() {
    let cases = [
        ("LISTEN", "8080"),
        ("CONTENT_TYPE", "ä"),
        ("CLOSE", "gently"),
        ("KEEP_ALIVE", "maybe"),
        ("TRACE_EVERY", "none"),
        ("MAX_CONNECTIONS", "many"),
        ("BACKLOG", "many"),
        ("IPV6_ONLY", "maybe"),
        ("SEND_BUFFER", "many"),
        ("RECEIVE_BUFFER", "0"),
        ("BUSY_POLL", "0us"),
        ("DEFER_ACCEPT", "5"),
        ("FAST_OPEN", "yes"),
        ("ACCEPT", "yes"),
        ("ACCEPT_RATE", "0"),
        ("ACCEPT_PAUSE", "1"),
        ("HEAD_LIMIT", "1"),
        ("HEADER_LIMIT", "1k"),
        ("TARGET_LIMIT", "0"),
        ("BODY_LIMIT", "much"),
        ("REUSE_PORT", "maybe"),
        ("HEAD_TIMEOUT", "1"),
        ("BODY_TIMEOUT", "1"),
        ("IDLE_TIMEOUT", "1"),
        ("WRITE_TIMEOUT", "1 fortnight"),
        ("LINGER_TIMEOUT", "0s"),
        ("DRAIN_TIMEOUT", "soon"),
        ("DRAIN_IDLE", "wait"),
        ("STATUS_LISTEN", "9100"),
        ("SUMMARY", "xml"),
        ("LANG", "de"),
        ("QUIET", "maybe"),
        ("VERBOSE", "very"),
    ];
    for (name, value) in cases {
        let mut command = command(&[]);
        // It stands before others, which are right.
        command.env(format!("FOURWAY_{name}"), value).env("FOURWAY_BODY", "x");
        let ended = run(command);
        assert_eq!(ended.code(), Some(2), "{name}: {}", ended.stderr);
        let option = format!("--{}", name.to_lowercase().replace('_', "-"));
        assert!(ended.stderr.contains(&format!("FOURWAY_{name} (")), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(&option), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(value), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_variable_that_is_not_utf_8_is_named() {
    let mut command = command(&[]);
    command.env("FOURWAY_BODY", OsStr::from_bytes(b"\xff"));
    let ended = run(command);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("FOURWAY_BODY (--body <TEXT>) is not UTF-8"), "{}", ended.stderr);
}

#[test]
fn a_wrong_option_is_named_without_its_variable() {
    let mut command = command(&["--backlog", "x"]);
    command.env("FOURWAY_BACKLOG", "y");
    let ended = run(command);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("'x' for '--backlog"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("FOURWAY"), "{}", ended.stderr);
}

#[test]
fn two_bodies_are_an_error() {
    let ended = run(command(&["--body", "x", "--body-file", "y"]));
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("either --body or --body-file"), "{}", ended.stderr);

    let mut command = command(&[]);
    command.env("FOURWAY_BODY", "x").env("FOURWAY_BODY_FILE", "y");
    let ended = run(command);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("either FOURWAY_BODY or FOURWAY_BODY_FILE"), "{}", ended.stderr);
}

#[test]
fn a_body_file_that_cannot_be_read_is_named_in_one_line() {
    let ended = run(command(&["--body-file", "/nonexistent/page"]));
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("--body-file /nonexistent/page: No such file"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn an_error_after_the_parsing_names_the_variable_that_its_value_comes_from() {
    let cases = [
        ("BODY_FILE", "/nonexistent/page", "cannot read FOURWAY_BODY_FILE /nonexistent/page: "),
        ("LISTEN", "198.51.100.1:80", "choose another with FOURWAY_LISTEN"),
    ];
    for (name, value, sentence) in cases {
        let mut command = command(&[]);
        command.env(format!("FOURWAY_{name}"), value);
        let ended = run(command);
        assert_eq!((ended.code(), ended.stderr.lines().count()), (Some(1), 1), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("--"), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_warning_names_the_variable_that_its_value_comes_from() {
    let cases = [
        ("MAX_CONNECTIONS", "4G", "FOURWAY_MAX_CONNECTIONS is 4000000000, but the limit of "),
        ("BACKLOG", "4G", "FOURWAY_BACKLOG is 4000000000, but net.core.somaxconn limits it to "),
    ];
    for (name, value, sentence) in cases {
        let mut command = command(&["--listen", "127.0.0.1:0"]);
        command.env(format!("FOURWAY_{name}"), value);
        let log = Program::start_as(command).end().stderr;
        if cfg!(target_os = "linux") || name != "BACKLOG" {
            assert!(log.starts_with(&format!("fourway: warning: {sentence}")), "{name}: {log}");
        }
        assert!(!log.contains("--"), "{name}: {log}");
    }
}

#[test]
fn a_wrong_variable_of_a_switch_or_a_count_lists_the_right_values() {
    let cases =
        [("REUSE_PORT", "expected 1, true, yes or on"), ("VERBOSE", "expected a number from 0 to 255")];
    for (name, sentence) in cases {
        let mut command = command(&[]);
        command.env(format!("FOURWAY_{name}"), "maybe");
        let ended = run(command);
        assert_eq!(ended.code(), Some(2), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(sentence), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_port_in_use_is_named_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(command(&["--listen", "127.0.0.1:0", "--listen", &address]));
    assert_eq!(ended.code(), Some(1));
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{}", ended.stderr);
    assert!(ended.stderr.contains("choose another with --listen"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn the_environment_works_and_the_command_line_wins() {
    let mut command = command(&["--content-type", "text/b"]);
    command.env("FOURWAY_LISTEN", "127.0.0.1:0,127.0.0.1:0").env("FOURWAY_BODY", "from the environment");
    command.env("FOURWAY_CONTENT_TYPE", "text/a").env("FOURWAY_KEEP_ALIVE", "off");
    command.env("FOURWAY_MAX_CONNECTIONS", "20").env("FOURWAY_REUSE_PORT", "yes").env("FOURWAY_VERBOSE", "1");
    let program = Program::start_as(command);
    assert_eq!(program.addresses().len(), 2);
    assert!(program.greeting.contains("up to 20 connections"), "{}", program.greeting);
    let response = program.connect().ask("/path");
    assert_eq!(response.body, b"from the environment");
    assert_eq!(response.header("Content-Type"), Some("text/b"));
    assert_eq!(response.header("Connection"), Some("close"));
    assert!(program.end().stderr.contains("GET /path"));
}

#[test]
fn a_body_of_the_command_line_wins_over_a_body_file_of_the_environment() {
    let mut command = command(&["--listen", "127.0.0.1:0", "--body", "mine"]);
    command.env("FOURWAY_BODY_FILE", "/nonexistent");
    assert_eq!(Program::start_as(command).connect().ask("/path").body, b"mine");
}

#[test]
fn a_body_file_of_the_command_line_wins_over_a_body_of_the_environment() {
    let file = TempFile::with(b"mine");
    let mut command = command(&["--listen", "127.0.0.1:0", "--body-file", file.path()]);
    command.env("FOURWAY_BODY", "not mine");
    assert_eq!(Program::start_as(command).connect().ask("/path").body, b"mine");
}
