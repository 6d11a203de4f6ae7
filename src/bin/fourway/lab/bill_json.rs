//! The figures that are no ladder, for programs.

use std::fmt;

use super::bill::{Attempt, Bill, Restart};
use super::essay::{Faults, Reading};
use super::held::{Ends, Held};
use super::kernel::State;
use super::ports::{Outcome, Outcomes};
use crate::status::json::Object;

type Out<'a, 'f, 'o> = &'a mut Object<'f, 'o>;

pub fn bill(out: Out<'_, '_, '_>, bill: &Bill) -> fmt::Result {
    held(out, bill.held)?;
    restart(out, &bill.restart)?;
    match &bill.ports {
        Some(outcome) => out.object("ports", |out| self::outcome(out, outcome)),
        None => Ok(()),
    }
}

/// Writes the experiment as two members.
pub fn outcomes(out: Out<'_, '_, '_>, outcomes: &Outcomes) -> fmt::Result {
    out.array("ports", &outcomes.bound, outcome)?;
    match &outcomes.connected {
        Some(connected) => out.object("ports_of_connect", |out| outcome(out, connected)),
        None => out.number("ports_of_connect", "null"),
    }
}

fn outcome(out: Out<'_, '_, '_>, outcome: &Outcome) -> fmt::Result {
    out.text("ending", outcome.ending.name())?;
    out.number("done", outcome.done)?;
    out.optional_text("error", outcome.error.as_ref())?;
    held(out, outcome.held)
}

pub fn essay(out: Out<'_, '_, '_>, faults: &Faults) -> fmt::Result {
    out.number("alone_ms", format_args!("{:.3}", 1e3 * faults.alone.as_secs_f64()))?;
    out.number("behind_ms", format_args!("{:.3}", 1e3 * faults.behind.as_secs_f64()))?;
    out.object("waiting", |out| {
        out.optional_text("state", faults.waiting.state.map(State::as_str))?;
        out.number("unread", faults.waiting.unread)
    })?;
    out.object("request_1024", |out| reading(out, &faults.exact))?;
    out.object("request_1025", |out| reading(out, &faults.longer))?;
    out.object("bill", |out| bill(out, &faults.bill))?;
    out.object("old_server_had_reuse", |out| restart(out, &faults.mended))
}

/// Writes `null` for what the system does not tell.
fn held(out: Out<'_, '_, '_>, held: Option<Held>) -> fmt::Result {
    let mut side = |name, side: fn(Held) -> Ends| {
        let ends = held.map(side);
        out.object(name, |out| {
            out.optional("time_wait", ends.map(|ends| ends.count))?;
            out.optional("left_ms", ends.map(|ends| ends.left.as_millis()))
        })
    };
    side("client", |held| held.by_client)?;
    side("server", |held| held.by_server)
}

fn restart(out: Out<'_, '_, '_>, restart: &Restart) -> fmt::Result {
    out.object("restart", |out| {
        out.text("without_reuse", attempt(&restart.without_reuse))?;
        out.optional_text("with_reuse", restart.with_reuse.as_ref().map(attempt))
    })
}

fn attempt(attempt: &Attempt) -> &str {
    attempt.as_ref().map_or_else(String::as_str, |()| "ok")
}

fn reading(out: Out<'_, '_, '_>, reading: &Reading) -> fmt::Result {
    out.number("bytes", reading.bytes)?;
    out.text("end", reading.end.as_ref().map_or_else(String::as_str, |()| "FIN"))
}
