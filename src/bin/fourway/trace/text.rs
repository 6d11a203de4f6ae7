//! A trace as text: one line for each step.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};

use super::json::Json;
use super::reader::Record;

/// The column in which the line of source begins, if the terminal is wide enough for it.
const SOURCE_COLUMN: usize = 84;

/// The width from which on the line of source is printed.
const WITH_SOURCE: usize = 120;

/// The width of a text that is not printed on a terminal.
const USUAL_WIDTH: usize = 80;

/// How a trace is printed.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub width: usize,
    pub has_colours: bool,
}

impl Look {
    /// Returns the look on stdout: with colours only on a terminal.
    pub fn of_stdout(is_terminal: bool) -> Self {
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let width = terminal_size::terminal_size().map(|(width, _)| width.0.into());
        let has_colours = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Look { width: width.or_else(columns).unwrap_or(USUAL_WIDTH), has_colours }
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.has_colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Prints what the header says.
pub fn print_header(out: &mut impl Write, header: &Json, look: Look) -> io::Result<()> {
    let text = |name: &str| header.get(name).and_then(Json::text).unwrap_or_default();
    let title = format!("{} ({})", printable(text("title")), printable(text("source")));
    writeln!(out, "{}", look.styled(Style::new().bold(), &title))?;
    for line in wrapped(&printable(text("story")), look.width.min(100)) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

/// Prints steps, and remembers the time of the last one.
pub struct Printer {
    look: Look,
    last: Option<u64>,
}

impl Printer {
    pub fn new(look: Look) -> Self {
        Printer { look, last: None }
    }

    /// Prints a step in one line. The time stands only where it has changed.
    pub fn print(&mut self, out: &mut impl Write, record: &Record) -> io::Result<()> {
        let look = self.look;
        let time = if self.last == Some(record.t) { String::new() } else { milliseconds(record.t) };
        self.last = Some(record.t);
        let connection = record.connection.map(|number| format!("#{number}")).unwrap_or_default();
        let kind = match record.kind.as_str() {
            "turn" => format!("turn {}", record.turn),
            kind => printable(kind),
        };
        let mut line = format!("{time:>10} {connection:<5} {kind:<9} {}", printable(&sentence(record)));
        let source = record.text("at").filter(|_| look.width >= WITH_SOURCE);
        let most = if source.is_some() { SOURCE_COLUMN - 2 } else { look.width };
        if line.chars().count() > most {
            line = line.chars().take(most.saturating_sub(3)).chain("...".chars()).collect();
        }
        let at = source.map(|at| {
            let space = SOURCE_COLUMN.saturating_sub(line.chars().count());
            format!("{:space$}{}", "", look.styled(Style::new().dimmed(), &printable(at)))
        });
        let line = look.styled(style(record), line.trim_end());
        writeln!(out, "{line}{}", at.unwrap_or_default())
    }
}

/// Returns the style of a kind: what the server does is plain, and what others do has a colour.
fn style(record: &Record) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match record.kind.as_str() {
        "turn" => Style::new().dimmed(),
        "client" | "host" | "kernel" => colour(AnsiColor::Cyan),
        "readiness" | "stale" => colour(AnsiColor::Magenta),
        "call" if record.text("error").is_some() => colour(AnsiColor::Yellow),
        "call" => colour(AnsiColor::Green),
        "state" | "accepted" => Style::new().bold(),
        "closed" | "fired" | "gap" => colour(AnsiColor::Red),
        _ => Style::new(),
    }
}

/// Returns what a record says, in a few words.
fn sentence(record: &Record) -> String {
    let text = |name: &str| record.text(name).unwrap_or("?");
    let number = |name: &str| record.number(name).map_or_else(|| "?".into(), |number| number.to_string());
    match record.kind.as_str() {
        "turn" if text("step") == "begins" => format!("begins, {} ready", number("ready")),
        "turn" => turn_end(record),
        "readiness" => match record.number("listener") {
            Some(listener) => format!("listener {listener}: {}", text("hint")),
            None => text("hint").into(),
        },
        "stale" => format!("for an earlier connection in slot {}: {}", number("slot"), text("hint")),
        "call" => call(record),
        "state" => format!("{} -> {}: {}", text("from"), text("to"), text("why")),
        "accepted" => format!("in slot {}", number("slot")),
        "closed" => {
            let first = if record.is("peer_first") { "the client first" } else { "the server first" };
            format!("in {}: {} ({first})", text("from"), text("why"))
        }
        "response" => response(record),
        "armed" => {
            format!("{}, ends in {}", text("list"), record.number("in_ms").map_or("?".into(), duration))
        }
        "cancelled" => text("list").into(),
        "fired" => format!("{}, {} us late", text("list"), number("late_us")),
        "queued" | "dequeued" => format!("{} ready", number("ready")),
        "lent" | "returned" => format!("{}, {} lent", text("buffer"), number("lent")),
        "client" => client(record),
        "kernel" | "host" => text("does").into(),
        "ends" => ends(record),
        "gap" => format!("{} records are missing here", number("lost")),
        "end" => format!("{} records, {} lost", number("records"), number("lost")),
        _ => others(record),
    }
}

fn turn_end(record: &Record) -> String {
    let mut text = String::from("ends");
    for name in ["accepted", "requests", "closed", "ready"] {
        if let Some(number) = record.number(name).filter(|&number| number > 0) {
            let word = if number == 1 { name.trim_end_matches('s') } else { name };
            let _ = write!(text, ", {number} {word}");
        }
    }
    match record.number("timeout_ms") {
        Some(0) => text.push_str("; the next turn is due now"),
        Some(timeout) => {
            let _ = write!(text, "; due in {}", duration(timeout));
        }
        None => text.push_str("; due with the next event"),
    }
    text
}

fn call(record: &Record) -> String {
    let mut text = record.text("call").unwrap_or("?").to_owned();
    match (record.text("error"), record.number("bytes"), record.number("of")) {
        (Some(error), _, _) => {
            let _ = write!(text, " -> {error}");
        }
        (None, Some(bytes), Some(of)) => {
            let short = if bytes == 0 {
                " (the end)"
            } else if bytes < of {
                " (short)"
            } else {
                ""
            };
            let _ = write!(text, " -> {bytes} of {of} bytes{short}");
        }
        (None, Some(bytes), None) => {
            let _ = write!(text, " -> {bytes} bytes");
        }
        (None, None, _) => text.push_str(" -> ok"),
    }
    text
}

fn response(record: &Record) -> String {
    let request = match (record.text("method"), record.text("target")) {
        (Some(method), Some(target)) => format!("to {method} {target}"),
        _ => String::new(),
    };
    let what = match (record.number("status"), record.number("bytes")) {
        _ if record.is("later") => "deferred".into(),
        _ if record.is("dropped") => "dropped".into(),
        (Some(status), Some(bytes)) => format!("{status}, {bytes} bytes"),
        _ => "?".into(),
    };
    let why = record.text("why").map(|why| format!("refused: {why}")).unwrap_or_default();
    [what, request, why].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn client(record: &Record) -> String {
    let mut text = record.text("does").unwrap_or("?").to_owned();
    if let Some(bytes) = record.number("bytes") {
        let _ = write!(text, " {bytes} byte{}", if bytes == 1 { "" } else { "s" });
    }
    if let Some(sent) = record.text("text") {
        let _ = write!(text, ": {sent}");
    }
    text
}

fn ends(record: &Record) -> String {
    let number = |name: &str| record.number(name).unwrap_or_default();
    // An end that is open is usual.
    let end = |name: &str, key: &str| match record.text(key) {
        Some("open") => name.to_owned(),
        state => format!("{name} {},", state.unwrap_or("?")),
    };
    let mut sentence = format!(
        "{} {} unread; {} got {}",
        end("server", "server_state"),
        number("server_unread"),
        end("client", "client_state"),
        number("client_got")
    );
    if let Some(room) = record.number("client_room") {
        let _ = write!(sentence, ", has space for {room}");
    }
    if number("held_back") > 0 {
        let _ = write!(sentence, "; {} wait for the FIN", number("held_back"));
    }
    sentence
}

/// Returns the members of a record whose kind this program does not know.
fn others(record: &Record) -> String {
    const KNOWN: [&str; 6] = ["n", "t", "turn", "kind", "connection", "at"];
    let members = record.members().iter().filter(|(name, _)| !KNOWN.contains(&name.as_str()));
    let shown = members.map(|(name, value)| match value {
        Json::Text(text) | Json::Number(text) => format!("{name} {text}"),
        Json::Bool(value) => format!("{name} {value}"),
        Json::Null | Json::Array(_) | Json::Object(_) => name.clone(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Replaces what a terminal would take for a command, such as a line break in the target of a request.
fn printable(text: &str) -> String {
    let mut printable = String::new();
    for c in text.chars() {
        match c {
            '\r' => printable.push_str("\\r"),
            '\n' => printable.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(printable, "\\u{{{:x}}}", u32::from(c));
            }
            c => printable.push(c),
        }
    }
    printable
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        _ if milliseconds % 1_000 == 0 => format!("{} s", milliseconds / 1_000),
        _ => format!("{}.{:03} s", milliseconds / 1_000, milliseconds % 1_000),
    }
}

/// Breaks a text between words.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{word}");
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}
