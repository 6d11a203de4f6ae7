//! `fourway trace`: what it prints.

use std::fs;

use super::{traced, visit};
use crate::common::child::Ended;
use crate::common::program::{command, run};
use crate::common::tools::{Folder, TempFile};

/// Prints a trace on a page of this number of columns.
fn printed(arguments: &[&str], columns: &str) -> Ended {
    let mut command = command(&[&["trace"], arguments].concat());
    command.env("COLUMNS", columns);
    run(command)
}

fn text(arguments: &[&str]) -> String {
    let ended = printed(arguments, "80");
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ended.stdout
}

/// The names of the stories, as the list has them.
fn stories() -> Vec<String> {
    let list = text(&[]);
    let name = |line: &str| Some(line.strip_prefix("  ")?.split_whitespace().next()?.to_owned());
    list.lines().filter_map(name).collect()
}

#[test]
fn an_option_about_one_trace_needs_its_name() {
    for option in [["--html", "page.html"], ["--connection", "1"]] {
        let ended = printed(&option, "80");
        assert_eq!((ended.code(), ended.stdout.as_str()), (Some(2), ""), "{option:?}");
        assert!(ended.stderr.contains("<STORY|FILE>"), "{}", ended.stderr);
    }
}

#[test]
fn without_a_name_it_lists_all_stories_with_their_titles() {
    let stories = stories();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/stories");
    assert_eq!(stories.len(), fs::read_dir(folder).expect("the folder").count());
    assert!(text(&[]).contains("  slow-loris              A slow-loris client expires\n"));
}

#[test]
fn each_story_is_printed_in_lines_of_80_columns_and_plain_where_no_terminal_is() {
    for story in stories() {
        let text = text(&[&story]);
        let longest = text.lines().max_by_key(|line| line.chars().count()).expect("lines");
        assert!(longest.chars().count() <= 80, "{story}: {longest}");
        assert!(!text.contains('\x1b'), "{story}");
        assert!(text.contains(" records, 0 lost\n"), "{story} has an end");
    }
}

#[test]
fn a_wide_page_has_the_lines_of_source() {
    let wide = printed(&["request-whole"], "130").stdout;
    assert!(wide.contains(" src/connection/driver/mod.rs:"), "{wide}");
    assert!(!text(&["request-whole"]).contains("src/"));
}

#[test]
fn the_documentation_shows_a_story_as_it_is_printed() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/TRACE.md")).expect("the page");
    assert!(page.contains(&text(&["request-whole"])), "docs/TRACE.md has:\n{}", text(&["request-whole"]));
    for story in stories() {
        assert!(page.contains(&format!("`{story}`")), "{story}");
    }
}

#[test]
fn the_trace_of_a_server_is_printed_whole_or_for_one_connection() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &[]);
    visit(&program);
    program.end();
    let path = path.to_str().expect("UTF-8");
    let whole = text(&[path]);
    assert!(whole.contains("recv -> 8 of 20480 bytes (short)"), "{whole}");
    assert!(whole.contains("refused: "), "{whole}");
    let numbers = |text: &str| {
        let mut numbers: Vec<String> =
            text.lines().filter_map(|line| Some(line.get(11..16)?.trim().to_owned())).collect();
        numbers.retain(|number| number.starts_with('#'));
        numbers.sort();
        numbers.dedup();
        numbers
    };
    assert_eq!(numbers(&whole).len(), 7);
    assert_eq!(numbers(&text(&[path, "--connection", "2"])), ["#2"]);
    assert_eq!(numbers(&text(&[path, "--every", "3"])), ["#3", "#6"]);
}

#[test]
fn a_trace_that_was_cut_off_is_printed_with_a_warning() {
    let folder = Folder::new();
    let (program, path) = traced(&folder, &[]);
    program.connect().ask("/");
    program.end();
    let whole = fs::read_to_string(&path).expect("the trace");
    let cut = folder.write("cut", &whole[..whole.len() - 30]);
    let ended = printed(&[cut.to_str().expect("UTF-8")], "80");
    assert_eq!(ended.code(), Some(0));
    assert_eq!(ended.stderr, "fourway: warning: the trace has no end, so it was cut off\n");
}

#[test]
fn a_bad_trace_is_an_error_that_names_its_line() {
    let file =
        TempFile::with("{\"fourway_trace\":1}\n{\"n\":1,\"t\":0,\"turn\":1,\"kind\":\"call\"}\n{\"n\":2}\n");
    let ended = printed(&[file.path()], "80");
    assert_eq!(ended.code(), Some(1));
    let expected = format!("fourway: error: {}: line 3: a record needs the number \"t\"\n", file.path());
    assert_eq!(ended.stderr, expected);
    let file = TempFile::with("GET / HTTP/1.1\r\n");
    let ended = printed(&[file.path()], "80");
    assert!(ended.stderr.contains("line 1: this is no trace"), "{}", ended.stderr);
}

#[test]
fn a_name_of_no_story_and_no_file_is_an_error() {
    let ended = printed(&["slow-lorry"], "80");
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""));
    let expected = "there is no story and no file slow-lorry; fourway trace lists the stories\n";
    assert_eq!(ended.stderr, format!("fourway: error: {expected}"));
    let ended = printed(&["request-whole", "--every", "0"], "80");
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("expected a number, 1 or more"), "{}", ended.stderr);
}
