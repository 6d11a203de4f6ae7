//! The help: one screen with all options, and a short one.

use super::listed::{self, Listed};
use crate::common::program::{command, run};

/// Returns a help as it is on a terminal with this number of columns.
fn help(arguments: &[&str], columns: usize) -> String {
    let mut command = command(arguments);
    command.env("COLUMNS", columns.to_string());
    let ended = run(command);
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

/// Returns the text of an option, without the breaks of its lines. `None` if no line begins with its name.
fn text_of(help: &str, name: &str) -> Option<String> {
    let mut lines = help.lines().skip_while(|line| !line.starts_with(&format!("  {name}  ")));
    let first = lines.next()?.trim_start().strip_prefix(name)?.trim_start().to_owned();
    // The text begins in the column 25.
    let rest = lines.take_while(|line| line.starts_with(&" ".repeat(24)));
    Some(rest.fold(first, |text, line| text + " " + line.trim()))
}

/// Checks that each option has its default and its modes in the help.
fn expect_all(help: &str, options: &listed::Options) {
    for (name, Listed { default, modes, .. }) in options {
        let text = text_of(help, name).unwrap_or_else(|| panic!("no line of {name}: {help}"));
        if let Some(default) = default {
            assert!(text.ends_with(&format!(" [default: {default}]")), "{name}: {text}");
        }
        for mode in modes {
            let is_word = |word: &str| word.trim_matches([',', ':', '.']) == mode;
            assert!(text.split(' ').any(is_word), "{name} says {mode}: {text}");
        }
    }
}

#[test]
fn help_is_one_screen_with_a_line_for_each_option() {
    let help = help(&["--help"], 100);
    assert!(help.lines().count() <= 73, "{} lines", help.lines().count());
    let options = listed::of_server();
    expect_all(&help, &options);
    let of_options = |line: &&str| line.starts_with("  -");
    assert_eq!(help.lines().filter(of_options).count(), options.len(), "one line each: {help}");
    let wide = help.lines().find(|line| line.starts_with(&" ".repeat(24)));
    assert_eq!(wide, None, "no option needs a second line");
}

#[test]
fn help_is_whole_on_a_narrow_terminal_too() {
    for columns in [60, 80] {
        expect_all(&help(&["--help"], columns), &listed::of_server());
        expect_all(&help(&["doctor", "--help"], columns), &listed::of_doctor());
        expect_all(&help(&["lab", "--help"], columns), &listed::of_lab());
    }
}

#[test]
fn help_says_how_a_variable_is_named() {
    let variables =
        [("--help", listed::of_server()), ("doctor", listed::of_doctor()), ("lab", listed::of_lab())];
    for (argument, options) in variables {
        let help = help(&[argument, "--help"], 100);
        let line =
            help.lines().find_map(|line| line.strip_prefix("Variables: ")).expect("a line about variables");
        let (option, rest) = line.split_once(" is ").expect("an example");
        let variable = rest.split([',', ' ']).next();
        let (_, listed) =
            options.iter().find(|(name, _)| name.starts_with(option)).expect("the option of the example");
        assert_eq!(listed.variable.as_deref(), variable, "{line}");
        // The sentence is true for every option.
        let prefix = match argument {
            "doctor" => "FOURWAY_DOCTOR_",
            "lab" => "FOURWAY_LAB_",
            _ => "FOURWAY_",
        };
        for (name, listed) in options.iter().filter(|(_, listed)| listed.variable.is_some()) {
            let long = name.split("--").nth(1).and_then(|long| long.split(' ').next()).expect("a long name");
            let expected = format!("{prefix}{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(listed.variable.as_ref(), Some(&expected), "{name}");
        }
    }
}

#[test]
fn help_speaks_only_of_variables_and_numbers_that_the_command_has() {
    let [lab, trace] = ["lab", "trace"].map(|name| help(&[name, "--help"], 100));
    assert!(
        trace.contains("Variable: --lang is FOURWAY_TRACE_LANG, and no other option has one."),
        "{trace}"
    );
    assert!(trace.contains("Numbers may have a unit") && !lab.contains("Numbers may have a unit"), "{lab}");
}

#[test]
fn a_variable_changes_nothing_of_the_help() {
    let expected = help(&["--help"], 100);
    for value in ["", "7"] {
        let mut command = command(&["--help"]);
        command.env("FOURWAY_BACKLOG", value).env("COLUMNS", "100");
        assert_eq!(run(command).stdout, expected);
    }
}

#[test]
fn the_short_help_has_the_most_used_options_and_says_where_the_others_are() {
    let (short, long) = (help(&["-h"], 100), help(&["--help"], 100));
    assert!(short.lines().count() <= 28, "{} lines", short.lines().count());
    for line in short.lines().filter(|line| line.starts_with("  -")) {
        assert!(long.contains(line), "{line}");
    }
    for name in ["--listen ADDR", "--close MODE", "--max-connections N", "-v, --verbose"] {
        assert!(text_of(&short, name).is_some(), "{name}: {short}");
    }
    assert!(short.contains("--help shows all options"), "{short}");
}

#[test]
fn no_line_of_the_help_is_wider_than_the_terminal() {
    for arguments in [
        &["-h"][..],
        &["--help"],
        &["doctor", "-h"],
        &["doctor", "--help"],
        &["lab", "--help"],
        &["trace", "--help"],
        &["man", "--help"],
    ] {
        for columns in [60, 80, 100, 120] {
            let text = help(arguments, columns);
            let longest = text.lines().max_by_key(|line| line.chars().count()).expect("lines");
            assert!(longest.chars().count() <= columns.min(100), "{arguments:?} {columns}: {longest}");
        }
    }
}
