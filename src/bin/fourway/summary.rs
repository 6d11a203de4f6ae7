//! The summary of what the server did, printed at the end.

use std::fmt;
use std::time::Duration;

use fourway::{Reason, Stats};

use super::status::Figures;
use super::steering::Counts;

#[derive(Debug)]
pub struct Summary<'a>(pub &'a Figures<'a>);

/// A name and its value.
type Row = (String, String);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { stats, meter, kernel, verdict, .. } = self.0;
        let mut rows = vec![row("connections", stats.accepted), row("requests", stats.requests)];
        rows.extend(self.0.steered.map(steering).unwrap_or_default());
        rows.extend([row("bytes received", stats.bytes_in), row("bytes sent", stats.bytes_out)]);
        rows.extend(closes(stats));
        rows.extend(errors(stats));
        let unknown = || "not known on this system".into();
        let overflows = kernel.listen_overflows.map_or_else(unknown, |count| count.to_string());
        rows.push(row("ListenOverflows of the kernel", overflows));
        let share = |percent: Option<f64>| percent.map_or_else(unknown, |p| format!("{p:.1} %"));
        let time = |time: Option<Duration>| time.map_or_else(unknown, seconds);
        rows.push(row("busy", share(meter.average())));
        rows.push(row("  in the busiest second", share(meter.busiest())));
        rows.push(row("  time busy", time(meter.busy())));
        rows.push(row("  time idle", time(meter.busy().map(|busy| meter.total() - busy))));
        rows.push(row("longest turn", milliseconds(meter.longest_turn())));

        let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let values = rows.iter().map(|(_, value)| value.len()).max().unwrap_or_default();
        writeln!(f, "fourway: ended after {}", seconds(meter.total()))?;
        rows.iter().try_for_each(|(name, value)| writeln!(f, "  {name:<names$}  {value:>values$}"))?;
        writeln!(f, "{verdict}")
    }
}

fn row(name: &str, value: impl ToString) -> Row {
    (name.into(), value.to_string())
}

/// Returns a row that is a part of the row above it, or nothing if its count is 0.
fn part(name: &str, count: u64) -> Option<Row> {
    (count > 0).then(|| row(&format!("  {name}"), count))
}

/// Returns how many requests were steered, by which letters, and how late the latest of their timers was.
fn steering(steered: &Counts) -> Vec<Row> {
    let mut rows: Vec<_> = part("steered by their URLs", steered.steered).into_iter().collect();
    let letters = steered.by_letter().filter_map(|(letter, count)| part(&format!("  {letter}"), count));
    rows.extend(letters);
    rows.extend(part("with a query that steers nothing", steered.ordinary));
    if steered.fired > 0 {
        rows.push(row("delays and gaps", steered.fired));
        rows.push(row("  latest", milliseconds(steered.latest)));
        rows.extend(part("more than 2 ms late", steered.late));
    }
    rows
}

/// Returns the numbers of closed connections, by side and by reason.
fn closes(stats: &Stats) -> Vec<Row> {
    let by_server = stats.closed - stats.closed_by_client_first;
    let mut rows = vec![
        row("closed first by the client", stats.closed_by_client_first),
        row("closed first by the server", by_server),
        row("closed because", stats.closed),
    ];
    rows.extend(Reason::ALL.into_iter().filter_map(|reason| part(reason.as_str(), stats.closes(reason))));
    rows
}

fn errors(stats: &Stats) -> Vec<Row> {
    // A response that cannot be sent also counts as a 500.
    let by_kind = [
        ("handler panicked", stats.handler_panics),
        ("accept failed", stats.accept_errors),
        ("accepting paused, out of files or memory", stats.accept_pauses),
        ("poller refused a connection", stats.register_errors),
        ("all connections were in use", stats.full),
    ];
    let answered = Stats::ERRORS.map(|status| (status, stats.errors(status)));
    let total = answered.iter().map(|(_, count)| count).sum::<u64>()
        + by_kind.iter().map(|(_, count)| count).sum::<u64>();
    let mut rows = vec![row("errors", total)];
    rows.extend(
        answered.iter().filter_map(|(status, count)| part(&format!("answered with {status}"), *count)),
    );
    rows.extend(part("of these, responses that could not be sent", stats.handler_errors));
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
        let meter = Meter::start(Instant::now());
        let mut figures = Figures::of(stats, &meter);
        figures.kernel.listen_overflows = overflows;
        Summary(&figures).to_string()
    }

    #[test]
    fn all_values_are_in_one_column() {
        let mut stats = Stats::default();
        stats.accepted = 1_000_000;
        stats.accept_pauses = 1;
        let text = summary_of(stats, Some(0));
        let (table, verdict) = text.trim_end().rsplit_once('\n').expect("several lines");
        assert!(!verdict.starts_with(' '), "the last line is a sentence: {text}");
        let widths: Vec<_> = table.lines().skip(1).map(str::len).collect();
        assert!(widths.iter().all(|&width| width == widths[0]), "{text}");
        assert!(widths[0] <= 80, "{text}");
    }

    #[test]
    fn the_longest_turn_is_printed_in_milliseconds() {
        let now = Instant::now();
        let mut meter = Meter::start(now);
        meter.turn(now, 1);
        meter.turned(now, now + Duration::from_micros(1250));
        let text = Summary(&Figures::of(Stats::default(), &meter)).to_string();
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
