//! The ladders for programs. `docs/LAB.md` documents the names. They stay as they are, and further ones may come.

use std::fmt::{self, Display, Formatter};

use super::bill_json;
use super::kernel::{End, State};
use super::ladder::{Ladder, Outcome, Row, Segments, Side, Source};
use super::note::Note;
use super::shown::Shown;
use crate::language::Language;
use crate::status::json::{Object, object};

/// The version of the form. It grows if a name changes or goes away.
const VERSION: u32 = 1;

/// All that was shown, as one object.
pub struct Json<'l> {
    pub language: Language,
    pub shown: &'l [Shown],
}

impl Display for Json<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        object(f, |out| {
            out.number("version", VERSION)?;
            out.text("language", self.language.tag())?;
            let ladders = self.shown.iter().filter_map(|shown| match shown {
                Shown::Ladder(ladder) => Some(&**ladder),
                _ => None,
            });
            out.array("ladders", ladders, |out, ladder| self.ladder(out, ladder))?;
            for shown in self.shown {
                match shown {
                    Shown::Ladder(_) => {}
                    Shown::Essay(faults) => out.object("essay", |out| bill_json::essay(out, faults))?,
                    Shown::Ports(outcomes) => bill_json::outcomes(out, outcomes)?,
                }
            }
            Ok(())
        })?;
        f.write_str("\n")
    }
}

impl Json<'_> {
    fn ladder(&self, out: &mut Object<'_, '_>, ladder: &Ladder) -> fmt::Result {
        out.text("ladder", ladder.title.as_str())?;
        out.text("title", (self.language.lab().title)(ladder.title))?;
        out.text("client_address", ladder.client)?;
        out.text("server_address", ladder.server)?;
        out.optional("opening_segments", ladder.opening_segments())?;
        out.optional("closing_segments", ladder.closing_segments())?;
        out.object("before", |out| {
            out.optional_text("client", ladder.before.0.map(State::as_str))?;
            out.optional_text("server", ladder.before.1.map(State::as_str))
        })?;
        out.array("rows", &ladder.rows, |out, row| self.row(out, row))?;
        self.notes(out, &ladder.notes)?;
        match &ladder.bill {
            Some(bill) => out.object("bill", |out| bill_json::bill(out, bill)),
            None => Ok(()),
        }
    }

    fn row(&self, out: &mut Object<'_, '_>, row: &Row) -> fmt::Result {
        out.number("ms", format_args!("{:.3}", row.at.as_secs_f64() * 1000.0))?;
        out.text("actor", row.actor.as_str())?;
        if let Some(call) = &row.call {
            out.object("call", |out| {
                out.text("name", &call.name)?;
                out.number("times", row.times)?;
                match &call.result {
                    Outcome::Done => Ok(()),
                    Outcome::Bytes(bytes) => out.number("bytes", bytes),
                    Outcome::Failed(error) => out.text("error", error),
                }
            })?;
        }
        out.array("segments", &row.segments, segments)?;
        out.object("client", |out| end(out, &row.client))?;
        out.object("server", |out| end(out, &row.server))?;
        if let Some(change) = &row.change {
            out.object("fourway", |out| {
                out.text("state", &change.to)?;
                out.text("why", &change.why)
            })?;
        }
        self.notes(out, &row.notes)
    }

    fn notes(&self, out: &mut Object<'_, '_>, notes: &[Note]) -> fmt::Result {
        out.array("notes", notes, |out, note| {
            out.text("note", note.name())?;
            out.text("text", (self.language.lab().note)(*note))
        })
    }
}

fn segments(out: &mut Object<'_, '_>, segments: &Segments) -> fmt::Result {
    out.text("to", if segments.to == Side::Server { "server" } else { "client" })?;
    out.optional("count", segments.count)?;
    out.number("bytes", segments.bytes)?;
    for (name, is_set) in
        [("syn", segments.syn), ("fin", segments.fin), ("rst", segments.rst), ("ack", segments.ack)]
    {
        out.number(name, is_set)?;
    }
    out.number("acks_fin", segments.acks_fin)?;
    out.number("again", segments.is_again)?;
    out.text("source", if segments.source == Source::TcpInfo { "tcp_info" } else { "snmp" })
}

fn end(out: &mut Object<'_, '_>, end: &End) -> fmt::Result {
    out.optional_text("state", end.state.map(State::as_str))?;
    out.optional("time_wait_ms", end.left.map(|left| left.as_millis()))?;
    out.number("unread", end.unread)?;
    out.number("unacknowledged", end.unacknowledged)?;
    out.number("held", end.is_held)?;
    out.optional("segs_out", end.info.map(|info| info.segs_out))?;
    out.optional("segs_in", end.info.map(|info| info.segs_in))?;
    out.optional("window", end.info.map(|info| info.snd_wnd))
}
