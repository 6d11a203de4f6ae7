//! The documentation names tests and files that exist.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files in a folder and in the folders in it, with one of these endings.
pub fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if endings.contains(&ending) {
                files.push(path);
            }
        }
    }
    files
}

/// Returns the pages, and the comments of tests, that cite tests and files.
fn pages() -> Vec<(String, String)> {
    let mut paths = files("docs", &["md"]);
    paths.extend(
        ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)),
    );
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("a page"))).collect()
}

/// Returns the names of all functions, modules and fields in the sources and the tests.
fn defined() -> HashSet<String> {
    let mut names = HashSet::new();
    for path in ["src", "tests", "benches", "examples"].iter().flat_map(|folder| files(folder, &["rs"])) {
        let text = fs::read_to_string(&path).expect("a source");
        for keyword in ["fn ", "mod ", "struct ", "const "] {
            let found = text.split(keyword).skip(1);
            let name =
                |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
            names.extend(found.filter_map(name));
        }
    }
    names
}

/// Returns the words between backticks.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Returns whether a word is the name of a test: names of tests are sentences.
pub fn is_sentence(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    // Metrics, and settings of the kernel, have long names too.
    let is_other = ["fourway_", "tcp_", "ip_"].iter().any(|start| word.starts_with(start));
    word.matches('_').count() >= 3 && word.chars().all(is_part) && !is_other
}

#[test]
fn every_test_that_a_page_names_exists() {
    let defined = defined();
    let mut cited = 0;
    let mut missing = BTreeSet::new();
    for (page, text) in pages() {
        for name in quoted(&text).filter(|word| is_sentence(word)) {
            cited += 1;
            if !defined.contains(name) {
                missing.insert(format!("{page}: {name}"));
            }
        }
    }
    assert!(cited >= 40, "the pages are read: {cited} names");
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_file_that_a_page_names_exists() {
    let mut missing = BTreeSet::new();
    let mut cited = 0;
    for (page, text) in pages() {
        for name in quoted(&text) {
            let is_path = ["src/", "tests/", "docs/", "examples/", "benches/"]
                .iter()
                .any(|root| name.starts_with(root));
            let is_file = [".rs", ".md", ".sh", ".py"].iter().any(|ending| name.ends_with(ending));
            if is_path && is_file && !name.contains(['*', '<', ' ', '{']) {
                cited += 1;
                if !root().join(name).exists() {
                    missing.insert(format!("{page}: {name}"));
                }
            }
        }
    }
    assert!(cited >= 40, "the pages are read: {cited} names");
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn the_readme_is_short() {
    for name in ["README.md", "README.zh-CN.md"] {
        let readme = fs::read_to_string(root().join(name)).expect("the README");
        let lines = readme.lines().count();
        assert!((50..=150).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn each_of_our_cells_in_the_table_of_features_is_a_test() {
    let page = fs::read_to_string(root().join("docs/TARGET.md")).expect("a page");
    let mut tests = HashSet::new();
    for path in files("tests", &["rs"]) {
        let text = fs::read_to_string(path).expect("a test");
        let name = |rest: &str| rest.split_once("fn ")?.1.split('(').next().map(str::to_owned);
        tests.extend(text.split("#[test]\n").skip(1).filter_map(name));
    }
    let (_, table) = page.split_once("| feature | fourway |").expect("the table");
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 20, "the table is read: {rows:?}");
    let columns =
        page.lines().find(|line| line.starts_with("| feature |")).expect("the heading").matches('|').count();
    for row in rows {
        assert_eq!(row.matches('|').count(), columns, "{row}");
        let cell = row.split('|').nth(2).unwrap_or_default();
        let named: Vec<_> = quoted(cell).filter(|word| !word.contains('/')).collect();
        assert!(!named.is_empty(), "no test in our cell: {row}");
        for name in named {
            assert!(tests.contains(name), "{name} is no test: {row}");
        }
    }
}
