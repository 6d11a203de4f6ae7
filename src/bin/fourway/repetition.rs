//! Warnings that repeat. Clients can cause warnings, and a flood of them must not flood the log.
//!
//! Each call site that warns logs one line a second at most: its warning, or the number of warnings that
//! it has suppressed since then.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use log::Level;

const WINDOW: Duration = Duration::from_secs(1);

/// A call site: its module and line.
pub type Place = (Option<&'static str>, Option<u32>);

/// How many warnings of a call site were suppressed.
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
    /// Until then nothing more is logged.
    silent_until: Instant,
    suppressed: u64,
    example: Example,
}

impl Repetitions {
    /// Returns whether a warning is logged now. Otherwise it is counted.
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

    /// Calls `tell` for each count that is due. Returns whether there are others.
    pub fn tell_due(&mut self, now: Instant, mut tell: impl FnMut(Count<'_>)) -> bool {
        let mut has_more = false;
        for kind in self.0.iter_mut().filter(|kind| kind.suppressed > 0) {
            if now < kind.silent_until {
                has_more = true;
                continue;
            }
            tell(kind.count());
            (kind.suppressed, kind.silent_until) = (0, now + WINDOW);
        }
        has_more
    }

    /// Calls `tell` for each count.
    pub fn tell_all(&mut self, mut tell: impl FnMut(Count<'_>)) {
        for kind in self.0.iter_mut().filter(|kind| kind.suppressed > 0) {
            tell(kind.count());
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
        // An error says that there is more than fits.
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
        let mut told = Vec::new();
        repetitions.tell_due(now, |count| told.push((count.count, count.example.to_owned())));
        told
    }

    #[test]
    fn a_kind_of_warning_is_logged_once_a_second_and_then_counted() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        assert!(admit(&mut repetitions, HERE, "a", begin));
        for _ in 0..7 {
            assert!(!admit(&mut repetitions, HERE, "b", begin + WINDOW / 2));
        }
        assert!(admit(&mut repetitions, THERE, "c", begin + WINDOW / 2), "another kind");
        assert_eq!(due(&mut repetitions, begin + WINDOW / 2), []);
        assert_eq!(due(&mut repetitions, begin + WINDOW), [(7, "a".into())]);
        assert_eq!(due(&mut repetitions, begin + WINDOW), []);
        // The count was a line, so the next one waits for its second.
        assert!(!admit(&mut repetitions, HERE, "d", begin + WINDOW * 3 / 2));
        assert_eq!(due(&mut repetitions, begin + 2 * WINDOW), [(1, "a".into())]);
        assert!(admit(&mut repetitions, HERE, "e", begin + 3 * WINDOW));
    }

    #[test]
    fn a_warning_after_the_second_waits_for_the_count_before_it() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        assert!(admit(&mut repetitions, HERE, "a", begin));
        assert!(!admit(&mut repetitions, HERE, "b", begin));
        assert!(!admit(&mut repetitions, HERE, "c", begin + 2 * WINDOW));
        assert_eq!(due(&mut repetitions, begin + 2 * WINDOW), [(2, "a".into())]);
    }

    #[test]
    fn at_the_end_every_count_is_told() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        admit(&mut repetitions, HERE, "a", begin);
        admit(&mut repetitions, HERE, "b", begin);
        let mut told = Vec::new();
        repetitions.tell_all(|count| told.push((count.count, count.example.to_owned())));
        assert_eq!(told, [(1, "a".into())]);
        assert_eq!(due(&mut repetitions, begin + WINDOW), []);
    }

    #[test]
    fn a_long_warning_is_cut_between_two_characters() {
        let (mut repetitions, begin) = (Repetitions::default(), Instant::now());
        for _ in 0..2 {
            admit(&mut repetitions, HERE, &"ä".repeat(200), begin);
        }
        let told = due(&mut repetitions, begin + WINDOW);
        assert_eq!(told, [(1, "ä".repeat(78) + "…")]);
        assert!(told[0].1.len() <= Example::LEN);
    }
}
