//! The trace: the life of the loop, step by step. `docs/TRACE.md` describes its format.
//!
//! - `sink`: the trace of a running server, `fourway --trace FILE`, which `file` writes;
//! - `tracer`: from log records to lines;
//! - `stories`: the recorded stories;
//! - `reader`: from lines to records, with `json`;
//! - `text`: a trace as text, which `fourway trace` prints;
//! - `html`: a trace as a page, the player, which `fourway trace --html` writes.

mod file;
mod html;
mod json;
mod page;
mod reader;
mod sink;
mod stories;
mod text;
mod tracer;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use super::options::TraceOptions;
use json::Json;
use reader::{Reader, Record};
pub use sink::Sink;
use stories::STORIES;
use text::{Look, Printer, print_header};

/// Prints a trace, or the list of the stories. Returns 1 if there is none of this name, or if it is not one.
pub fn run(options: &TraceOptions) -> ExitCode {
    let printed = match &options.trace {
        None => list(),
        Some(trace) => show(trace, options),
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("fourway: error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the names of the stories with their titles.
fn list() -> Result<(), String> {
    let mut text = String::from("Recorded stories, for fourway trace STORY:\n\n");
    for story in &STORIES {
        let reader = Reader::new(story.trace.as_bytes())?;
        let title = reader.header.get("title").and_then(Json::text).unwrap_or_default();
        text += &format!("  {:<24}{title}\n", story.name);
    }
    text += "\nfourway --trace FILE writes the trace of a running server.\n";
    printed(io::stdout().lock().write_all(text.as_bytes()))
}

/// Prints the story or the file of this name.
fn show(trace: &Path, options: &TraceOptions) -> Result<(), String> {
    let input = open(trace)?;
    let shown = match &options.html {
        Some(file) => html::write(input, options, file),
        None => print(input, options),
    };
    shown.map_err(|error| format!("{}: {error}", trace.display()))
}

/// Opens the story or the file of this name.
fn open(trace: &Path) -> Result<Box<dyn BufRead>, String> {
    if let Some(story) = trace.to_str().and_then(stories::find) {
        return Ok(Box::new(story.trace.as_bytes()));
    }
    let name = trace.display();
    match File::open(trace) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("there is no story and no file {name}; fourway trace lists the stories"))
        }
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
}

/// Prints a trace up to its end, or to the first line that is wrong.
fn print(input: impl BufRead, options: &TraceOptions) -> Result<(), String> {
    let mut reader = Reader::new(input)?;
    let look = Look::of_stdout(io::stdout().is_terminal());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut printer = Printer::new(look);
    let mut written = print_header(&mut out, &reader.header, look);
    for record in reader.by_ref() {
        // What was right is printed first.
        let record = record.inspect_err(|_| _ = out.flush())?;
        if written.is_ok() && is_asked_for(&record, options) {
            written = printer.print(&mut out, &record);
        }
        if written.is_err() {
            return printed(written);
        }
    }
    printed(out.flush())?;
    if !reader.is_whole() {
        eprintln!("fourway: warning: the trace has no end, so it was cut off");
    }
    Ok(())
}

/// Returns whether a record is about no connection, or about one that the options ask for.
fn is_asked_for(record: &Record, options: &TraceOptions) -> bool {
    record.connection.is_none_or(|number| options.asks_for(number))
}

/// A reader that has gone, such as `head`, is no error.
fn printed(result: io::Result<()>) -> Result<(), String> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot print: {error}")),
        _ => Ok(()),
    }
}
