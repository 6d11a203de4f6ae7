//! The report for programs. `docs/DOCTOR.md` documents it. Names stay as they are, and further ones may come.

use std::fmt::Write;

use super::super::options::ClientPlace;
use super::asked::Asked;
use super::finding::{Allows, Finding};
use super::folklore::{TALES, Tale};
use super::report::Report;
use super::time_wait::{Lasting, Row, SECONDS};

/// The version of the form. It grows if a name changes or goes away.
const VERSION: u32 = 1;

pub fn print(asked: &Asked, report: &Report) -> String {
    let findings: Vec<_> = report.findings.iter().map(finding).collect();
    let modes: Vec<_> = report.time_wait.iter().map(mode).collect();
    let tales: Vec<_> = TALES.iter().map(tale).collect();
    let client = match asked.client {
        ClientPlace::Here => "here",
        ClientPlace::Elsewhere => "elsewhere",
    };
    let asked = object(&[
        ("connections", asked.connections.to_string()),
        ("rate", optional(asked.rate)),
        ("pairs", asked.pairs.to_string()),
        ("client", string(client)),
    ]);
    let time_wait = object(&[("seconds", SECONDS.to_string()), ("modes", array(&modes))]);
    let whole = object(&[
        ("version", VERSION.to_string()),
        ("possible", report.is_possible().to_string()),
        ("asked", asked),
        ("findings", array(&findings)),
        ("time_wait", time_wait),
        ("folklore", array(&tales)),
    ]);
    whole + "\n"
}

fn finding(finding: &Finding) -> String {
    let (connections, per_second) = match finding.allows {
        Allows::Connections(count) => (Some(count), None),
        Allows::PerSecond(count) => (None, Some(count)),
        Allows::Other => (None, None),
    };
    let lines: Vec<_> = finding.lines.iter().map(|line| string(line)).collect();
    object(&[
        ("name", string(finding.what.name)),
        ("subject", string(finding.what.subject)),
        ("setting", string(finding.what.setting)),
        ("value", finding.value.as_deref().map_or("null".into(), string)),
        ("connections", optional(connections)),
        ("per_second", optional(per_second)),
        ("verdict", string(finding.verdict.as_str())),
        ("text", string(&finding.text)),
        ("lines", array(&lines)),
    ])
}

fn mode(row: &Row) -> String {
    let (runs_out, seconds) = match row.lasting {
        Lasting::Forever => ("false", "null".to_owned()),
        Lasting::Seconds(seconds) => ("true", format!("{seconds:.3}")),
        Lasting::Unknown => ("null", "null".to_owned()),
    };
    object(&[
        ("close", string(row.mode)),
        ("holder", string(row.holder)),
        ("ports_run_out", runs_out.to_owned()),
        ("after_seconds", seconds),
    ])
}

fn tale(tale: &Tale) -> String {
    object(&[("claim", string(tale.claim)), ("truth", string(tale.truth))])
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    format!("{{{}}}", fields.join(","))
}

fn array(values: &[String]) -> String {
    format!("[{}]", values.join(","))
}

fn optional(number: Option<u64>) -> String {
    number.map_or("null".into(), |number| number.to_string())
}

/// Returns a string literal (RFC 8259 §7).
fn string(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => literal.extend(['\\', char]),
            char if char < ' ' => drop(write!(literal, "\\u{:04x}", char as u32)),
            char => literal.push(char),
        }
    }
    literal.push('"');
    literal
}
