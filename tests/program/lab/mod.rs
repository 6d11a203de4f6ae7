//! `fourway lab`: the ladders, held against other sources.

#[cfg(target_os = "linux")]
mod bill;
mod documented;
mod languages;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod picture;
#[cfg(target_os = "linux")]
mod ordinary_user;
#[cfg(target_os = "linux")]
mod shapes;
#[cfg(target_os = "linux")]
mod time_wait;

use std::process::Command;
use std::sync::LazyLock;

use unicode_width::UnicodeWidthStr;

use crate::common::child::Ended;
use crate::common::json::Json;
use crate::common::program::{EXECUTABLE, command, run, tidy};
use crate::common::tools;

const SCENARIOS: [&str; 8] =
    ["open", "server-first", "client-first", "rst", "half-close", "unread-data", "slow-reader", "backlog"];

/// Returns the command. Where that is possible, it runs in a network of its own, in which no other test disturbs the
/// counters of the machine.
#[cfg(target_os = "linux")]
fn command_of(arguments: &[&str]) -> Command {
    static MAY_UNSHARE: LazyLock<bool> = LazyLock::new(|| {
        let ended = Command::new("unshare").args(["-rn", "ip", "link", "set", "lo", "up"]).output();
        let may = ended.is_ok_and(|ended| ended.status.success());
        if !may {
            tools::skipped("unshare -rn is not possible here, so other tests may disturb the counters");
        }
        may
    });
    if !*MAY_UNSHARE {
        return command(arguments);
    }
    let mut unshare = Command::new("unshare");
    let script = r#"ip link set lo up && exec "$0" "$@""#;
    unshare.args(["-rn", "sh", "-c", script, EXECUTABLE]).args(arguments);
    tidy(unshare)
}

#[cfg(not(target_os = "linux"))]
fn command_of(arguments: &[&str]) -> Command {
    command(arguments)
}

/// Runs it in English.
fn lab(arguments: &[&str]) -> Ended {
    lab_in("en", arguments)
}

fn lab_in(language: &str, arguments: &[&str]) -> Ended {
    let ended = run(command_of(&[&["lab", "--lang", language], arguments].concat()));
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ended
}

fn json(arguments: &[&str]) -> Json {
    Json::parse(&lab(&[arguments, &["--json"]].concat()).stdout)
}

/// Returns the ladders of a report.
fn ladders(report: &Json) -> &[Json] {
    match report.at("ladders") {
        Json::Array(ladders) => ladders,
        other => panic!("no array: {other:?}"),
    }
}

fn rows(ladder: &Json) -> &[Json] {
    match ladder.at("rows") {
        Json::Array(rows) => rows,
        other => panic!("no array: {other:?}"),
    }
}

/// The words of a text, without what differs from run to run: numbers, how long arrows are, and where lines end.
fn shape(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = without_numbers(word);
        // "2 × ACK" is as good as "ACK", and "in 3" as nothing.
        let is_count = ["#", "×", "×#", "in", "↻"].contains(&word.as_str());
        if !is_count && !word.is_empty() {
            words.push(word);
        }
    }
    words
}

/// Returns a word with `#` for each number that is not part of a name such as `FIN_WAIT_1`, and with short arrows.
fn without_numbers(word: &str) -> String {
    let mut shape = String::new();
    let mut before = ' ';
    for char in word.chars() {
        let is_in_name = before == '_' || before.is_ascii_uppercase();
        let part = match char {
            '─' | '╌' => '-',
            '0'..='9' if is_in_name => char,
            '0'..='9' => '#',
            char => char,
        };
        if !(matches!(part, '-' | '#') && shape.ends_with(part)) {
            shape.push(part);
        }
        before = char;
    }
    shape.replace("#.#", "#")
}

/// Returns how many columns of a terminal a line takes.
fn columns(line: &str) -> usize {
    line.width()
}
