//! The two languages, and the width of what is printed.

use std::process::Command;

use super::{columns, lab_in};
use crate::common::program::{EXECUTABLE, command, run, tidy};

#[test]
fn no_line_is_wider_than_80_columns_in_any_language() {
    for language in ["en", "zh"] {
        for line in lab_in(language, &[]).stdout.lines() {
            assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
            assert!(!line.contains(['\t', '\u{1b}']), "{line}");
            assert!(!line.ends_with(' '), "{line:?}");
        }
    }
}

#[test]
fn states_calls_and_segments_have_no_translation() {
    let text = lab_in("zh", &["server-first"]).stdout;
    for word in
        ["ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT", "SYN+ACK", "connect", "recv: WouldBlock", "→ Sending"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn the_locale_chooses_the_language_and_the_option_wins() {
    let in_locale = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = command(&[&["lab", "open"], arguments].concat());
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        run(command).stdout.contains("三次握手")
    };
    assert!(!in_locale(&[], &[]));
    assert!(in_locale(&[("LANG", "zh_CN.UTF-8")], &[]));
    assert!(in_locale(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_CN"), ("LANG", "C")], &[]));
    assert!(!in_locale(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")], &[]));
    assert!(!in_locale(&[("LC_ALL", "zh_CN.UTF-8")], &["--lang", "en"]));
    assert!(in_locale(&[("LC_ALL", "C")], &["--lang", "zh"]));
    assert!(in_locale(&[("LC_ALL", "C"), ("FOURWAY_LAB_LANG", "zh")], &[]));
}

#[test]
fn a_wrong_scenario_or_language_ends_the_program_with_2_and_lists_the_right_ones() {
    for (arguments, sentence) in [(["lab", "handshake"], "half-close"), (["lab", "--lang=de"], "en, zh")] {
        let ended = run(command(&arguments));
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""));
        assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"{ "$0" lab open; echo "status $?" >&2; } | true"#, EXECUTABLE]);
    assert_eq!(run(tidy(shell)).stderr, "status 0\n");
}
