//! The examples of docs/TARGET.md: each line that begins with `$` runs against a program of its own, and the lines below it
//! are what it prints.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::child::Child;
use crate::common::get;
use crate::common::program::Program;
use crate::common::tools::{self, Folder};

const PAGE: &str = include_str!("../../../docs/TARGET.md");

/// The address in the examples, which is the default one of the program.
const ADDRESS: &str = "127.0.0.1:65534";

/// The tools of the examples that the gate installs.
const INSTALLED: [&str; 7] = ["curl", "wrk", "ab", "h2load", "hey", "chromium", "k6"];

/// The tools of the examples that are not in Debian 12. Their examples run only where somebody has installed them.
const NOT_INSTALLED: [&str; 3] = ["vegeta", "fortio", "oha"];

/// Text in an expected line that stands for any text, and a line that stands for any lines.
const ANY: &str = "…";

struct Example {
    line: String,
    expected: Vec<String>,
}

/// Returns the examples of a part of the page.
fn examples(page: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for line in page.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            examples.push(Example { line: command.to_owned(), expected: Vec::new() });
        } else if let (Some(output), Some(example)) = (line.strip_prefix("    "), examples.last_mut()) {
            example.expected.push(output.to_owned());
        }
    }
    examples
}

/// Returns the part of the page below a heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) =
        PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

impl Example {
    /// Returns the tool that it is about.
    fn tool(&self) -> &'static str {
        let is_used = |tool: &&&str| self.line.split(' ').any(|word| word == **tool);
        let tool = INSTALLED.iter().chain(&NOT_INSTALLED).find(is_used);
        tool.unwrap_or_else(|| panic!("no known tool in: {}", self.line))
    }

    /// Runs it against a program, and compares what it prints.
    fn run(&self) {
        let folder = Folder::new();
        let program = Program::start(&[]);
        let profile = folder.path("profile");
        // Root may not have the sandbox.
        let browser = format!("chromium --no-sandbox --disable-gpu --user-data-dir={} ", profile.display());
        let line = self.line.replace(ADDRESS, &program.address.to_string()).replace("chromium ", &browser);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{{ {line}\n}} 2>&1")]).env("no_proxy", "*");
        for name in ["HOME", "CURL_HOME"] {
            command.env(name, folder.path("home"));
        }
        let ended = Child::run(&mut command);
        assert!(ended.status.success(), "{}: {}\n{}", self.line, ended.status, ended.stdout);
        if let Err(expected) = compare(&self.expected, &ended.stdout) {
            panic!("{}: {expected:?} is not in:\n{}", self.line, ended.stdout);
        }
    }
}

/// Compares the lines of an example with the first lines of an output. Returns the line that does not match.
fn compare<'e>(expected: &'e [String], output: &str) -> Result<(), &'e str> {
    let mut printed = output.lines().filter(|line| !line.trim().is_empty());
    let mut may_skip = false;
    for line in expected {
        if line.trim() == ANY {
            may_skip = true;
            continue;
        }
        let found = if may_skip {
            printed.any(|printed| is_as_expected(line, printed))
        } else {
            printed.next().is_some_and(|printed| is_as_expected(line, printed))
        };
        if !found {
            return Err(line);
        }
        may_skip = false;
    }
    Ok(())
}

/// Compares a line word by word. A number with a point is the least one.
fn is_as_expected(expected: &str, printed: &str) -> bool {
    if let Some((before, after)) = expected.split_once(ANY) {
        return printed.starts_with(before)
            && printed.ends_with(after)
            && printed.len() >= before.len() + after.len();
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (expected, printed) = (words(expected), words(printed));
    let is_same = |(expected, printed): (&String, &String)| match (least(expected), least(printed)) {
        (Some((least, unit)), Some((number, printed_unit))) => number >= least && unit == printed_unit,
        _ => expected == printed,
    };
    expected.len() == printed.len() && expected.iter().zip(&printed).all(is_same)
}

/// Splits `20.5ms` into its number and its unit. Returns `None` if it is not a number with one point.
fn least(word: &str) -> Option<(f64, &str)> {
    let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    if number.contains('.') { Some((number.parse().ok()?, unit)) } else { None }
}

#[test]
fn the_examples_of_the_usual_tools_print_what_the_page_says() {
    for tool in INSTALLED {
        if tools::find(&[tool]).is_none() {
            continue;
        }
        let examples: Vec<_> = examples(PAGE).into_iter().filter(|example| example.tool() == tool).collect();
        assert!(!examples.is_empty(), "no example of {tool}");
        for example in examples {
            example.run();
        }
    }
}

#[test]
fn the_examples_of_other_tools_run_where_they_are_installed() {
    for example in examples(PAGE).iter().filter(|example| NOT_INSTALLED.contains(&example.tool())) {
        let tool = example.tool();
        let folders = std::env::var_os("PATH").unwrap_or_default();
        if std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file()) {
            example.run();
        } else {
            tools::skipped(&format!("not run, because Debian has no {tool}: {}", example.line));
        }
    }
}

#[test]
fn every_tool_of_the_page_has_an_example_with_a_result() {
    let examples = examples(section("With the usual tools"));
    for tool in INSTALLED {
        let has_result = |example: &Example| example.tool() == tool && !example.expected.is_empty();
        assert!(examples.iter().any(has_result), "{tool}");
    }
    for tool in NOT_INSTALLED {
        assert!(examples.iter().any(|example| example.tool() == tool), "{tool}");
    }
}

#[test]
fn what_fortio_and_go_httpbin_are_used_for_has_the_size_the_status_and_the_time_of_the_page() {
    let program = Program::start(&[]);
    let rows =
        section("Coming from fortio or go-httpbin").lines().filter(|line| line.starts_with('|')).skip(2);
    let mut asked = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, target, statuses, bytes, time] = cells[..] else { panic!("not five cells: {row}") };
        let mut client = program.connect();
        let start = Instant::now();
        client.send(get(target.trim_matches('`')));
        let response = client.response();
        let least = time.strip_suffix(" ms").map_or(0, |ms| ms.parse().expect("a number"));
        assert!(start.elapsed() >= Duration::from_millis(least), "{row}: {:?}", start.elapsed());
        assert!(
            statuses.split(", ").any(|status| status == response.status.to_string()),
            "{row}: {}",
            response.head
        );
        assert_eq!(response.body.len().to_string(), bytes, "{row}");
        asked += 1;
    }
    assert!(asked >= 10, "{asked} rows");
    assert_eq!(program.end().number("steered by their URLs"), asked);
}

#[test]
fn an_output_is_compared_as_the_page_says() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let output = "\n200 20480 0.705\n\n  50%   21.07ms\nlast";
    for right in ["200 20480 0.70", "…\n50% 20.0ms", "…\nla…t", "200 …\n50% 21.07ms\nlast", ""] {
        assert_eq!(compare(&lines(right), output), Ok(()), "{right}");
    }
    for wrong in [
        "200 20480 0.71",
        "50% 20.0ms",
        "…\n50% 20.0s",
        "…\nlast\n50% 20.0ms",
        "201 …",
        "200 20480",
        "…\nlast\n…\nx",
    ] {
        assert!(compare(&lines(wrong), output).is_err(), "{wrong}");
    }
}
