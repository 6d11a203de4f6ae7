//! The busy time of the server, which shows whether it was the bottleneck of a load test.

use std::time::{Duration, Instant};

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
    kernel: Option<Kernel>,
    /// The kernel's count when the server started.
    busy_at_start: Duration,
    /// The kernel's count when the current window began.
    busy_before_window: Duration,
    window_end: Instant,
    /// The busy time of the busiest window.
    busiest: Duration,
    longest_turn: Duration,
}

/// The minimum time between two reads of the kernel's count. Each read is a system call.
const WINDOW: Duration = Duration::from_secs(1);

impl Meter {
    pub fn start(now: Instant) -> Self {
        Self::over(Kernel::open(), now)
    }

    fn over(kernel: Option<Kernel>, now: Instant) -> Self {
        let busy = kernel.as_ref().and_then(Kernel::busy).unwrap_or_default();
        Meter {
            start: now,
            latest: now,
            kernel,
            busy_at_start: busy,
            busy_before_window: busy,
            window_end: now + WINDOW,
            busiest: Duration::ZERO,
            longest_turn: Duration::ZERO,
        }
    }

    /// Begins a turn. Call this once per turn, before its work.
    pub fn turn(&mut self, now: Instant) {
        if now >= self.window_end {
            self.look(now);
        }
    }

    /// Ends a turn. Call this after its work.
    pub fn turned(&mut self, began: Instant, now: Instant) {
        self.longest_turn = self.longest_turn.max(now - began);
    }

    /// Ends a window, and begins the next. A window may be long, but all its turns began in its first second,
    /// except the current one. So its busy time belongs to that second.
    pub fn look(&mut self, now: Instant) {
        self.latest = now;
        self.window_end = now + WINDOW;
        if let Some(busy) = self.kernel.as_ref().and_then(Kernel::busy) {
            let in_window = busy.saturating_sub(self.busy_before_window).min(WINDOW);
            self.busiest = self.busiest.max(in_window);
            self.busy_before_window = busy;
        }
    }

    /// Returns the time from the start to the last [`look`](Self::look).
    pub fn total(&self) -> Duration {
        self.latest - self.start
    }

    pub fn longest_turn(&self) -> Duration {
        self.longest_turn
    }

    /// Returns the busy time, or `None` if the kernel does not count it.
    pub fn busy(&self) -> Option<Duration> {
        self.kernel.as_ref()?;
        Some(self.busy_before_window.saturating_sub(self.busy_at_start).min(self.total()))
    }

    /// Returns the busy part of the total time, in percent.
    pub fn average(&self) -> Option<f64> {
        Some(percent(self.busy()?, self.total()))
    }

    /// Returns the busy part of the busiest second, in percent.
    pub fn busiest(&self) -> Option<f64> {
        Some(percent(self.busiest, WINDOW).max(self.average()?))
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::time::Duration;

    /// The scheduler's count for this thread, `/proc/thread-self/schedstat` of Linux. It has the nanoseconds on
    /// a processor, and the nanoseconds of waiting for one.
    #[derive(Debug)]
    pub struct Kernel(File);

    impl Kernel {
        pub fn open() -> Option<Self> {
            let kernel = Kernel(File::open("/proc/thread-self/schedstat").ok()?);
            kernel.busy().map(|_| kernel)
        }

        pub fn busy(&self) -> Option<Duration> {
            let mut text = [0; 64];
            let len = self.0.read_at(&mut text, 0).ok()?;
            busy_of(std::str::from_utf8(&text[..len]).ok()?)
        }
    }

    fn busy_of(schedstat: &str) -> Option<Duration> {
        let mut fields = schedstat.split_ascii_whitespace();
        let mut next = || fields.next()?.parse().ok();
        let (on_processor, waiting): (u64, u64) = (next()?, next()?);
        Some(Duration::from_nanos(on_processor.saturating_add(waiting)))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn busy_time_is_time_on_a_processor_and_time_waiting_for_one() {
            assert_eq!(busy_of("1500 500 7\n"), Some(Duration::from_nanos(2000)));
            assert_eq!(busy_of("1500\n"), None);
            assert_eq!(busy_of(""), None);
        }
    }
}

#[cfg(unix)]
use unix::Kernel;

/// Other systems have no such count.
#[cfg(not(unix))]
#[derive(Debug)]
enum Kernel {}

#[cfg(not(unix))]
impl Kernel {
    fn open() -> Option<Self> {
        None
    }

    fn busy(&self) -> Option<Duration> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_kernels_count_busy_time_is_unknown() {
        let now = Instant::now();
        let mut meter = Meter::over(None, now);
        meter.look(now + WINDOW);
        assert_eq!((meter.busy(), meter.average(), meter.busiest()), (None, None, None));
        assert_eq!(meter.total(), WINDOW);
    }

    #[test]
    fn the_length_of_a_turn_excludes_the_wait_before_it() {
        let ms = Duration::from_millis;
        let begin = Instant::now();
        let mut meter = Meter::over(None, begin);
        assert_eq!(meter.longest_turn(), Duration::ZERO);
        // Each turn begins half a second after the previous one.
        for (number, length) in (1..).zip([3, 20, 7]) {
            let now = begin + number * ms(500);
            meter.turn(now);
            meter.turned(now, now + ms(length));
        }
        assert_eq!(meter.longest_turn(), ms(20));
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
    }
}
