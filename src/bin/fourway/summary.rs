//! The summary of what the server did, printed at the end.

use std::fmt;
use std::time::Duration;

use fourway::{Reason, Stats};

use super::lab::width::columns;
use super::language::Language;
use super::language::summary::Sentences;
use super::status::Figures;
use super::steering::Counts;

pub struct Summary<'a> {
    pub figures: &'a Figures<'a>,
    pub language: Language,
}

/// A name and its value.
type Row = (String, String);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { stats, meter, kernel, verdict, .. } = self.figures;
        let words = Sentences::of(self.language);
        let mut rows = vec![row(words.connections, stats.accepted), row(words.requests, stats.requests)];
        rows.extend(self.figures.steered.map(|steered| steering(steered, words)).unwrap_or_default());
        rows.extend([row(words.bytes_received, stats.bytes_in), row(words.bytes_sent, stats.bytes_out)]);
        rows.extend(closes(stats, words));
        rows.extend(errors(stats, words));
        let unknown = || words.unknown.into();
        let overflows = kernel.listen_overflows.map_or_else(unknown, |count| count.to_string());
        rows.push(row(words.listen_overflows, overflows));
        let share = |percent: Option<f64>| percent.map_or_else(unknown, |p| format!("{p:.1} %"));
        let time = |time: Option<Duration>| time.map_or_else(unknown, seconds);
        rows.push(row(words.busy, share(meter.average())));
        rows.push(indented(words.busiest_second, share(meter.busiest())));
        rows.push(indented(words.time_busy, time(meter.busy())));
        rows.push(indented(words.time_idle, time(meter.busy().map(|busy| meter.total() - busy))));
        rows.push(row(words.longest_turn, milliseconds(meter.longest_turn())));

        let widest = |column: fn(&Row) -> &String| {
            rows.iter().map(|row| columns(column(row))).max().unwrap_or_default()
        };
        let (names, values) = (widest(|(name, _)| name), widest(|(_, value)| value));
        writeln!(f, "{}", (words.ended_after)(&seconds(meter.total())))?;
        for (name, value) in &rows {
            let gap = 2 + names - columns(name) + values - columns(value);
            writeln!(f, "  {name}{:gap$}{value}", "")?;
        }
        writeln!(f, "{}", verdict.sentence(self.language))
    }
}

fn row(name: &str, value: impl ToString) -> Row {
    (name.into(), value.to_string())
}

/// Returns a row that is a part of the row above it.
fn indented(name: &str, value: impl ToString) -> Row {
    (format!("  {name}"), value.to_string())
}

/// Returns the same, or nothing if its count is 0.
fn part(name: &str, count: u64) -> Option<Row> {
    (count > 0).then(|| indented(name, count))
}

/// Returns how many requests were steered, by which letters, and how late the latest of their timers was.
fn steering(steered: &Counts, words: &Sentences) -> Vec<Row> {
    let mut rows: Vec<_> = part(words.steered, steered.steered).into_iter().collect();
    let letters = steered.by_letter().filter_map(|(letter, count)| part(&format!("  {letter}"), count));
    rows.extend(letters);
    rows.extend(part(words.steers_nothing, steered.ordinary));
    if steered.fired > 0 {
        rows.push(row(words.delays, steered.fired));
        rows.push(indented(words.latest, milliseconds(steered.latest)));
        rows.extend(part(words.late, steered.late));
    }
    rows
}

/// Returns the numbers of closed connections, by side and by reason.
fn closes(stats: &Stats, words: &Sentences) -> Vec<Row> {
    let by_server = stats.closed - stats.closed_by_client_first;
    let mut rows = vec![
        row(words.closed_first_by_client, stats.closed_by_client_first),
        row(words.closed_first_by_server, by_server),
        row(words.closed_because, stats.closed),
    ];
    let reasons = Reason::ALL.into_iter().zip(words.reasons);
    rows.extend(reasons.filter_map(|(reason, name)| part(name, stats.closes(reason))));
    rows
}

fn errors(stats: &Stats, words: &Sentences) -> Vec<Row> {
    // A response that cannot be sent also counts as a 500.
    let by_kind = [
        (words.handler_panicked, stats.handler_panics),
        (words.accept_failed, stats.accept_errors),
        (words.accept_paused, stats.accept_pauses),
        (words.poller_refused, stats.register_errors),
        (words.all_in_use, stats.full),
    ];
    let answered = Stats::ERRORS.map(|status| (status, stats.errors(status)));
    let total = answered.iter().map(|(_, count)| count).sum::<u64>()
        + by_kind.iter().map(|(_, count)| count).sum::<u64>();
    let mut rows = vec![row(words.errors, total)];
    rows.extend(answered.iter().filter_map(|(status, count)| part(&(words.answered_with)(*status), *count)));
    rows.extend(part(words.not_sendable, stats.handler_errors));
    rows.extend(by_kind.iter().filter_map(|(name, count)| part(name, *count)));
    rows
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.3} ms", 1e3 * duration.as_secs_f64())
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::meter::Meter;

    fn summary_of(stats: Stats, overflows: Option<u64>) -> String {
        summary_in(Language::English, stats, overflows)
    }

    fn summary_in(language: Language, stats: Stats, overflows: Option<u64>) -> String {
        let meter = Meter::start(Instant::now());
        let mut figures = Figures::of(stats, &meter);
        figures.kernel.listen_overflows = overflows;
        Summary { figures: &figures, language }.to_string()
    }

    /// Counters that leave out no row but those of the reasons.
    fn busy_stats() -> Stats {
        let mut stats = Stats::default();
        (stats.accepted, stats.accept_pauses, stats.accept_errors) = (1_000_000, 1, 1);
        (stats.handler_panics, stats.handler_errors, stats.register_errors, stats.full) = (1, 1, 1, 1);
        stats.errors.fill(1);
        stats
    }

    #[test]
    fn all_values_are_in_one_column() {
        for (language, overflows) in [Language::English, Language::Chinese].into_iter().zip([Some(0), None]) {
            let text = summary_in(language, busy_stats(), overflows);
            let (table, verdict) = text.trim_end().rsplit_once('\n').expect("several lines");
            assert!(!verdict.starts_with(' '), "the last line is a sentence: {text}");
            let widths: Vec<_> = table.lines().skip(1).map(columns).collect();
            assert!(widths.iter().all(|&width| width == widths[0]), "{text}");
            assert!(widths[0] <= 80, "{text}");
        }
    }

    #[test]
    fn both_languages_have_the_same_rows() {
        let rows = |language| summary_in(language, busy_stats(), Some(0)).lines().count();
        assert_eq!(rows(Language::English), rows(Language::Chinese));
    }

    #[test]
    fn the_chinese_summary_has_no_english_words_but_names() {
        const NAMES: [&str; 9] =
            ["fourway", "RST", "FIN", "panic", "accept", "ListenOverflows", "s", "ms", "URL"];
        let text = summary_in(Language::Chinese, busy_stats(), None);
        let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        let english: Vec<_> = words.filter(|word| !NAMES.contains(word)).collect();
        assert!(english.is_empty(), "{english:?} in {text}");
    }

    #[test]
    fn the_longest_turn_is_printed_in_milliseconds() {
        let now = Instant::now();
        let mut meter = Meter::start(now);
        meter.turn(now, 1);
        meter.turned(now, now + Duration::from_micros(1250));
        let text = Summary { figures: &Figures::of(Stats::default(), &meter), language: Language::English }
            .to_string();
        let last = text.lines().rev().nth(1).unwrap_or_default();
        assert!(last.trim().starts_with("longest turn ") && last.ends_with(" 1.250 ms"), "{text}");
    }

    #[test]
    fn only_errors_that_occurred_are_listed() {
        let mut stats = Stats::default();
        stats.errors[1] = 2;
        let text = summary_of(stats, None);
        assert!(text.contains("answered with 408"), "{text}");
        assert!(!text.contains("answered with 400"), "{text}");
        assert!(text.contains("not known on this system"), "{text}");
    }
}
