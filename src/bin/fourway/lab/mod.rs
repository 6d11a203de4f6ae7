//! `fourway lab`: the ladder of a real connection, as this machine's kernel and the server tell it.
//!
//! A client and the server live in one loop, over the loopback. After each step the kernel is asked about both ends, so
//! every state that is shown was seen. What cannot be seen is `?`. An ordinary user may do all of this.
//!
//! - `ladder`: a ladder, its rows and segments;
//! - `kernel`: what the kernel tells about a connection;
//! - `segments`: the segments between two samples;
//! - `step`: a step of the server, as its log has it;
//! - `recorder`: makes the rows, also from within the server's system calls;
//! - `bench`: the server, a client and their loop;
//! - `scenarios`: what happens in each ladder;
//! - `note`: what a ladder says in words;
//! - `shown`: what a scenario shows, a ladder with its `bill`, the faults of the `essay` or the experiment with `ports`;
//! - `sheet`: the figures that are no ladder, as lines;
//! - `text`, `json` and `svg`: print and draw it, with `paint` and `width`.

mod address;
mod bench;
mod bill;
mod bill_json;
mod errno;
mod essay;
mod held;
mod json;
mod kernel;
mod ladder;
pub mod note;
mod narrow;
mod paint;
mod ports;
mod recorder;
mod scenarios;
#[cfg(all(test, target_os = "linux"))]
mod second_source;
mod segments;
mod sheet;
mod shown;
mod step;
mod svg;
mod text;
#[cfg(test)]
mod tests;
pub mod width;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use super::language::Language;
use super::options::{Chosen, LabOptions};
use json::Json;
use paint::Paint;
use recorder::Recorder;
use scenarios::Scenario;
use shown::Shown;

/// Prints the ladders of the chosen scenarios, and draws them. Returns 1 if that failed.
pub fn run(options: &LabOptions) -> ExitCode {
    match show(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("fourway: error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &LabOptions) -> Result<(), String> {
    let language = Language::choose(options.lang);
    let paint = Paint { is_on: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() };
    let recorder = Recorder::install();
    let mut out = String::new();
    let has_ladders = !matches!(options.scenario, Chosen::Essay | Chosen::Ports);
    if has_ladders && !options.json {
        text::legend(language, recorder.is_told(), &mut out);
        print(&mut out)?;
    }
    let mut all = Vec::new();
    for scenario in chosen(options.scenario) {
        let shown = Shown::by(scenario, recorder);
        let failed = |error| format!("{}: {}", scenario.as_str(), failed(&error, language));
        for shown in shown.map_err(failed)? {
            if !options.json {
                text::shown(&shown, language, paint, &mut out);
                print(&mut out)?;
            }
            all.push(shown);
        }
    }
    if options.json {
        out = Json { language, shown: &all }.to_string();
        print(&mut out)?;
    }
    match &options.svg {
        Some(path) => draw(path, &svg::picture(&all, language)),
        None => Ok(()),
    }
}

/// Returns why a scenario cannot be shown.
fn failed(error: &io::Error, language: Language) -> String {
    let words = language.lab();
    let has_no_address =
        matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable);
    let reason = if has_no_address { words.needs_loopback } else { "" };
    format!("{}: {error}{reason}", words.failed)
}

fn draw(path: &Path, picture: &str) -> Result<(), String> {
    std::fs::write(path, picture).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Prints a text, and empties it. A reader that has gone, such as `head`, is no error.
fn print(text: &mut String) -> Result<(), String> {
    let printed = io::stdout().write_all(text.as_bytes());
    text.clear();
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot print: {error}")),
        _ => Ok(()),
    }
}

fn chosen(chosen: Chosen) -> Vec<Scenario> {
    match chosen {
        Chosen::Open => vec![Scenario::Open],
        Chosen::ServerFirst => vec![Scenario::ServerFirst],
        Chosen::ClientFirst => vec![Scenario::ClientFirst],
        Chosen::Rst => vec![Scenario::Rst],
        Chosen::HalfClose => vec![Scenario::HalfClose],
        Chosen::UnreadData => vec![Scenario::UnreadData],
        Chosen::SlowReader => vec![Scenario::SlowReader],
        Chosen::Backlog => vec![Scenario::Backlog],
        Chosen::Essay => vec![Scenario::Essay],
        Chosen::Ports => vec![Scenario::Ports],
        Chosen::All => Scenario::ALL.to_vec(),
    }
}
