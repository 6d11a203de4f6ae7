//! Busy and idle: whether the server was what a load test measured.

use std::fs::File;
use std::time::{Duration, Instant};

/// Adds up the time that the server worked or waited for a processor, as the kernel counts it.
///
/// Over an hour in which the load took a minute, an average shows nothing. So the busiest second
/// is kept as well: near 100 % the server was the bottleneck.
///
/// And a server that is hardly busy may still let one client wait while it does much for others in
/// one turn of its loop. So the longest turn is kept too, by the clock on the wall: whatever else
/// had the processor meanwhile is in it, as it is in what the client waits.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    latest: Instant,
    kernel: Option<Kernel>,
    /// What the kernel had counted when the server started, and when the present window began.
    busy_at_start: Duration,
    busy_before_window: Duration,
    window_end: Instant,
    /// The busy time of the busiest window.
    busiest: Duration,
    longest_turn: Duration,
}

/// The least time between two looks at the kernel's clock: looking costs a system call.
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

    /// Once per turn of the loop, before its work.
    pub fn turn(&mut self, now: Instant) {
        if now >= self.window_end {
            self.look(now);
        }
    }

    /// After a turn's work.
    pub fn turned(&mut self, began: Instant, now: Instant) {
        self.longest_turn = self.longest_turn.max(now - began);
    }

    /// Ends a window. All its turns but the present one began in its first second, however long it
    /// has been quiet since; so what it was busy, it was in that second.
    pub fn look(&mut self, now: Instant) {
        self.latest = now;
        self.window_end = now + WINDOW;
        if let Some(busy) = self.kernel.as_ref().and_then(Kernel::busy) {
            let in_window = busy.saturating_sub(self.busy_before_window).min(WINDOW);
            self.busiest = self.busiest.max(in_window);
            self.busy_before_window = busy;
        }
    }

    /// From the start to the last [`look`](Self::look).
    pub fn total(&self) -> Duration {
        self.latest - self.start
    }

    pub fn longest_turn(&self) -> Duration {
        self.longest_turn
    }

    /// `None` where the kernel does not say.
    pub fn busy(&self) -> Option<Duration> {
        self.kernel.as_ref()?;
        Some(self.busy_before_window.saturating_sub(self.busy_at_start).min(self.total()))
    }

    /// Of all the time, in percent.
    pub fn average(&self) -> Option<f64> {
        Some(percent(self.busy()?, self.total()))
    }

    /// Of the busiest second, in percent.
    pub fn busiest(&self) -> Option<f64> {
        Some(percent(self.busiest, WINDOW).max(self.average()?))
    }
}

fn percent(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { 100.0 * part.as_secs_f64() / whole.as_secs_f64() }
}

/// The scheduler's account of this thread: `/proc/thread-self/schedstat` of Linux, nanoseconds on
/// a processor and nanoseconds waiting for one.
#[derive(Debug)]
struct Kernel(File);

impl Kernel {
    fn open() -> Option<Self> {
        let kernel = Kernel(File::open("/proc/thread-self/schedstat").ok()?);
        kernel.busy().map(|_| kernel)
    }

    #[cfg(unix)]
    fn busy(&self) -> Option<Duration> {
        use std::os::unix::fs::FileExt;
        let mut text = [0; 64];
        let len = self.0.read_at(&mut text, 0).ok()?;
        busy_of(std::str::from_utf8(&text[..len]).ok()?)
    }

    #[cfg(not(unix))]
    fn busy(&self) -> Option<Duration> {
        None
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
    fn time_on_a_processor_and_time_waiting_for_one_are_busy() {
        assert_eq!(busy_of("1500 500 7\n"), Some(Duration::from_nanos(2000)));
        assert_eq!(busy_of("1500\n"), None);
        assert_eq!(busy_of(""), None);
    }

    #[test]
    fn without_the_kernels_account_nothing_is_claimed() {
        let now = Instant::now();
        let mut meter = Meter::over(None, now);
        meter.look(now + WINDOW);
        assert_eq!((meter.busy(), meter.average(), meter.busiest()), (None, None, None));
        assert_eq!(meter.total(), WINDOW);
    }

    #[test]
    fn a_turn_is_as_long_as_its_work_and_not_as_the_wait_before_it() {
        let ms = Duration::from_millis;
        let begin = Instant::now();
        let mut meter = Meter::over(None, begin);
        assert_eq!(meter.longest_turn(), Duration::ZERO);
        // Each begins half a second after the one before.
        for (number, length) in (1..).zip([3, 20, 7]) {
            let now = begin + number * ms(500);
            meter.turn(now);
            meter.turned(now, now + ms(length));
        }
        assert_eq!(meter.longest_turn(), ms(20));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_busy_and_the_time_after_it_is_not() {
        let begin = Instant::now();
        let mut meter = Meter::start(begin);
        while begin.elapsed() < Duration::from_millis(50) {
            std::hint::black_box(begin.elapsed());
        }
        // An hour later, as far as the meter can tell.
        meter.look(begin + Duration::from_secs(3600));
        let busy = meter.busy().expect("Linux keeps the account");
        assert!(busy >= Duration::from_millis(40), "{busy:?}");
        assert!(meter.average().unwrap() < 1.0);
        assert!(meter.busiest().unwrap() >= 4.0, "{:?}", meter.busiest());
    }
}
