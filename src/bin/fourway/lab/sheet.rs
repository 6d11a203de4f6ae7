//! The figures that are no ladder: the bill of a connection, the experiment with ports, and the faults of the essay's
//! program. A sheet is a list of lines in the language of the reader, which `text` and `svg` draw.

use std::time::Duration;

use super::bill::{Attempt, Bill};
use super::essay::{Faults, READ, Reading, SILENCE};
use super::held::{Ends, Held};
use super::ports::{CONNECTIONS, Ending, Outcome, Outcomes, PORTS, PORTS_OF_CONNECT};
use super::shown::Shown;
use super::width::columns;
use crate::language::Language;
use crate::language::bill::Sentences;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Heading(String),
    /// A name, and what was measured.
    Row(String, String),
    Text(String),
}

/// Returns the title of what was shown.
pub fn heading(shown: &Shown, language: Language) -> String {
    let words = language.bill();
    match shown {
        Shown::Ladder(ladder) => {
            format!("{}: {}", ladder.title.as_str(), (language.lab().title)(ladder.title))
        }
        Shown::Essay(_) => format!("essay: {}", words.essay),
        Shown::Ports(_) => format!("ports: {}", words.ports),
    }
}

/// Returns the width of the longest name. All values begin behind it.
pub fn width_of_names(lines: &[Line]) -> usize {
    let width = |line: &Line| if let Line::Row(name, _) = line { columns(name) } else { 0 };
    lines.iter().map(width).max().unwrap_or_default()
}

/// What a system does not tell.
const UNKNOWN: &str = "?";

pub fn bill(bill: &Bill, language: Language) -> Vec<Line> {
    let words = language.bill();
    let mut lines = vec![Line::Heading(words.bill.into())];
    lines.extend(account(bill, words));
    if let Some(outcome) = &bill.ports {
        lines.push(Line::Row((words.ports_row)(CONNECTIONS, PORTS), done(outcome, words)));
    }
    lines
}

/// Returns the sheet of the experiment with ports.
pub fn ports(outcomes: &Outcomes, language: Language) -> Vec<Line> {
    let words = language.bill();
    let mut lines = vec![Line::Text((words.ports_method)(CONNECTIONS, PORTS))];
    for outcome in &outcomes.bound {
        let left = match outcome.held {
            None => format!("TIME_WAIT: {UNKNOWN}"),
            Some(held) if held.by_client.count > 0 => (words.left_at_client)(held.by_client.count),
            Some(held) if held.by_server.count > 0 => (words.left_at_server)(held.by_server.count),
            Some(_) => words.left_nowhere.into(),
        };
        lines.push(Line::Row(
            outcome.ending.name().into(),
            (words.ports_result)(&done(outcome, words), &left),
        ));
    }
    let few = |outcome: &Outcome| (words.ports_few)(&done(outcome, words), PORTS_OF_CONNECT);
    let connected = outcomes.connected.as_ref().map_or(UNKNOWN.into(), few);
    lines.push(Line::Row(words.ports_connect.into(), connected));
    let lessons = lessons(outcomes, words);
    if !lessons.is_empty() {
        lines.push(Line::Text(lessons.trim_end().into()));
    }
    lines
}

/// Returns what the experiment with ports has shown, in words. What it has not shown is left out.
fn lessons(outcomes: &Outcomes, words: &Sentences) -> String {
    let met = |outcome: &Outcome, error: &str| outcome.error.as_deref() == Some(error);
    let has = |ending, is_shown: &dyn Fn(&Outcome) -> bool| {
        outcomes.bound.iter().any(|outcome| outcome.ending == ending && is_shown(outcome))
    };
    let has_run_out = has(Ending::ClientFirst, &|outcome| met(outcome, "EADDRINUSE"));
    let has_connect_run_out =
        outcomes.connected.as_ref().is_some_and(|outcome| met(outcome, "EADDRNOTAVAIL"));
    let has_ports_again = has(Ending::ServerFirst, &|outcome| outcome.error.is_none());
    [
        (has_run_out, words.ports_run_out),
        (has_run_out && has_connect_run_out, words.ports_connect_run_out),
        (has_ports_again, words.ports_again),
    ]
    .into_iter()
    .filter_map(|(is_shown, lesson)| is_shown.then_some(lesson))
    .collect()
}

/// Returns the sheet of the essay's program.
pub fn essay(faults: &Faults, language: Language) -> Vec<Line> {
    let words = language.bill();
    let row = |name: &str, value: String| Line::Row(name.into(), value);
    let waiting = match faults.waiting.state {
        Some(state) => (words.slow_unread)(state.as_str(), faults.waiting.unread),
        None => UNKNOWN.into(),
    };
    let mut lines = vec![
        Line::Text(words.essay_method.into()),
        Line::Heading(words.slow.into()),
        row(words.slow_alone, milliseconds(faults.alone)),
        row(&(words.slow_behind)(SILENCE.as_millis()), milliseconds(faults.behind)),
        row(words.slow_kernel, waiting),
        Line::Heading(words.unread.into()),
        row(&(words.unread_request)(READ), reading(&faults.exact, words)),
        row(&(words.unread_request)(READ + 1), reading(&faults.longer, words)),
        Line::Heading(words.restart.into()),
    ];
    lines.extend(account(&faults.bill, words));
    if let Some(mended) = &faults.mended.with_reuse {
        lines.push(row(words.restart_mended, attempt(mended, words)));
        if mended.is_ok() && matches!(faults.bill.restart.with_reuse, Some(Err(_))) {
            lines.push(Line::Text(words.restart_lesson.into()));
        }
    }
    lines
}

/// Returns who holds TIME_WAIT, and what a restart meets.
fn account(bill: &Bill, words: &Sentences) -> Vec<Line> {
    let ends = |side: fn(&Held) -> Ends| match bill.held.as_ref().map(side) {
        None => UNKNOWN.into(),
        Some(Ends { count: 0, .. }) => words.held_none.into(),
        Some(Ends { count, left }) => (words.held)(count, left.as_secs_f64()),
    };
    let with_reuse = bill.restart.with_reuse.as_ref();
    vec![
        Line::Row(words.held_by_client.into(), ends(|held| held.by_client)),
        Line::Row(words.held_by_server.into(), ends(|held| held.by_server)),
        Line::Row(words.restart_without.into(), attempt(&bill.restart.without_reuse, words)),
        Line::Row(
            words.restart_with.into(),
            with_reuse.map_or(UNKNOWN.into(), |result| attempt(result, words)),
        ),
    ]
}

fn attempt(attempt: &Attempt, words: &Sentences) -> String {
    attempt.as_ref().map_or_else(Clone::clone, |()| words.restart_works.into())
}

fn done(outcome: &Outcome, words: &Sentences) -> String {
    match &outcome.error {
        None => (words.ports_all)(outcome.done),
        Some(error) => (words.ports_failed)(outcome.done + 1, error),
    }
}

fn reading(reading: &Reading, words: &Sentences) -> String {
    (words.unread_reading)(reading.bytes, reading.end.as_ref().map_or_else(String::as_str, |()| "FIN"))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::super::bill::Restart;
    use super::super::kernel::{End, State};
    use super::*;

    fn refused() -> Attempt {
        Err("EADDRINUSE".into())
    }

    fn a_bill(ports: Option<Outcome>) -> Bill {
        let by_server = Ends { count: 1_000, left: Duration::from_secs(60) };
        Bill {
            held: Some(Held { by_client: Ends::default(), by_server }),
            restart: Restart { without_reuse: refused(), with_reuse: Some(Ok(())) },
            ports,
        }
    }

    fn outcome(ending: Ending, done: u32, error: Option<&str>) -> Outcome {
        let held = Held { by_client: Ends { count: PORTS, ..Ends::default() }, ..Held::default() };
        Outcome { ending, done, error: error.map(Into::into), held: Some(held) }
    }

    fn faults() -> Faults {
        let read = |end| Reading { bytes: 26, end };
        Faults {
            alone: Duration::from_micros(123),
            behind: Duration::from_millis(1300),
            waiting: End { state: Some(State::Established), unread: 1024, ..End::default() },
            exact: read(Ok(())),
            longer: read(Err("ECONNRESET".into())),
            bill: a_bill(None),
            mended: Restart { without_reuse: refused(), with_reuse: Some(Ok(())) },
        }
    }

    fn all(language: Language) -> [Vec<Line>; 3] {
        let outcomes = Ending::ALL.map(|ending| outcome(ending, 998, Some("EADDRNOTAVAIL")));
        let connected = Some(outcomes[0].clone());
        let outcomes = Outcomes { bound: outcomes.to_vec(), connected };
        [
            bill(&a_bill(outcomes.connected.clone()), language),
            ports(&outcomes, language),
            essay(&faults(), language),
        ]
    }

    #[test]
    fn both_languages_have_the_same_rows() {
        let kinds = |language| {
            all(language).map(|lines| lines.iter().map(std::mem::discriminant).collect::<Vec<_>>())
        };
        assert_eq!(kinds(Language::English), kinds(Language::Chinese));
    }

    #[test]
    fn each_row_fits_into_80_columns_in_each_language() {
        for lines in [all(Language::English), all(Language::Chinese)].concat() {
            let rows: Vec<_> = lines
                .iter()
                .filter_map(|line| if let Line::Row(name, value) = line { Some((name, value)) } else { None })
                .collect();
            let names = rows.iter().map(|(name, _)| columns(name)).max().unwrap_or_default();
            for (name, value) in rows {
                assert!(9 + names + 2 + columns(value) <= 80, "{name} {value}");
            }
        }
    }

    #[test]
    fn what_the_system_does_not_tell_is_a_question_mark() {
        let restart = Restart { without_reuse: Ok(()), with_reuse: None };
        let unknown = Bill { held: None, restart, ports: None };
        let lines = bill(&unknown, Language::English);
        let values = lines
            .iter()
            .filter_map(|line| if let Line::Row(_, value) = line { Some(&**value) } else { None });
        assert_eq!(values.collect::<Vec<_>>(), ["?", "?", "ok", "?"]);
    }

    #[test]
    fn a_lesson_is_drawn_only_from_what_was_shown() {
        let words = Language::English.bill();
        let lessons = |client_first, server_first, connected: Option<&str>| {
            let connected = connected.map(|error| outcome(Ending::ClientFirst, 20, Some(error)));
            let bound = vec![
                outcome(Ending::ClientFirst, 1, client_first),
                outcome(Ending::ServerFirst, 1, server_first),
            ];
            lessons(&Outcomes { bound, connected }, words)
        };
        let [run_out, connect, again] = [words.ports_run_out, words.ports_connect_run_out, words.ports_again];
        let all = lessons(Some("EADDRINUSE"), None, Some("EADDRNOTAVAIL"));
        assert_eq!(all, [run_out, connect, again].concat());
        assert_eq!(lessons(Some("EADDRINUSE"), None, None), [run_out, again].concat());
        assert_eq!(lessons(Some("EMFILE"), Some("EMFILE"), Some("EADDRNOTAVAIL")), "");
        let has_lesson = |with_reuse| {
            let mut faults = faults();
            faults.bill.restart.with_reuse = Some(with_reuse);
            essay(&faults, Language::English).contains(&Line::Text(words.restart_lesson.into()))
        };
        assert!(has_lesson(refused()) && !has_lesson(Ok(())));
    }

    #[test]
    fn the_connection_that_fails_is_the_one_after_those_that_were_done() {
        let words = Language::English.bill();
        assert_eq!(
            done(&outcome(Ending::ClientFirst, 200, Some("EADDRINUSE")), words),
            "number 201: EADDRINUSE"
        );
        assert_eq!(done(&outcome(Ending::Reset, 2000, None), words), "all 2,000");
    }
}
