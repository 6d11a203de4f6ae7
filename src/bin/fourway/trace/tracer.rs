//! From log records to the lines of a trace, as `docs/TRACE.md` describes them.
//!
//! The simulation records its stories with this file too. So it needs nothing but `log`.

use std::fmt::{self, Write};

use log::Record;
use log::kv::{Error, Key, Value, VisitSource, VisitValue};

/// Makes lines of the records that have a kind. Others are not a part of the trace.
pub struct Tracer {
    /// Only each connection whose number is a multiple of this is in the trace.
    every: u64,
    /// The number of the turn that goes on, or of the next one.
    turn: u64,
    /// The number of the next record.
    next: u64,
    /// The number of each connection in the trace, by its slot.
    connections: Vec<Option<u64>>,
    /// The beginning of a turn in which nothing else has happened yet.
    begin: Option<String>,
}

/// The first line of a trace.
pub struct Header<'a> {
    pub source: &'a str,
    pub title: &'a str,
    pub story: &'a str,
    pub every: u64,
    pub limits: &'a [(&'a str, u64)],
    /// The timeouts in milliseconds, by the names of the states.
    pub timeouts: &'a [(&'a str, u64)],
}

impl fmt::Display for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { source, title, story, every, .. } = self;
        let [title, story] = [title, story].map(|text| Escaped(text));
        write!(
            f,
            r#"{{"fourway_trace":1,"source":"{source}","title":"{title}","story":"{story}","every":{every}"#
        )?;
        for (name, members) in [("limits", self.limits), ("timeouts_ms", self.timeouts)] {
            write!(f, r#","{name}":{{"#)?;
            for (at, (key, number)) in members.iter().enumerate() {
                write!(f, r#"{}"{key}":{number}"#, if at > 0 { "," } else { "" })?;
            }
            f.write_str("}")?;
        }
        f.write_str("}\n")
    }
}

/// A line that may be added to the trace.
enum Line {
    None,
    /// It is added before the next line of its turn.
    Begin,
    Some,
}

impl Tracer {
    pub fn new(every: u64) -> Self {
        Tracer { every, turn: 1, next: 1, connections: Vec::new(), begin: None }
    }

    /// Appends the lines of a record, of which there may be none. `t` is the time in microseconds since the trace began.
    /// Returns how many lines it has appended.
    pub fn add(&mut self, record: &Record<'_>, t: u64, out: &mut String) -> u64 {
        let source = record.key_values();
        let Some(kind) = source.get(Key::from("kind")) else { return 0 };
        let kind = kind.to_borrowed_str().unwrap_or_default();
        let number = |key: &'static str| source.get(Key::from(key)).and_then(|value| value.to_u64());
        let step = source.get(Key::from("step"));
        let is_end = kind == "turn" && step.and_then(|step| step.to_borrowed_str()) == Some("ends");
        let slot = number("slot");
        if let (Some(slot), Some(connection), "accepted") = (slot, number("connection"), kind) {
            self.accepted(slot as usize, connection);
        }
        let own = slot.filter(|_| kind != "stale").and_then(|slot| self.connection(slot as usize));
        let connection = own.or_else(|| number("connection"));
        let line = match (kind, connection) {
            ("turn", _) if is_end && self.begin.take().is_some() => Line::None,
            ("turn", _) if is_end => Line::Some,
            ("turn", _) => Line::Begin,
            (_, Some(connection)) if connection % self.every == 0 => Line::Some,
            // It belongs to no connection, or to one that is not in the trace.
            (_, None) if self.every == 1 && (slot.is_none() || kind == "stale") => Line::Some,
            _ => Line::None,
        };
        let lines = match line {
            Line::None => 0,
            Line::Begin => {
                self.begin = Some(self.text(record, t, None));
                0
            }
            Line::Some => {
                let begin = self.begin.take();
                let lines = 1 + u64::from(begin.is_some());
                if let Some(begin) = begin {
                    self.push(&begin, out);
                }
                let text = self.text(record, t, connection);
                self.push(&text, out);
                lines
            }
        };
        if kind == "closed" {
            if let Some(own) = slot.and_then(|slot| self.connections.get_mut(slot as usize)) {
                *own = None;
            }
        }
        self.turn += u64::from(is_end);
        lines
    }

    /// Appends a line that says how many lines were lost.
    pub fn add_gap(&mut self, lost: u64, t: u64, out: &mut String) {
        let Tracer { next, turn, .. } = self;
        let _ = writeln!(out, r#"{{"n":{next},"t":{t},"turn":{turn},"kind":"gap","lost":{lost}}}"#);
        self.next += 1;
    }

    /// Forgets the line of a gap that was made last, because it was not written.
    pub fn take_back_gap(&mut self) {
        self.next -= 1;
    }

    /// Appends the last line.
    pub fn add_end(&mut self, lost: u64, t: u64, out: &mut String) {
        let Tracer { next, turn, .. } = self;
        let records = *next - 1;
        let _ = writeln!(
            out,
            r#"{{"n":{next},"t":{t},"turn":{turn},"kind":"end","records":{records},"lost":{lost}}}"#
        );
        self.next += 1;
    }

    /// Notes the number of the connection that has just got this slot, if it is in the trace.
    fn accepted(&mut self, slot: usize, connection: u64) {
        if self.connections.len() <= slot {
            self.connections.resize(slot + 1, None);
        }
        self.connections[slot] = Some(connection).filter(|number| number % self.every == 0);
    }

    fn connection(&self, slot: usize) -> Option<u64> {
        self.connections.get(slot).copied().flatten()
    }

    /// Appends a line with its number.
    fn push(&mut self, rest: &str, out: &mut String) {
        let _ = writeln!(out, r#"{{"n":{},{rest}}}"#, self.next);
        self.next += 1;
    }

    /// Returns what follows the number in the line of a record.
    fn text(&self, record: &Record<'_>, t: u64, connection: Option<u64>) -> String {
        let mut members = Members { text: format!(r#""t":{t},"turn":{}"#, self.turn), connection };
        // Nothing here returns an error.
        let _ = record.key_values().visit(&mut members);
        members.end_head();
        if let (Some(file), Some(line)) = (record.file(), record.line()) {
            let _ = write!(members.text, r#","at":"{}:{line}""#, Escaped(file));
        }
        members.text
    }
}

/// The members of a JSON object. The number of the connection stands after the kind and the slot.
struct Members {
    text: String,
    connection: Option<u64>,
}

impl Members {
    fn end_head(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = write!(self.text, r#","connection":{connection}"#);
        }
    }
}

impl<'kvs> VisitSource<'kvs> for Members {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        if key.as_str() == "connection" {
            return Ok(());
        }
        if key.as_str() != "kind" && key.as_str() != "slot" {
            self.end_head();
        }
        let before = self.text.len();
        let _ = write!(self.text, r#","{key}":"#);
        let named = self.text.len();
        value.visit(Member(&mut self.text))?;
        if self.text.len() == named {
            self.text.truncate(before);
        }
        Ok(())
    }
}

/// Writes a value. One that is missing is not written.
struct Member<'t>(&'t mut String);

impl Member<'_> {
    fn plain(self, value: impl fmt::Display) -> Result<(), Error> {
        let _ = write!(self.0, "{value}");
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Member<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
        self.visit_str(&value.to_string())
    }

    fn visit_null(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
        Member(self.0).plain(value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
        Member(self.0).plain(value)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
        Member(self.0).plain(value)
    }

    fn visit_str(&mut self, value: &str) -> Result<(), Error> {
        let _ = write!(self.0, "\"{}\"", Escaped(value));
        Ok(())
    }
}

/// A text as a string of JSON has it.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
