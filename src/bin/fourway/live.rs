//! The live line: once a second on a terminal, what the server does.

use std::fmt::Write;
use std::time::{Duration, Instant};

use fourway::Stats;

use super::console::Console;
use super::meter::{Spent, percent};
use super::status::{Figures, Observed};

/// Shows a line a second while something happens. While nothing does, the last line stays, and the loop sleeps.
pub struct Live {
    next: Instant,
    is_quiet: bool,
    before: Moment,
    line: String,
}

/// The counters at the time of a line.
#[derive(Debug, Clone, Copy)]
struct Moment {
    time: Instant,
    accepted: u64,
    closed: u64,
    requests: u64,
    bytes_in: u64,
    bytes_out: u64,
    spent: Option<Spent>,
}

const INTERVAL: Duration = Duration::from_secs(1);

impl Live {
    pub fn start(now: Instant) -> Self {
        let before = Moment::of(&Stats::default(), None, now);
        Live { next: now + INTERVAL, is_quiet: true, before, line: String::with_capacity(256) }
    }

    /// Returns the longest time that the loop may sleep.
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        (!self.is_quiet).then(|| self.next.saturating_duration_since(now))
    }

    /// Shows a line if it is due. Call this once per turn, after its work.
    pub fn turn(&mut self, now: Instant, console: &Console, observed: &Observed<'_>) {
        if self.is_quiet {
            // Nothing has happened since the last line, so the next second begins here.
            (self.is_quiet, self.next, self.before.time) = (false, now + INTERVAL, now);
            self.before.spent = observed.meter.spent_now();
            return;
        }
        if now < self.next {
            return;
        }
        let figures = Figures::new(observed, now);
        let moment = Moment::of(&figures.stats, figures.spent, now);
        self.line.clear();
        write_line(&mut self.line, &figures, &moment, &self.before);
        console.show(&mut self.line);
        self.is_quiet = moment.is_quiet_since(&self.before);
        (self.before, self.next) = (moment, now + INTERVAL);
    }
}

impl Moment {
    fn of(stats: &Stats, spent: Option<Spent>, time: Instant) -> Self {
        Moment {
            time,
            accepted: stats.accepted,
            closed: stats.closed,
            requests: stats.requests,
            bytes_in: stats.bytes_in,
            bytes_out: stats.bytes_out,
            spent,
        }
    }

    /// Returns whether nothing that a line shows has changed.
    fn is_quiet_since(&self, before: &Moment) -> bool {
        let counters = |moment: &Moment| {
            let Moment { accepted, closed, requests, bytes_in, bytes_out, .. } = *moment;
            [accepted, closed, requests, bytes_in, bytes_out]
        };
        counters(self) == counters(before)
    }
}

/// Writes what matters most first, because the end of the line may not fit.
fn write_line(line: &mut String, figures: &Figures<'_>, now: &Moment, before: &Moment) {
    let elapsed = now.time - before.time;
    let a_second = |now: u64, before: u64| (now - before) as f64 / elapsed.as_secs_f64().max(1e-3);
    let requests = a_second(now.requests, before.requests);
    let connections = a_second(now.accepted, before.accepted);
    // A `String` takes everything.
    let _ = write!(line, "{requests:.0} requests/s, {connections:.0} connections/s");
    if let (Some(spent), Some(earlier)) = (now.spent, before.spent) {
        let busy = percent(spent.since(earlier).busy(), elapsed).min(100.0);
        let _ = write!(line, ", busy {busy:.0} %");
    }
    let _ = write!(line, ", limit: {}, {} open", figures.verdict.word(), figures.stats.open);
    let states = figures.states().into_iter().filter(|(_, count)| *count > 0);
    for (at, (state, count)) in states.enumerate() {
        let _ = write!(line, "{}{count} {state}", if at == 0 { ": " } else { ", " });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;

    fn line(stats: impl FnOnce(&mut Stats), elapsed: Duration) -> String {
        let begin = Instant::now();
        let meter = Meter::without_count(begin);
        let mut figures = Figures::of(Stats::default(), &meter);
        stats(&mut figures.stats);
        let now = Moment::of(&figures.stats, None, begin + elapsed);
        let mut line = String::new();
        write_line(&mut line, &figures, &now, &Moment::of(&Stats::default(), None, begin));
        line
    }

    #[test]
    fn the_line_has_rates_and_the_states_that_connections_are_in() {
        let all = |stats: &mut Stats| {
            (stats.requests, stats.accepted, stats.open, stats.idle, stats.sending) = (5000, 30, 12, 10, 2);
        };
        assert_eq!(
            line(all, Duration::from_millis(2000)),
            "2500 requests/s, 15 connections/s, limit: idle, 12 open: 10 idle, 2 sending"
        );
        assert_eq!(line(|_| {}, INTERVAL), "0 requests/s, 0 connections/s, limit: idle, 0 open");
    }

    #[test]
    fn a_moment_without_news_is_quiet() {
        let now = Instant::now();
        let before = Moment::of(&Stats::default(), None, now);
        let mut stats = Stats::default();
        assert!(Moment::of(&stats, None, now + INTERVAL).is_quiet_since(&before));
        stats.bytes_out = 1;
        assert!(!Moment::of(&stats, None, now + INTERVAL).is_quiet_since(&before));
    }
}
