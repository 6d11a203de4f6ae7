//! What the program prints at the end, by `--summary`.

use super::{start, stats};
use crate::common::Client;
use crate::common::json::Json;
use crate::common::program::{Program, on_free_port};

#[test]
fn the_summary_as_json_has_the_fields_of_stats_json_at_the_end() {
    let (program, address) = start(&["--summary", "json"]);
    program.connect().ask("/");
    let live = stats(&mut Client::connect(address));
    let ended = program.end();
    let lines: Vec<_> = ended.stdout.lines().collect();
    let [_greeting, line] = lines[..] else { panic!("not two lines: {}", ended.stdout) };
    let last = Json::parse(line);
    assert_eq!(last.paths(), live.paths());
    assert_eq!((last.text("phase"), last.count("requests")), ("closed", 1));
    assert_eq!((last.count("connections.live"), last.count("connections.closed")), (0, 1));
    assert_eq!(last.at("connections.closes").sum(), 1);
    assert_ne!(last.text("verdict.limit"), "idle");
}

#[test]
fn without_a_summary_the_greeting_is_all() {
    let program = Program::start(&["--summary", "none"]);
    program.connect().ask("/");
    assert_eq!(program.end().stdout.lines().count(), 1);
}

#[test]
fn the_summary_is_in_the_language_of_the_option_or_of_the_locale() {
    let chinese = |options: &[&str], variables: &[(&str, &str)]| {
        let mut command = on_free_port(options);
        command.envs(variables.iter().copied());
        let program = Program::start_as(command);
        program.connect().ask("/");
        let summary = program.end().stdout;
        assert_ne!(summary.contains("后结束"), summary.contains("ended after"), "{summary}");
        assert_eq!(summary.contains("瓶颈"), summary.contains("后结束"), "{summary}");
        summary.contains("后结束")
    };
    let locale = ("LANG", "zh_CN.UTF-8");
    assert!(!chinese(&[], &[]));
    assert!(chinese(&["--lang", "zh"], &[]));
    assert!(chinese(&[], &[("FOURWAY_LANG", "zh")]));
    assert!(chinese(&[], &[locale]));
    assert!(!chinese(&["--lang", "en"], &[locale]));
    assert!(!chinese(&[], &[("LC_ALL", "C"), locale]));
}

#[test]
fn the_summary_as_json_is_the_same_in_each_language() {
    let paths = |language| {
        let program = Program::start(&["--summary", "json", "--lang", language]);
        let ended = program.end();
        let json = Json::parse(ended.stdout.lines().last().expect("a line"));
        assert_eq!(json.text("verdict.sentence"), "no client has come");
        json.paths()
    };
    assert_eq!(paths("zh"), paths("en"));
}
