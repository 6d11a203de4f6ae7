//! The pages in two languages have the same sections, commands and tables, and lead to each other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::cited::{quoted, root};

/// The pages that are kept in English and in Chinese.
const PAGES: [&str; 4] = ["README", "docs/tour", "docs/tour-answers", "docs/essay"];

fn page(name: &str, ending: &str) -> String {
    let name = format!("{name}{ending}");
    fs::read_to_string(root().join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A section: its level, the rows of its tables, and the words of code and the numbers in its prose.
#[derive(Debug, Default, PartialEq)]
struct Section {
    level: usize,
    /// The number of cells in each row.
    rows: Vec<usize>,
    words: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

/// Returns the numbers in a line, such as `1,024` and `0.72`.
fn numbers(line: &str) -> impl Iterator<Item = String> {
    let parts = line.split(|c: char| !c.is_ascii_digit() && c != ',' && c != '.');
    parts.map(|part| part.trim_matches([',', '.']).to_owned()).filter(|part| !part.is_empty())
}

/// Returns a page's sections, and its blocks of code.
fn parts(text: &str) -> (Vec<Section>, Vec<Vec<String>>) {
    let (mut sections, mut codes) = (vec![Section::default()], Vec::new());
    let mut fence: Option<Vec<String>> = None;
    let mut is_after_blank = true;
    for line in text.lines() {
        if line.starts_with("```") {
            match fence.take() {
                Some(code) => codes.push(code),
                None => fence = Some(vec![line.to_owned()]),
            }
            continue;
        }
        if let Some(code) = &mut fence {
            code.push(line.to_owned());
            continue;
        }
        if line.starts_with("    ") && is_after_blank {
            codes.push(vec![line.to_owned()]);
            continue;
        }
        is_after_blank = line.is_empty();
        let level = line.chars().take_while(|&c| c == '#').count();
        if level > 0 {
            sections.push(Section { level, ..Section::default() });
        }
        let section = sections.last_mut().expect("a section");
        if line.starts_with('|') {
            section.rows.push(line.matches('|').count());
        }
        section.words.extend(quoted(line).map(str::to_owned));
        section.numbers.extend(numbers(line));
    }
    (sections, codes)
}

/// Returns what has to be the same in each language: of output, the number of lines; of code, all but the comments.
fn same_in_each_language(code: &[String]) -> Vec<String> {
    let comment = if code[0] == "```rust" { "//" } else { "#" };
    code.iter()
        .map(|line| match &*code[0] {
            "```text" => String::new(),
            _ if line.trim_start().starts_with(comment) => comment.into(),
            _ => line.split(&format!("  {comment} ")).next().unwrap_or_default().trim_end().into(),
        })
        .collect()
}

#[test]
fn both_languages_have_the_same_sections_tables_words_of_code_and_numbers() {
    for name in PAGES {
        let (english, _) = parts(&page(name, ".md"));
        let (chinese, _) = parts(&page(name, ".zh-CN.md"));
        assert_eq!(english.len(), chinese.len(), "{name}: the number of headings");
        for (number, (english, chinese)) in english.iter().zip(&chinese).enumerate() {
            assert_eq!(english, chinese, "{name}: section {number}");
        }
    }
}

#[test]
fn both_languages_have_the_same_commands() {
    for name in PAGES {
        let (_, english) = parts(&page(name, ".md"));
        let (_, chinese) = parts(&page(name, ".zh-CN.md"));
        assert_eq!(english.len(), chinese.len(), "{name}: the number of blocks");
        for (english, chinese) in english.iter().zip(&chinese) {
            assert_eq!(same_in_each_language(english), same_in_each_language(chinese), "{name}");
        }
    }
}

#[test]
fn each_language_leads_to_the_other() {
    for name in PAGES {
        let file = Path::new(name).file_name().expect("a name").to_string_lossy();
        for (ending, other) in [(".md", ".zh-CN.md"), (".zh-CN.md", ".md")] {
            let head: String = page(name, ending).lines().take(5).collect();
            assert!(head.contains(&format!("]({file}{other})")), "{name}{ending}");
        }
    }
}

/// Returns the anchor that a heading gets on GitHub.
fn anchor(heading: &str) -> String {
    let is_kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    let kept = heading.trim_start_matches('#').trim().chars().filter(is_kept);
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn the_links_of_both_languages_lead_somewhere() {
    for (name, ending) in PAGES.iter().flat_map(|name| [(name, ".md"), (name, ".zh-CN.md")]) {
        let path = root().join(format!("{name}{ending}"));
        let text = page(name, ending);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.with_file_name("").join(file) };
            assert!(file.exists(), "{name}{ending}: {target}");
            if !heading.is_empty() {
                let text = fs::read_to_string(&file).expect("a page");
                let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.any(|it| it == heading), "{name}{ending}: {target}");
            }
        }
    }
}
