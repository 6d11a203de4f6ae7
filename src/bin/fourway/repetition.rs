//! Warnings that repeat. Clients can cause warnings, and many of them must not flood the log.
//!
//! Each call site logs at most one line a second. The line is its warning, or the number of warnings that were
//! suppressed since the last line.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use log::Level;

const WINDOW: Duration = Duration::from_secs(1);

/// A call site: its module and line.
pub type Place = (Option<&'static str>, Option<u32>);

/// The number of suppressed warnings of a call site.
pub struct Count<'a> {
    pub place: Place,
    pub level: Level,
    pub count: u64,
    /// One of these warnings, or its beginning.
    pub example: &'a str,
}

#[derive(Default)]
pub struct Repetitions(Vec<Kind>);

struct Kind {
    place: Place,
    level: Level,
    /// Nothing more is logged until this time.
    silent_until: Instant,
    suppressed: u64,
    example: Example,
}

impl Repetitions {
    /// Returns whether a warning is to be logged now. Otherwise counts it.
    pub fn admit(&mut self, place: Place, level: Level, warning: fmt::Arguments<'_>, now: Instant) -> bool {
        let Some(kind) = self.0.iter_mut().find(|kind| kind.place == place) else {
            let (silent_until, example) = (now + WINDOW, Example::of(warning));
            self.0.push(Kind { place, level, silent_until, suppressed: 0, example });
            return true;
        };
        if now < kind.silent_until || kind.suppressed > 0 {
            kind.suppressed += 1;
            return false;
        }
        kind.silent_until = now + WINDOW;
        kind.example.set(warning);
        true
    }

    /// Calls `report` for each count that is due. Returns whether counts remain that are not due yet.
    pub fn report_due(&mut self, now: Instant, mut report: impl FnMut(Count<'_>)) -> bool {
        let mut has_more = false;
        for kind in self.0.iter_mut().filter(|kind| kind.suppressed > 0) {
            if now < kind.silent_until {
                has_more = true;
                continue;
            }
            report(kind.count());
            (kind.suppressed, kind.silent_until) = (0, now + WINDOW);
        }
        has_more
    }

    /// Calls `report` for each count.
    pub fn report_all(&mut self, mut report: impl FnMut(Count<'_>)) {
        for kind in self.0.iter_mut().filter(|kind| kind.suppressed > 0) {
            report(kind.count());
            kind.suppressed = 0;
        }
    }
}

impl Kind {
    fn count(&self) -> Count<'_> {
        Count { place: self.place, level: self.level, count: self.suppressed, example: &self.example.0 }
    }
}

/// The beginning of a warning. Its memory is allocated once.
struct Example(String);

impl Example {
    const LEN: usize = 160;

    fn of(warning: fmt::Arguments<'_>) -> Self {
        let mut example = Example(String::with_capacity(Self::LEN));
        example.set(warning);
        example
    }

    fn set(&mut self, warning: fmt::Arguments<'_>) {
        self.0.clear();
        // An error means that the warning is too long.
        if self.write_fmt(warning).is_err() {
            self.0.push('…');
        }
    }
}

impl Write for Example {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = Self::LEN - '…'.len_utf8() - self.0.len();
        let fits = (0..=part.len().min(room)).rev().find(|&len| part.is_char_boundary(len)).unwrap_or(0);
        self.0.push_str(&part[..fits]);
        if fits < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = (Some("here"), Some(1));
    const THERE: Place = (Some("here"), Some(2));

    fn admit(repetitions: &mut Repetitions, place: Place, warning: &str, now: Instant) -> bool {
        repetitions.admit(place, Level::Warn, format_args!("{warning}"), now)
    }

    fn due(repetitions: &mut Repetitions, now: Instant) -> Vec<(u64, String)> {
        let mut reported = Vec::new();
        repetitions.report_due(now, |count| reported.push((count.count, count.example.to_owned())));
        reported
    }

    #[test]
    fn a_repeated_warning_is_logged_once_a_second_and_counted() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        assert!(admit(&mut repetitions, HERE, "a", begin));
        for _ in 0..7 {
            assert!(!admit(&mut repetitions, HERE, "b", begin + WINDOW / 2));
        }
        assert!(admit(&mut repetitions, THERE, "c", begin + WINDOW / 2), "another kind");
        assert_eq!(due(&mut repetitions, begin + WINDOW / 2), []);
        assert_eq!(due(&mut repetitions, begin + WINDOW), [(7, "a".into())]);
        assert_eq!(due(&mut repetitions, begin + WINDOW), []);
        // The count was a line too, so the next line waits for a second.
        assert!(!admit(&mut repetitions, HERE, "d", begin + WINDOW * 3 / 2));
        assert_eq!(due(&mut repetitions, begin + 2 * WINDOW), [(1, "a".into())]);
        assert!(admit(&mut repetitions, HERE, "e", begin + 3 * WINDOW));
    }

    #[test]
    fn a_warning_waits_until_the_count_of_earlier_ones_is_logged() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        assert!(admit(&mut repetitions, HERE, "a", begin));
        assert!(!admit(&mut repetitions, HERE, "b", begin));
        assert!(!admit(&mut repetitions, HERE, "c", begin + 2 * WINDOW));
        assert_eq!(due(&mut repetitions, begin + 2 * WINDOW), [(2, "a".into())]);
    }

    #[test]
    fn report_all_reports_every_count() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        admit(&mut repetitions, HERE, "a", begin);
        admit(&mut repetitions, HERE, "b", begin);
        let mut reported = Vec::new();
        repetitions.report_all(|count| reported.push((count.count, count.example.to_owned())));
        assert_eq!(reported, [(1, "a".into())]);
        assert_eq!(due(&mut repetitions, begin + WINDOW), []);
    }

    #[test]
    fn a_long_warning_is_cut_between_two_characters() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        for _ in 0..2 {
            admit(&mut repetitions, HERE, &"ä".repeat(200), begin);
        }
        let reported = due(&mut repetitions, begin + WINDOW);
        assert_eq!(reported, [(1, "ä".repeat(78) + "…")]);
        assert!(reported[0].1.len() <= Example::LEN);
    }
}
