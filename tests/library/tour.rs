//! The tour leads to files, functions and tests that exist, and each of its questions has an answer.

use std::collections::BTreeSet;
use std::fs;

use super::cited::{is_sentence, quoted, root};

const TOURS: [&str; 2] = ["docs/tour.md", "docs/tour.zh-CN.md"];
const ANSWERS: [&str; 2] = ["docs/tour-answers.md", "docs/tour-answers.zh-CN.md"];

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the paragraphs, items of lists and rows of tables, without the blocks of code.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for prose in text.split("```").step_by(2) {
        for line in prose.lines() {
            let number = line.split(". ").next().unwrap_or_default();
            let is_item = line.starts_with("- ") || line.starts_with("| ") || number.parse::<u32>().is_ok();
            if is_item || line.is_empty() {
                blocks.push(String::new());
            }
            let block = blocks.last_mut().expect("a block");
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

/// Returns what the words between backticks claim to be in a file beside them: functions and tests.
fn claimed(block: &str) -> Vec<&str> {
    let name = |word| <str>::strip_suffix(word, "()").or(is_sentence(word).then_some(word));
    quoted(block).filter_map(name).collect()
}

/// Returns the sources that a block names.
fn sources(block: &str) -> Vec<String> {
    let is_source = |word: &&str| word.ends_with(".rs") && word.contains('/');
    quoted(block).filter(is_source).map(page).collect()
}

fn defines(source: &str, name: &str) -> bool {
    source.contains(&format!("fn {name}(")) || source.contains(&format!("fn {name}<"))
}

#[test]
fn each_function_and_test_of_the_tour_is_in_a_file_that_is_named_beside_it() {
    for name in TOURS.iter().chain(&ANSWERS) {
        let text = page(name);
        let mut found = 0;
        let mut missing = BTreeSet::new();
        for block in blocks(&text) {
            let sources = sources(&block);
            for claim in claimed(&block) {
                found += 1;
                if !sources.iter().any(|source| defines(source, claim)) {
                    missing.insert(claim.to_owned());
                }
            }
        }
        assert!(found >= 8, "{name} is read: {found} functions and tests");
        assert_eq!(missing, BTreeSet::new(), "{name}");
    }
}

#[test]
fn each_of_the_ten_questions_of_the_tour_has_an_answer() {
    for (tour, answers) in TOURS.into_iter().zip(ANSWERS) {
        let (tour, answers) = (page(tour), page(answers));
        let questions = tour.rsplit("\n## ").next().expect("the last section");
        for number in 1..=10 {
            let begin = format!("\n{number}. **");
            let title =
                |text: &str| text.split_once(&begin)?.1.split_once("**").map(|(title, _)| title.to_owned());
            let question = title(questions).unwrap_or_else(|| panic!("question {number}"));
            assert_eq!(title(&answers), Some(question), "the answer {number}");
        }
    }
}

#[test]
fn the_tour_counts_the_lines_of_each_step_as_they_are() {
    let lines = |step: u32| page(&format!("examples/steps/step{step}.rs")).lines().count();
    let range = format!("{} to {}", lines(1), (1..=6).map(lines).max().expect("steps"));
    assert!(page(TOURS[0]).contains(&range), "{range}");
}

#[test]
fn steps_3_and_4_serve_a_connection_in_the_same_way() {
    let methods = |step| {
        let source = page(&format!("examples/steps/step{step}.rs"));
        source.split_once("\nimpl Connection {").expect("the methods of a connection").1.to_owned()
    };
    assert_eq!(methods(3), methods(4));
}

#[test]
fn each_story_and_scenario_that_the_tour_names_exists() {
    let lab = page("docs/LAB.md");
    for tour in TOURS {
        let text = page(tour);
        let rows = text.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 4);
        let rows: Vec<_> =
            rows.filter(|row| row.chars().nth(2).is_some_and(|c| c.is_ascii_digit())).collect();
        assert_eq!(rows.len(), 9, "{tour}");
        for row in rows {
            let cells: Vec<&str> = row.split('|').collect();
            for story in quoted(cells[2]) {
                assert!(root().join(format!("docs/stories/{story}.trace")).exists(), "{story}");
            }
            for scenario in quoted(cells[3]) {
                assert!(lab.contains(&format!("`{scenario}`")), "{scenario}");
            }
        }
    }
}
