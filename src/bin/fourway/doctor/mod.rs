//! `fourway doctor`: what this machine can bear, and what will break first.
//!
//! [`Machine::read`] reads the kernel, [`examine`] compares what it found with what was asked for, and `text` or `json`
//! prints the [`Report`]. Only the first of them touches the machine, and nothing changes it: the lines that would raise
//! a limit are printed, never run.
//!
//! - `finding`: one limit, what it allows, and the verdict;
//! - `files`, `queues`, `ports`, `memory`, `processor`: the findings, by subject;
//! - `time_wait`: how long the ports last in each close mode;
//! - `folklore`: what is often advised, and wrong.

mod asked;
mod files;
mod finding;
mod folklore;
mod json;
mod machine;
mod memory;
mod ports;
mod processor;
mod queues;
mod report;
#[cfg(test)]
mod tests;
mod text;
mod time_wait;

use std::io::{self, Write};
use std::process::ExitCode;

use super::options::DoctorOptions;
use asked::Asked;
use machine::Machine;
use report::Report;

/// Prints the report of this machine. Returns 0 if it can bear what is asked for, else 1.
pub fn run(options: &DoctorOptions) -> ExitCode {
    let asked = Asked::of(options);
    let report = Report::of(&asked, &Machine::read());
    let printed = if options.json { json::print(&asked, &report) } else { text::print(&asked, &report) };
    // A reader that has gone, such as `head`, changes nothing about the machine.
    let _ = io::stdout().write_all(printed.as_bytes());
    if report.is_possible() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
