//! The drawings of the states, held to the table of transitions. (`src/state/transitions` holds `transitions.json` to it.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::common::json::Json;

/// The arrows of a drawing: from where, to where.
type Arrows = BTreeSet<(String, String)>;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the sources")
}

fn table() -> Json {
    Json::parse(&read("src/state/transitions/transitions.json"))
}

fn texts(json: &Json) -> Vec<String> {
    let Json::Array(items) = json else { panic!("{json:?} is no array") };
    let text = |item: &Json| match item {
        Json::Text(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    };
    items.iter().map(text).collect()
}

/// Returns the states of each group.
fn groups() -> BTreeMap<String, Vec<String>> {
    let table = table();
    table.members("groups").iter().map(|(name, states)| (name.clone(), texts(states))).collect()
}

/// Returns the rows of the table: from where, to where, and why.
fn rows() -> Vec<(String, String, Vec<String>)> {
    let table = table();
    let Json::Array(rows) = table.at("rows") else { panic!("rows") };
    let text = |row: &Json, name| row.text(name).to_owned();
    rows.iter().map(|row| (text(row, "from"), text(row, "to"), texts(row.at("why")))).collect()
}

/// Returns the arrows of the table between groups. An arrow within a group is not drawn.
fn expected() -> Arrows {
    let groups = groups();
    let group = |place: String| {
        let found = groups.iter().find(|(_, states)| states.contains(&place));
        found.map_or(place, |(name, _)| name.clone())
    };
    let arrows = rows().into_iter().map(|(from, to, _)| (group(from), group(to)));
    arrows.filter(|(from, to)| from != to).collect()
}

// --- drawings in text ---

/// Returns the drawing of a file that has one beside others, without the marks of a comment.
fn drawing(path: &str) -> Vec<Vec<char>> {
    let text = read(path).replace("//! ", "").replace("//!", "");
    let mut blocks = text.split("```").filter(|block| block.contains("gone") && block.starts_with("text\n"));
    let block = blocks.next().unwrap_or_else(|| panic!("{path} has a drawing"));
    block.lines().skip(1).map(|line| line.chars().collect()).collect()
}

/// A drawing in characters, through which the lines of arrows are followed.
struct Grid(Vec<Vec<char>>);

impl Grid {
    fn at(&self, (row, column): (i32, i32)) -> char {
        let line = usize::try_from(row).ok().and_then(|row| self.0.get(row));
        let place = line.zip(usize::try_from(column).ok()).and_then(|(line, column)| line.get(column));
        place.copied().unwrap_or(' ')
    }

    /// Returns the word that an arrow meets if it leaves its line in this direction.
    fn word(&self, (row, column): (i32, i32), (down, right): (i32, i32)) -> String {
        // A line that goes sideways keeps a space from its word.
        let (row, column) = (row + down, column + right * 2);
        let is_word = |column| self.at((row, column)).is_ascii_alphabetic();
        let begin = (0..=column).rev().take_while(|&column| is_word(column)).last().unwrap_or(column);
        (begin..).take_while(|&column| is_word(column)).map(|column| self.at((row, column))).collect()
    }

    fn arrows(&self) -> Arrows {
        const HEADS: [(char, (i32, i32)); 4] = [('▼', (1, 0)), ('▲', (-1, 0)), ('►', (0, 1)), ('◄', (0, -1))];
        let mut arrows = Arrows::new();
        for (row, line) in self.0.iter().enumerate() {
            for (column, head) in line.iter().enumerate() {
                let Some(&(_, to)) = HEADS.iter().find(|(it, _)| it == head) else { continue };
                let at = (row as i32, column as i32);
                arrows.insert((self.source(at, (-to.0, -to.1)), self.word(at, to)));
            }
        }
        arrows
    }

    /// Follows a line back from its head.
    fn source(&self, mut at: (i32, i32), mut direction: (i32, i32)) -> String {
        loop {
            let next = (at.0 + direction.0, at.1 + direction.1);
            direction = match (self.at(next), direction) {
                ('─', (0, _)) | ('│', (_, 0)) => direction,
                ('┌', (0, -1)) | ('┐', (0, 1)) => (1, 0),
                ('└', (0, -1)) | ('┘', (0, 1)) => (-1, 0),
                ('┌' | '└', _) => (0, 1),
                ('┐' | '┘', _) => (0, -1),
                _ => return self.word(at, direction),
            };
            at = next;
        }
    }
}

#[test]
fn each_drawing_has_exactly_the_arrows_of_the_table() {
    for path in ["src/state/mod.rs", "docs/ARCHITECTURE.md"] {
        assert_eq!(Grid(drawing(path)).arrows(), expected(), "{path}");
    }
    let page = read("src/bin/fourway/status/page/page.html");
    let mut drawn = Arrows::new();
    for path in page.split("<path ").skip(1).filter(|path| path.contains("data-from=")) {
        let places = |name: &str| {
            let (_, value) = path.split_once(&format!("{name}=\"")).expect("both ends");
            value.split('"').next().unwrap_or_default().split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        for from in places("data-from") {
            drawn.extend(places("data-to").into_iter().map(|to| (from.clone(), to)));
        }
    }
    assert_eq!(drawn, expected(), "the status page");
    let undrawn = page.matches("<path data-flow").count() - page.matches("\" data-from=\"").count();
    assert_eq!(undrawn, 0, "each arrow says from where to where it leads");
}

#[test]
fn each_drawing_has_each_state_in_its_group() {
    for path in ["src/state/mod.rs", "docs/ARCHITECTURE.md"] {
        let text: Vec<String> = drawing(path).into_iter().map(|line| line.into_iter().collect()).collect();
        for (group, states) in groups() {
            let line = format!("{group}:");
            let line = text.iter().find(|text| text.starts_with(&line)).expect("a line for the group");
            assert_eq!(line.split_once(':').expect("a colon").1.trim(), states.join(", "), "{path}");
        }
    }
    let script = read("src/bin/fourway/status/page/draw.js");
    let column = |state: &str| {
        let (_, rest) = script.split_once(&format!("\"{state}\", \"")).unwrap_or_else(|| panic!("{state}"));
        let end = rest.lines().next().expect("a line").trim_end_matches("],");
        let mut numbers = end.rsplit(", ").map(|number| number.parse::<u32>().expect("a number"));
        (numbers.next(), numbers.next())
    };
    for (group, states) in groups() {
        // `Received` lasts only within a turn, and counts as `Idle`.
        for state in states.iter().filter(|state| *state != "Received") {
            let (Some(y), Some(x)) = column(state) else { panic!("{state} has a place") };
            let drawn = if x < 170 {
                "reading"
            } else if y < 200 {
                "responding"
            } else {
                "closing"
            };
            assert_eq!(drawn, group, "{state}");
        }
    }
}

#[test]
fn the_page_of_the_states_has_every_row() {
    let line = |(from, to, why): &(String, String, Vec<String>)| {
        let why = if why.is_empty() { "a client has connected".to_owned() } else { why.join("; ") };
        format!("| `{from}` | `{to}` | {why} |\n")
    };
    let expected: String = rows().iter().map(line).collect();
    let page = read("docs/STATES.md");
    let (_, shown) = page.split_once("| from | to | why |\n| --- | --- | --- |\n").expect("a table");
    assert!(shown == expected, "the table has to be\n{expected}");
}
