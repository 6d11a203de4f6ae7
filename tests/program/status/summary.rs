//! What the program prints at the end, by `--summary`.

use super::{start, stats};
use crate::common::Client;
use crate::common::json::Json;
use crate::common::program::Program;

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
