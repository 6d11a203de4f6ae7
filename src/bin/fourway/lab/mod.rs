//! `fourway lab`: the ladder of a real connection, as this machine's kernel and the server tell it.
//!
//! A client and the server live in one loop, over the loopback. After each step the kernel is asked about both ends, so
//! every state that is shown was seen. What cannot be seen is `?`. An ordinary user may do all of this.
//!
//! - `ladder`: a ladder, its rows and segments;
//! - `kernel`: what the kernel tells about a connection;
//! - `segments`: the segments between two samples;
//! - `recorder`: makes the rows, also from within the server's system calls;
//! - `bench`: the server, a client and their loop;
//! - `scenarios`: what happens in each ladder;
//! - `note`: what a ladder says in words;
//! - `text` and `json`: print ladders, with `paint` and `width`.

mod bench;
mod json;
mod kernel;
mod ladder;
pub mod note;
mod paint;
mod recorder;
mod scenarios;
#[cfg(all(test, target_os = "linux"))]
mod second_source;
mod segments;
mod text;
#[cfg(test)]
mod tests;
pub mod width;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::language::Language;
use super::options::{Chosen, LabOptions};
use json::Json;
use paint::Paint;
use recorder::Recorder;
use scenarios::Scenario;

/// Prints the ladders of the chosen scenarios. Returns 1 if one of them failed.
pub fn run(options: &LabOptions) -> ExitCode {
    let language = Language::choose(options.lang);
    let paint = Paint { is_on: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() };
    let recorder = Recorder::install();
    let mut out = String::new();
    if !options.json {
        text::legend(language, recorder.is_told(), &mut out);
        print(&mut out);
    }
    let mut all = Vec::new();
    for scenario in chosen(options.scenario) {
        match scenario.run(recorder) {
            Ok(ladders) => {
                for ladder in ladders {
                    if options.json {
                        all.push(ladder);
                    } else {
                        text::ladder(&ladder, language, paint, &mut out);
                        print(&mut out);
                    }
                }
            }
            Err(error) => {
                eprintln!("fourway: error: {}: {}: {error}", scenario.as_str(), language.lab().failed);
                return ExitCode::FAILURE;
            }
        }
    }
    if options.json {
        out = Json { language, ladders: &all }.to_string();
        print(&mut out);
    }
    ExitCode::SUCCESS
}

/// Prints a text, and empties it. A reader that has gone, such as `head`, is no error.
fn print(text: &mut String) {
    let _ = io::stdout().write_all(text.as_bytes());
    text.clear();
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
        Chosen::All => Scenario::ALL.to_vec(),
    }
}
