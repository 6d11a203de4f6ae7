//! Repeats the inputs that a fuzzer found worth keeping. `fuzz/README.md` describes how they are made.

use std::fs;
use std::path::{Path, PathBuf};

/// Prints which file has failed.
struct Telling<'a>(&'a Path);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} went wrong", self.0.display());
        }
    }
}

/// Calls `check` with each file of a corpus, which must have at least `least` files.
fn with_each(corpus: &str, least: usize, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(corpus);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    assert!(files.len() >= least, "{} has only {} files", folder.display(), files.len());
    files.sort();
    for file in files {
        let _telling = Telling(&file);
        check(&fs::read(&file).expect("it can be read"));
    }
}

#[test]
fn the_books_agree_in_each_story_of_the_corpus() {
    with_each("stories", 100, super::story);
}

#[test]
fn bytes_of_the_corpus_get_the_same_responses_in_any_pieces() {
    with_each("request", 100, super::request);
}
