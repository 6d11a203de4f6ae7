//! Busy and idle: whether the server was what a load test measured.

use std::time::{Duration, Instant};

/// Adds up the time that the loop worked and the time that it waited.
///
/// Over an hour in which the load took a minute, an average shows nothing. So the busiest second
/// is kept as well: near 100 % the server was the bottleneck, for as requests pile up each turn does
/// more of them, and what polling costs by itself fades away.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    /// The end of the latest wait or work.
    latest: Instant,
    pub idle: Duration,
    /// The busy time of the busiest window, in percent of it.
    busiest: f64,
    window: Window,
}

/// A second or more, at the end of which the busy share is looked at.
#[derive(Debug)]
struct Window {
    start: Instant,
    end: Instant,
    /// The busy time before it.
    busy_before: Duration,
}

impl Window {
    fn starting(at: Instant, busy_before: Duration) -> Self {
        Window { start: at, end: at + WINDOW, busy_before }
    }
}

const WINDOW: Duration = Duration::from_secs(1);

impl Meter {
    pub fn start(now: Instant) -> Self {
        let window = Window::starting(now, Duration::ZERO);
        Meter { start: now, latest: now, idle: Duration::ZERO, busiest: 0.0, window }
    }

    /// Polling without waiting belongs to the work: there is some left.
    pub fn waited(&mut self, from: Instant, to: Instant, timeout: Option<Duration>) {
        if to >= self.window.end {
            // A long wait at its end is not of the window.
            self.busiest = self.share_of_window((from - self.window.start).max(WINDOW)).max(self.busiest);
            self.window = Window::starting(to, self.busy());
        }
        if timeout != Some(Duration::ZERO) {
            self.idle += to - from;
        }
        self.latest = to;
    }

    pub fn worked(&mut self, to: Instant) {
        self.latest = to;
    }

    pub fn total(&self) -> Duration {
        self.latest - self.start
    }

    pub fn busy(&self) -> Duration {
        self.total() - self.idle
    }

    /// Of all the time, in percent.
    pub fn average(&self) -> f64 {
        percent(self.busy(), self.total())
    }

    /// Of the busiest second, in percent. Windows are not moved to where they would show the most,
    /// and the last one is cut short; but no average is above its own maximum.
    pub fn busiest(&self) -> f64 {
        self.share_of_window(WINDOW).max(self.busiest).max(self.average())
    }

    fn share_of_window(&self, length: Duration) -> f64 {
        percent(self.busy() - self.window.busy_before, length).min(100.0)
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A meter after turns of so many milliseconds waited and worked.
    fn after(turns: &[(u32, u32)]) -> Meter {
        let mut now = Instant::now();
        let mut meter = Meter::start(now);
        for &(waited, worked) in turns {
            let woken = now + waited * MS;
            meter.waited(now, woken, None);
            now = woken + worked * MS;
            meter.worked(now);
        }
        meter
    }

    #[test]
    fn busy_and_idle_add_up_to_all_the_time() {
        let meter = after(&[(75, 25), (75, 25)]);
        assert_eq!((meter.busy(), meter.idle), (50 * MS, 150 * MS));
        assert_eq!(meter.average(), 25.0);
    }

    #[test]
    fn a_busy_second_is_seen_in_a_quiet_hour() {
        let mut turns = vec![(1_800_000, 0)];
        turns.extend([(1, 9); 100]);
        turns.extend([(1_800_000, 0)]);
        let meter = after(&turns);
        assert!(meter.average() < 0.1, "{}", meter.average());
        assert!((89.0..=91.0).contains(&meter.busiest()), "{}", meter.busiest());
    }

    #[test]
    fn a_short_burst_is_measured_against_a_whole_second() {
        assert_eq!(after(&[(60_000, 100)]).busiest(), 10.0);
    }

    #[test]
    fn polling_for_what_is_left_to_do_is_work() {
        let start = Instant::now();
        let mut meter = Meter::start(start);
        meter.waited(start, start + MS, Some(Duration::ZERO));
        assert_eq!((meter.busy(), meter.idle), (MS, Duration::ZERO));
    }
}
