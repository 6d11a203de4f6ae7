//! The busy time of the server, which shows whether it was the bottleneck of a load test.

mod thread;

use std::time::{Duration, Instant};

use super::machine::hindrance::{Hindrance, Watch};
pub use thread::Spent;
use thread::Thread;

/// Measures the time in which the server worked or waited for a processor, as counted by the kernel.
///
/// An average over an hour does not show a load of one minute. So the meter also keeps the busiest second. Near
/// 100 %, the server was the bottleneck.
///
/// A server with little to do may still keep one client waiting, if one turn of its loop does much for other
/// clients. So the meter also keeps the longest turn. It is wall-clock time, and includes the time of other
/// programs on the processor, because the client waits for that too.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    latest: Instant,
    thread: Option<Thread>,
    machine: Watch,
    /// The kernel's count when the server started.
    at_start: Spent,
    /// The same when the current window began.
    before_window: Spent,
    hindrance_before_window: Hindrance,
    window_end: Instant,
    /// `None` until the first second is over.
    busiest: Option<Second>,
    last: Option<Second>,
    longest_turn: Duration,
    turns: u64,
    events: u64,
}

/// One second of the server, or less if it has lived for less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    pub length: Duration,
    pub spent: Spent,
    /// What kept processors from the whole machine, or from the program's control group.
    pub hindrance: Hindrance,
}

impl Second {
    /// Returns a part of the second in percent.
    pub fn percent(&self, part: Duration) -> f64 {
        percent(part, self.length)
    }

    /// Returns the busy part in percent.
    pub fn busy(&self) -> f64 {
        self.percent(self.spent.busy())
    }
}

/// The minimum time between two reads of the kernel's counts. Each read is a system call.
const WINDOW: Duration = Duration::from_secs(1);

impl Meter {
    pub fn start(now: Instant) -> Self {
        Self::over(Thread::open(), Watch::open(), now)
    }

    fn over(thread: Option<Thread>, machine: Watch, now: Instant) -> Self {
        let spent = thread.as_ref().and_then(Thread::spent).unwrap_or_default();
        Meter {
            start: now,
            latest: now,
            thread,
            at_start: spent,
            before_window: spent,
            hindrance_before_window: machine.read(),
            machine,
            window_end: now + WINDOW,
            busiest: None,
            last: None,
            longest_turn: Duration::ZERO,
            turns: 0,
            events: 0,
        }
    }

    /// Returns a meter on a system that does not count busy time.
    #[cfg(test)]
    pub fn without_count(now: Instant) -> Self {
        Meter::over(None, Watch::of_nothing(), now)
    }

    /// Returns whether the kernel counts busy time.
    pub fn counts(&self) -> bool {
        self.thread.is_some()
    }

    /// Begins a turn with its number of events. Call this once per turn, before its work.
    pub fn turn(&mut self, now: Instant, events: u64) {
        self.turns += 1;
        self.events += events;
        if now >= self.window_end {
            self.look(now);
        }
    }

    /// Ends a turn. Call this after its work.
    pub fn turned(&mut self, began: Instant, now: Instant) {
        self.longest_turn = self.longest_turn.max(now - began);
    }

    /// Ends a window, and begins the next. A window may be long, but all its turns began in its first second,
    /// except the current one. So its busy time belongs to that second. What hinders it may come at any time, so a
    /// second has its part of that.
    pub fn look(&mut self, now: Instant) {
        let elapsed = now - self.latest;
        self.latest = now;
        self.window_end = now + WINDOW;
        if let Some(spent) = self.thread.as_ref().and_then(Thread::spent) {
            let hindrance = self.machine.read();
            let length = self.total().min(WINDOW);
            let window = Second {
                length,
                spent: spent.since(self.before_window).at_most(length),
                hindrance: hindrance.since(self.hindrance_before_window).in_a_second_of(elapsed),
            };
            (self.before_window, self.hindrance_before_window) = (spent, hindrance);
            self.last = Some(window);
            if self.busiest.is_none_or(|busiest| window.busy() > busiest.busy()) {
                self.busiest = Some(window);
            }
        }
    }

    /// Returns the time from the start to the last [`look`](Self::look).
    pub fn total(&self) -> Duration {
        self.latest - self.start
    }

    pub fn start_time(&self) -> Instant {
        self.start
    }

    pub fn longest_turn(&self) -> Duration {
        self.longest_turn
    }

    pub fn turns(&self) -> u64 {
        self.turns
    }

    pub fn events(&self) -> u64 {
        self.events
    }

    /// Returns the busy time up to the last [`look`](Self::look), or `None` if the kernel does not count it.
    pub fn busy(&self) -> Option<Duration> {
        self.thread.as_ref()?;
        Some(self.before_window.since(self.at_start).busy().min(self.total()))
    }

    /// Returns what the server has spent up to now. This is a system call.
    pub fn spent_now(&self) -> Option<Spent> {
        Some(self.thread.as_ref()?.spent()?.since(self.at_start))
    }

    /// Returns the busy part of the total time, in percent.
    pub fn average(&self) -> Option<f64> {
        Some(percent(self.busy()?, self.total()))
    }

    /// Returns the busy part of the busiest second, in percent.
    pub fn busiest(&self) -> Option<f64> {
        Some(self.busiest?.busy().max(self.average()?))
    }

    /// Returns the busiest second. Returns `None` if the first is not over, or if the kernel does not count busy time.
    pub fn busiest_second(&self) -> Option<Second> {
        self.busiest
    }

    /// Returns the last second that is over, if there is one. It may have been long ago, if the server has slept since
    /// then.
    pub fn last_second(&self) -> Option<Second> {
        self.last
    }
}

/// Returns a part in percent of the whole.
pub fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_kernels_count_busy_time_is_unknown() {
        let now = Instant::now();
        let mut meter = Meter::without_count(now);
        meter.look(now + WINDOW);
        assert_eq!((meter.busy(), meter.average(), meter.busiest()), (None, None, None));
        assert_eq!((meter.busiest_second(), meter.last_second(), meter.spent_now()), (None, None, None));
        assert_eq!(meter.total(), WINDOW);
    }

    #[test]
    fn the_length_of_a_turn_excludes_the_wait_before_it() {
        let ms = Duration::from_millis;
        let begin = Instant::now();
        let mut meter = Meter::without_count(begin);
        assert_eq!(meter.longest_turn(), Duration::ZERO);
        // Each turn begins half a second after the previous one.
        for (number, length) in (1..).zip([3, 20, 7]) {
            let now = begin + number * ms(500);
            meter.turn(now, 2);
            meter.turned(now, now + ms(length));
        }
        assert_eq!(meter.longest_turn(), ms(20));
        assert_eq!((meter.turns(), meter.events()), (3, 6));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_time_of_work_is_busy() {
        let begin = Instant::now();
        let mut meter = Meter::start(begin);
        while begin.elapsed() < Duration::from_millis(50) {
            std::hint::black_box(begin.elapsed());
        }
        // Let an hour pass for the meter.
        meter.look(begin + Duration::from_secs(3600));
        let busy = meter.busy().expect("Linux counts it");
        assert!(busy >= Duration::from_millis(40), "{busy:?}");
        assert!(meter.average().unwrap() < 1.0);
        assert!(meter.busiest().unwrap() >= 4.0, "{:?}", meter.busiest());
        assert!(meter.last_second().unwrap().spent.busy() >= Duration::from_millis(40));
        // The next second has no work.
        meter.look(begin + Duration::from_secs(3601));
        assert!(meter.busiest_second().unwrap().spent.busy() >= Duration::from_millis(40));
        assert!(meter.last_second().unwrap().spent.busy() < Duration::from_millis(40));
    }
}
