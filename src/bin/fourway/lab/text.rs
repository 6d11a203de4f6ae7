//! The ladders for people: at most 80 columns, in which a Chinese character takes two.

use std::fmt::Write;

use super::kernel::{End, State};
use super::ladder::{Actor, Call, Ladder, Outcome, Row, Segments, Side, Source};
use super::note::Title;
use super::paint::{Paint, Style};
use super::sheet::{self, Line as SheetLine};
use super::shown::Shown;
use super::width::{columns, pad, wrapped};
use crate::language::Language;
use crate::language::lab::Sentences;

pub const WIDTH: usize = 80;

/// The widths of the columns, without the space behind each: time, client, segments, server. The rest is fourway's.
const TIME: usize = 6;
const END: usize = 12;
const ARROW: usize = 24;

/// The column in which notes begin.
const INDENT: usize = TIME + 1;

/// Prints how to read the ladders, and if the kernel tells nothing, that it does not.
pub fn legend(language: Language, is_told: bool, out: &mut String) {
    let sentences = language.lab();
    let unseen = Some(&sentences.unseen).filter(|_| !is_told);
    for paragraph in sentences.legend.iter().chain(unseen) {
        for line in wrapped(paragraph, WIDTH) {
            let _ = writeln!(out, "{line}");
        }
    }
}

pub fn shown(shown: &Shown, language: Language, paint: Paint, out: &mut String) {
    let heading = sheet::heading(shown, language);
    let _ = writeln!(out, "\n{}\n", paint.with(Style::Title, &heading));
    match shown {
        Shown::Ladder(shown) => ladder(shown, language, paint, out),
        Shown::Essay(faults) => sheet(&sheet::essay(faults, language), paint, out),
        Shown::Ports(outcomes) => sheet(&sheet::ports(outcomes, language), paint, out),
    }
}

/// Prints lines that are no ladder. The values of all rows begin in one column.
fn sheet(lines: &[SheetLine], paint: Paint, out: &mut String) {
    let names = sheet::width_of_names(lines);
    for line in lines {
        let _ = match line {
            SheetLine::Heading(heading) => {
                writeln!(out, "{:INDENT$}{}", "", paint.with(Style::Call, heading))
            }
            SheetLine::Row(name, value) => writeln!(out, "{:INDENT$}  {}  {value}", "", pad(name, names)),
            SheetLine::Text(text) => wrapped(text, WIDTH - INDENT)
                .iter()
                .try_for_each(|line| writeln!(out, "{:INDENT$}{}", "", paint.with(Style::Note, line))),
        };
    }
}

pub fn ladder(ladder: &Ladder, language: Language, paint: Paint, out: &mut String) {
    let text = Text { sentences: language.lab(), paint };
    text.heading(ladder.title, out);
    let (mut client, mut server) = ladder.before;
    let mut own = String::new();
    text.states(client, server, out);
    for row in &ladder.rows {
        text.row(row, (client, server), &mut own, out);
        (client, server) = (row.client.state, row.server.state);
    }
    for note in &ladder.notes {
        text.note(&(text.sentences.note)(*note), out);
    }
    if let Some(bill) = &ladder.bill {
        sheet(&sheet::bill(bill, language), paint, out);
    }
}

/// The words of a language, on a terminal with colours or without.
pub struct Text {
    pub sentences: &'static Sentences,
    pub paint: Paint,
}

/// One printed line of a ladder.
#[derive(Default, Clone)]
struct Line {
    time: String,
    client: Cell,
    arrow: Cell,
    server: Cell,
    own: Cell,
}

#[derive(Default, Clone)]
struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    fn new(text: impl Into<String>, style: Style) -> Self {
        Cell { text: text.into(), style }
    }
}

impl Text {
    /// Returns the headings of the columns.
    pub fn headings(&self, title: Title) -> [&'static str; 5] {
        let [time, client, arrow, server, own] = self.sentences.heading;
        [time, client, arrow, server, if title.has_fourway() { own } else { self.sentences.plain_server }]
    }

    fn heading(&self, title: Title, out: &mut String) {
        let [time, client, arrow, server, own] = self.headings(title);
        let cell = |text: &str| Cell::new(text, Style::Heading);
        let spaces = " ".repeat(TIME.saturating_sub(columns(time)));
        let line = Line {
            time: format!("{spaces}{time}"),
            client: cell(client),
            arrow: cell(arrow),
            server: cell(server),
            own: cell(own),
        };
        self.line(&line, out);
    }

    /// Prints both states before the first step.
    fn states(&self, client: Option<State>, server: Option<State>, out: &mut String) {
        let line = Line { client: state_cell(client), server: state_cell(server), ..Line::default() };
        self.line(&line, out);
    }

    fn row(&self, row: &Row, before: (Option<State>, Option<State>), own: &mut String, out: &mut String) {
        let mut lines = vec![Line::default(); row.segments.len().max(1)];
        for (line, segments) in lines.iter_mut().zip(&row.segments) {
            line.arrow = Cell::new(self.arrow(segments), Style::Segments);
        }
        lines[0].time = format!("{:>TIME$.1}", row.at.as_secs_f64() * 1000.0);
        // The client's column has no place for a number of calls.
        let times = if row.actor == Actor::Client { 1 } else { row.times };
        let call = row.call.as_ref().map(|call| self.call(call, times)).unwrap_or_default();
        match row.actor {
            Actor::Client => lines[0].client = Cell::new(call, Style::Call),
            Actor::Server => lines[0].own = Cell::new(call, Style::Call),
            Actor::Timer => {}
        }
        if let Some(change) = &row.change {
            own.clone_from(&change.to);
            let cell = &mut lines[0].own;
            let space = if cell.text.is_empty() { "" } else { " " };
            let _ = write!(cell.text, "{space}→ {}", change.to);
        }
        let is_free = |cell: &Cell| cell.text.is_empty();
        let changed = (row.client.state != before.0, row.server.state != before.1);
        let last = lines.len() - 1;
        if changed.0 && !is_free(&lines[last].client) {
            lines.push(Line::default());
        }
        let last = lines.len() - 1;
        if changed.0 {
            lines[last].client = state_cell(row.client.state);
        }
        if changed.1 {
            lines[last].server = state_cell(row.server.state);
        }
        for (at, line) in lines.iter_mut().enumerate() {
            let bar = |changed: bool, before: Option<State>, end: &End| {
                let state = if changed && at < last { before } else { end.state };
                let bar = match state.is_some_and(State::is_open) {
                    true if end.is_held => "│",
                    true => "┊",
                    false => "",
                };
                Cell::new(bar, Style::Bar)
            };
            if is_free(&line.client) {
                line.client = bar(changed.0, before.0, &row.client);
            }
            if is_free(&line.server) {
                line.server = bar(changed.1, before.1, &row.server);
            }
            self.line(line, out);
        }
        for note in &row.notes {
            self.note(&(self.sentences.note)(*note), out);
        }
    }

    /// Returns a call and its result.
    pub fn call(&self, call: &Call, times: u32) -> String {
        let within = if times > 1 { (self.sentences.within)(Some(times)) } else { String::new() };
        match &call.result {
            Outcome::Done => call.name.clone(),
            Outcome::Bytes(bytes) => format!("{} {bytes}{within}", call.name),
            Outcome::Failed(error) => format!("{}: {error}", call.name),
        }
    }

    /// Returns an arrow with its label in its middle.
    fn arrow(&self, segments: &Segments) -> String {
        let label = format!(" {} ", self.label(segments));
        let left = (ARROW - 1).saturating_sub(columns(&label));
        let shaft = if segments.source == Source::TcpInfo { "─" } else { "╌" };
        let (short, long) = (shaft.repeat(left / 2), shaft.repeat(left - left / 2));
        match segments.to {
            Side::Server => format!("{short}{label}{long}▶"),
            Side::Client => format!("◀{long}{label}{short}"),
        }
    }

    /// Returns the names of the segments, such as `2 × ACK`.
    pub fn label(&self, segments: &Segments) -> String {
        let mut kinds = Vec::new();
        if segments.bytes > 0 {
            kinds.push((self.sentences.bytes)(segments.bytes));
        }
        let flags =
            [(segments.syn, "SYN"), (segments.fin, "FIN"), (segments.rst, "RST"), (segments.ack, "ACK")];
        kinds.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_string()));
        let (times, within) = match segments.count {
            Some(1) => (String::new(), String::new()),
            count if segments.bytes > 0 => (String::new(), (self.sentences.within)(count)),
            Some(count) => (format!("{count} × "), String::new()),
            None => ("? × ".to_owned(), String::new()),
        };
        let again = if segments.is_again { " ↻" } else { "" };
        format!("{times}{}{within}{again}", kinds.join("+"))
    }

    fn note(&self, note: &str, out: &mut String) {
        for line in wrapped(note, WIDTH - INDENT) {
            let _ = writeln!(out, "{:INDENT$}{}", "", self.paint.with(Style::Note, &line));
        }
    }

    fn line(&self, line: &Line, out: &mut String) {
        let cell = |cell: &Cell, width: usize| self.paint.with(cell.style, &pad(&cell.text, width));
        let time = self.paint.with(Style::Heading, &pad(&line.time, TIME));
        let text = format!(
            "{time} {} {} {} {}",
            cell(&line.client, END),
            cell(&line.arrow, ARROW),
            cell(&line.server, END),
            self.paint.with(line.own.style, &line.own.text)
        );
        let _ = writeln!(out, "{}", text.trim_end());
    }
}

fn state_cell(state: Option<State>) -> Cell {
    Cell::new(state.map_or("?", State::as_str), state.map_or(Style::Unknown, Style::of))
}
