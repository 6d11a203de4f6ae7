//! Writing the player's page of a trace.

use std::fs;
use std::io::{BufRead, Read};
use std::path::Path;

use super::json::Json;
use super::page;
use super::reader::Reader;
use crate::language::Language;
use crate::options::TraceOptions;

/// The most bytes of a trace that a page can have. A browser shows it step by step, and keeps all of it.
const MOST: u64 = 64 << 20;

/// Writes the page of a trace. Lines that are no records stay in it, and the page counts them.
pub fn write(input: impl BufRead, options: &TraceOptions, file: &Path) -> Result<(), String> {
    let trace = lines_asked_for(input, options, MOST)?;
    let header = Reader::new(trace.as_bytes())?.header;
    let title = header.get("title").and_then(Json::text).unwrap_or_default();
    let page = page::page(&trace, title, Language::choose(options.lang), options.source.as_deref());
    fs::write(file, page).map_err(|error| format!("cannot write {}: {error}", file.display()))
}

/// Reads the header, and the lines that the options ask for. Only these count as a part of the page.
fn lines_asked_for(mut input: impl BufRead, options: &TraceOptions, most: u64) -> Result<String, String> {
    let mut trace = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(most + 1).read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&line).map_err(|_| "it is not UTF-8")?;
        if trace.is_empty() {
            // What is no trace may have no end either.
            Reader::new(text.as_bytes())?;
        }
        if text.is_empty() {
            return Ok(trace);
        }
        if trace.is_empty() || is_asked_for(text, options) {
            trace += text;
        }
        if trace.len() as u64 > most {
            let most = most >> 20;
            return Err(format!("the page would have more than {most} MiB; --every makes a smaller one"));
        }
    }
}

/// Returns whether a line is about no connection, or about one that the options ask for.
fn is_asked_for(line: &str, options: &TraceOptions) -> bool {
    if options.every == 1 && options.connection.is_none() {
        return true;
    }
    let record = Json::parse(line).ok();
    let number = record.as_ref().and_then(|record| record.get("connection")).and_then(Json::number);
    number.is_none_or(|number| options.asks_for(number))
}

#[cfg(test)]
mod tests {
    use super::super::stories::STORIES;
    use super::*;

    #[test]
    fn what_nobody_asks_for_does_not_count_as_a_part_of_the_page() {
        let options = |connection| TraceOptions {
            trace: None,
            every: 1,
            connection,
            html: None,
            source: None,
            lang: None,
        };
        let header = "{\"fourway_trace\":1}\n";
        let other = "{\"n\":1,\"connection\":1}\n";
        let own = "{\"n\":2,\"connection\":2}\n";
        let most = 1 << 20;
        let long = [header, &other.repeat(most as usize / other.len() + 1), own].concat();
        assert_eq!(lines_asked_for(long.as_bytes(), &options(Some(2)), most), Ok([header, own].concat()));
        let error = lines_asked_for(long.as_bytes(), &options(None), most).expect_err("it is too long");
        assert_eq!(error, "the page would have more than 1 MiB; --every makes a smaller one");
        let error = lines_asked_for(&b"\xff\n"[..], &options(None), most);
        assert_eq!(error, Err("it is not UTF-8".into()));
    }

    #[test]
    fn each_recorded_story_is_told_in_chinese_too() {
        for story in &STORIES {
            let header = Reader::new(story.trace.as_bytes()).unwrap().header;
            let title = header.get("title").and_then(Json::text).unwrap();
            assert!(Language::Chinese.story(title).is_some(), "{title}");
        }
    }
}
