//! The canvas: lines of a picture, from top to bottom.

use std::fmt::Write;

use super::super::kernel::State;
use super::super::ladder::{Side, Source};
use super::super::width::columns;

/// The size of the picture and its lines, in its own units. A character is some 7.8 wide at 13.
const WIDTH: u32 = 980;
const LINE: u32 = 22;
const CHARACTER: f64 = 7.83;

/// The places of the life lines.
const CLIENT: u32 = 262;
const SERVER: u32 = 556;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Time,
    Client,
    Segments,
    Server,
    Own,
    /// Sentences about a step, which leave the client's life line free.
    Note,
    /// Everything below a ladder.
    Sentence,
}

/// A column, and a number of characters to leave free in it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    column: Column,
    behind: usize,
}

impl Place {
    pub fn at(column: Column) -> Self {
        Place::behind(column, 0)
    }

    pub fn behind(column: Column, behind: usize) -> Self {
        Place { column, behind }
    }

    /// Returns the x of the text, and which part of the text is there.
    fn anchor(self) -> (f64, &'static str) {
        let (x, anchor) = match self.column {
            Column::Time => (56, "end"),
            Column::Client => (CLIENT - 14, "end"),
            Column::Segments => ((CLIENT + SERVER) / 2, "middle"),
            Column::Server => (SERVER + 14, "start"),
            Column::Own => (676, "start"),
            Column::Note => (CLIENT + 14, "start"),
            Column::Sentence => (72, "start"),
        };
        (f64::from(x) + CHARACTER * self.behind as f64, anchor)
    }
}

/// Returns the class of a state.
pub fn class(state: Option<State>) -> &'static str {
    match state {
        Some(State::Established | State::SynSent | State::SynRecv) => "open",
        Some(State::TimeWait) => "wait",
        Some(State::Closed | State::Listen) => "dim",
        Some(_) => "closing",
        None => "wait",
    }
}

/// What is drawn later covers what is drawn before, so the life lines come first.
pub struct Canvas {
    lives: String,
    texts: String,
    /// The top of the current line.
    y: u32,
}

impl Canvas {
    pub fn new() -> Self {
        Canvas { lives: String::new(), texts: String::new(), y: 12 }
    }

    /// Ends a line.
    pub fn end_line(&mut self) {
        self.y += LINE;
    }

    /// Leaves a space between two parts.
    pub fn space(&mut self) {
        self.y += LINE;
    }

    pub fn title(&mut self, title: &str) {
        self.put(24.0, "start", "title", title);
        self.y += LINE + LINE / 2;
    }

    pub fn text(&mut self, place: Place, class: &str, text: &str) {
        let (x, anchor) = place.anchor();
        self.put(x, anchor, class, text);
    }

    fn put(&mut self, x: f64, anchor: &str, class: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let y = self.y + 15;
        let _ =
            write!(self.texts, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">");
        escape(text, &mut self.texts);
        self.texts.push_str("</text>\n");
    }

    /// Draws a piece of a life line, if the end is open. It is dotted if no program holds the end any more.
    pub fn life(&mut self, column: Column, state: Option<State>, is_held: bool) {
        self.life_with(column, state, if is_held { "life" } else { "life alone" });
    }

    /// The same, for a line in which a sentence stands.
    pub fn faint_life(&mut self, column: Column, state: Option<State>) {
        self.life_with(column, state, "life faint");
    }

    fn life_with(&mut self, column: Column, state: Option<State>, kind: &str) {
        if !state.is_some_and(State::is_open) {
            return;
        }
        let x = if column == Column::Client { CLIENT } else { SERVER };
        let (top, bottom) = (self.y, self.y + LINE);
        let class = class(state);
        let _ = writeln!(
            self.lives,
            "<line x1=\"{x}\" y1=\"{top}\" x2=\"{x}\" y2=\"{bottom}\" class=\"{kind} {class}\"/>"
        );
    }

    /// Draws segments from one life line to the other. What was not counted by the connection itself is dashed.
    pub fn arrow(&mut self, to: Side, source: Source, label: &str) {
        let (left, right) = (CLIENT + 8, SERVER - 8);
        let (from, to) = if to == Side::Server { (left, right) } else { (right, left) };
        let y = self.y + 11;
        let class = if source == Source::TcpInfo { "segment" } else { "segment dashed" };
        // The label stands in a gap of the arrow.
        let half = ((columns(label) + 1) as f64 * CHARACTER / 2.0) as u32;
        let middle = (CLIENT + SERVER) / 2;
        let gap = (middle - half, middle + half);
        let (before, after) = if from < to { gap } else { (gap.1, gap.0) };
        for (from, to, head) in [(from, before, ""), (after, to, " marker-end=\"url(#head)\"")] {
            let _ = writeln!(
                self.texts,
                "<line x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{y}\" class=\"{class}\"{head}/>"
            );
        }
        self.text(Place::at(Column::Segments), "label", label);
    }

    /// Returns the whole picture.
    pub fn finish(self, title: &str, language: &str) -> String {
        let height = self.y + 14;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:lang=\"{language}\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>"
        );
        escape(title, &mut out);
        let _ = write!(
            out,
            "</title>\n<style>{STYLE}</style>\n<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" \
             markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 10 5 0 10z\" class=\"head\"/></marker>\
             </defs>\n<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n{}{}</svg>\n",
            self.lives, self.texts
        );
        out
    }
}

/// The colours, each light and dark.
const STYLE: &str = "
text{font:13px ui-monospace,'DejaVu Sans Mono','Noto Sans Mono CJK SC','Noto Sans CJK SC',monospace;fill:#1f2328;white-space:pre}
.page{fill:#fff}.title{font-size:16px;font-weight:bold}.call{font-weight:bold}.note{fill:#57606a}
.dim{fill:#6e7781;stroke:none}.open{fill:#116329}.closing{fill:#7d4e00}.wait{fill:#a40e26;font-weight:bold}
.own{fill:#0550ae}.value{fill:#0550ae}.label{fill:#0550ae}
.life{stroke-width:2;fill:none}.life.open{stroke:#2da44e}.life.closing{stroke:#bf8700}
.life.wait{stroke:#cf222e}.alone{stroke-dasharray:3 3}.faint{opacity:.35}
.segment{stroke:#0969da;stroke-width:1.5}.dashed{stroke-dasharray:5 4}.head{fill:#0969da}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.note{fill:#9ea7b3}.dim{fill:#8b949e}
.open{fill:#56d364}.closing{fill:#e3b341}.wait{fill:#ff7b72}.own,.value,.label{fill:#79c0ff}
.segment{stroke:#58a6ff}.head{fill:#58a6ff}}
";

fn escape(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // No control character may stand in XML.
            char if char.is_control() => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
}
