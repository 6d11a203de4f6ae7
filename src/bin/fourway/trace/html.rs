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
    let mut trace = String::new();
    input.take(MOST + 1).read_to_string(&mut trace).map_err(|error| error.to_string())?;
    if trace.len() as u64 > MOST {
        return Err(format!("it has more than {} MiB; --trace-every makes a smaller one", MOST >> 20));
    }
    let header = Reader::new(trace.as_bytes())?.header;
    let title = header.get("title").and_then(Json::text).unwrap_or_default();
    let lines = trace.lines().filter(|line| is_asked_for(line, options));
    let trace = lines.collect::<Vec<_>>().join("\n");
    let page = page::page(&trace, title, Language::choose(options.lang), options.source.as_deref());
    fs::write(file, page).map_err(|error| format!("cannot write {}: {error}", file.display()))
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
    fn each_recorded_story_is_told_in_chinese_too() {
        for story in &STORIES {
            let header = Reader::new(story.trace.as_bytes()).unwrap().header;
            let title = header.get("title").and_then(Json::text).unwrap();
            assert!(Language::Chinese.story(title).is_some(), "{title}");
        }
    }
}
