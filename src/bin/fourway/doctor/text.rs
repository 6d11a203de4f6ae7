//! The report for people: at most 80 columns, without colours. Only the lines to copy may be longer, because they have
//! to stay whole.

use std::fmt::Write;

use super::asked::Asked;
use super::finding::{Allows, Count, Finding, Verdict, connections};
use super::folklore::TALES;
use super::report::Report;
use super::time_wait::{Lasting, Row, SECONDS};

const WIDTH: usize = 80;

/// The column behind the verdict.
const INDENT: usize = 9;

pub fn print(asked: &Asked, report: &Report) -> String {
    let mut out = String::new();
    wrap(&mut out, 0, &format!("fourway doctor: {}", wish(asked)));
    out.push('\n');
    wrap(&mut out, 0, "The limits of this machine, in the order in which they break:");
    out.push('\n');
    print_row(&mut out, "verdict", "connections", "limit");
    for finding in &report.findings {
        print_finding(&mut out, finding);
    }
    out.push('\n');
    print_time_wait(&mut out, asked, &report.time_wait);
    out.push_str("\nOften advised, and wrong:\n");
    for tale in &TALES {
        wrap(&mut out, 2, &format!("\"{}\"", tale.claim));
        wrap(&mut out, 4, tale.truth);
    }
    out.push('\n');
    wrap(&mut out, 0, &verdict(asked, report));
    out
}

fn wish(asked: &Asked) -> String {
    let rate = asked.rate.map_or(String::new(), |rate| format!(", {} new ones a second", Count(rate)));
    let client = if asked.has_client() { "the client on this machine" } else { "the client elsewhere" };
    let pairs = match asked.pairs {
        1 => "one pair of addresses".to_owned(),
        pairs => format!("{} pairs of addresses", Count(pairs)),
    };
    format!("{}{rate}, {pairs}, {client}", connections(asked.connections))
}

/// Prints a row of three columns, and below it the value, its meaning and the lines to copy.
fn print_finding(out: &mut String, finding: &Finding) {
    let allows = match finding.allows {
        // What is nearly all of u64 is no limit.
        Allows::Connections(count) if count > u64::MAX / 4 => "any".to_owned(),
        Allows::Connections(count) => Count(count).to_string(),
        Allows::PerSecond(count) => format!("{} a second", Count(count)),
        Allows::Other => "-".to_owned(),
    };
    print_row(out, finding.verdict.as_str(), &allows, finding.what.subject);
    let value = finding
        .value
        .as_ref()
        .map_or(String::new(), |value| format!("{} is {value}. ", finding.what.setting));
    wrap(out, INDENT, &format!("{value}{}", finding.text));
    for line in &finding.lines {
        let _ = writeln!(out, "{:1$}{line}", "", INDENT + 2);
    }
}

fn print_row(out: &mut String, verdict: &str, allows: &str, subject: &str) {
    let _ = writeln!(out, "{verdict:<INDENT$}{allows:>16}  {subject}");
}

fn print_time_wait(out: &mut String, asked: &Asked, rows: &[Row]) {
    let rate = asked
        .rate
        .map_or("one pair of addresses".into(), |rate| format!("{} connections a second", Count(rate)));
    wrap(out, 0, &format!("TIME_WAIT ({SECONDS} s) at {rate}, by the server's close mode:"));
    let _ = writeln!(out, "  {:<14}{:<24}the client's ports", "mode", "who holds TIME_WAIT");
    for row in rows {
        let lasting = match row.lasting {
            Lasting::Forever => "do not run out".to_owned(),
            Lasting::Seconds(seconds) => format!("run out after {seconds:.1} s"),
            Lasting::Unknown if asked.rate.is_none() => "depends on --rate".to_owned(),
            Lasting::Unknown => "unknown".to_owned(),
        };
        let _ = writeln!(out, "  {:<14}{:<24}{lasting}", format!("--close {}", row.mode), row.holder);
    }
    wrap(out, 2, "A client that closes first is as in --close peer, whatever the server's mode.");
}

fn verdict(asked: &Asked, report: &Report) -> String {
    let short = report.count(Verdict::Short);
    let what = match asked.rate {
        Some(rate) => format!("{} at {} a second", connections(asked.connections), Count(rate)),
        None => connections(asked.connections),
    };
    let unknown = match report.count(Verdict::Unknown) {
        0 => String::new(),
        count => format!(" What is unknown ({count}) is not judged."),
    };
    let lines = "The indented lines raise the limits; this program runs none of them.";
    match (short, report.findings.iter().any(|finding| !finding.lines.is_empty())) {
        (0, false) => format!("This machine can bear {what}.{unknown}"),
        (0, true) => format!("This machine can bear {what}, with the notes above. {lines}{unknown}"),
        (short, _) => {
            let limits = if short == 1 { "1 limit is".to_owned() } else { format!("{short} limits are") };
            format!("This machine cannot bear {what}: {limits} too low. {lines}{unknown}")
        }
    }
}

/// Writes a text, indented and broken between words.
fn wrap(out: &mut String, indent: usize, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            let _ = write!(out, "{:indent$}", "");
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    if column > 0 {
        out.push('\n');
    }
}
