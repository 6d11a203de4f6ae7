//! What the scheduler has counted for the thread of the loop.

use std::time::Duration;

/// The time that a thread has spent on a processor, and waiting for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub running: Duration,
    /// The thread had work, and another had the processor.
    pub waiting: Duration,
}

impl Spent {
    pub fn busy(self) -> Duration {
        self.running.saturating_add(self.waiting)
    }

    pub fn since(self, before: Spent) -> Spent {
        Spent {
            running: self.running.saturating_sub(before.running),
            waiting: self.waiting.saturating_sub(before.waiting),
        }
    }

    /// Cuts the time to at most this length. The kernel's count may be a few milliseconds old, so a second can
    /// seem to have more.
    pub fn at_most(self, length: Duration) -> Spent {
        let running = self.running.min(length);
        Spent { running, waiting: self.waiting.min(length - running) }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::time::Duration;

    use super::Spent;

    /// The scheduler's count for this thread, `/proc/thread-self/schedstat` of Linux. It has the nanoseconds on
    /// a processor, and the nanoseconds of waiting for one.
    #[derive(Debug)]
    pub struct Thread(File);

    impl Thread {
        pub fn open() -> Option<Self> {
            let thread = Thread(File::open("/proc/thread-self/schedstat").ok()?);
            thread.spent().map(|_| thread)
        }

        pub fn spent(&self) -> Option<Spent> {
            let mut text = [0; 64];
            let len = self.0.read_at(&mut text, 0).ok()?;
            spent_of(std::str::from_utf8(&text[..len]).ok()?)
        }
    }

    fn spent_of(schedstat: &str) -> Option<Spent> {
        let mut fields = schedstat.split_ascii_whitespace();
        let mut next = || Some(Duration::from_nanos(fields.next()?.parse().ok()?));
        Some(Spent { running: next()?, waiting: next()? })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn busy_time_is_time_on_a_processor_and_time_waiting_for_one() {
            let spent = spent_of("1500 500 7\n").unwrap();
            assert_eq!(
                (spent.running, spent.waiting),
                (Duration::from_nanos(1500), Duration::from_nanos(500))
            );
            assert_eq!(spent.busy(), Duration::from_nanos(2000));
            assert_eq!(spent_of("1500\n"), None);
            assert_eq!(spent_of(""), None);
        }
    }
}

#[cfg(unix)]
pub use unix::Thread;

/// Other systems have no such count.
#[cfg(not(unix))]
#[derive(Debug)]
pub enum Thread {}

#[cfg(not(unix))]
impl Thread {
    pub fn open() -> Option<Self> {
        None
    }

    pub fn spent(&self) -> Option<Spent> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_at_most_a_second_of_running_and_waiting() {
        let ms = Duration::from_millis;
        let spent = |running, waiting| Spent { running: ms(running), waiting: ms(waiting) };
        assert_eq!(spent(300, 200).at_most(ms(1000)), spent(300, 200));
        assert_eq!(spent(900, 200).at_most(ms(1000)), spent(900, 100));
        assert_eq!(spent(1004, 0).at_most(ms(1000)), spent(1000, 0));
    }

    #[test]
    fn a_count_that_goes_back_counts_nothing() {
        let spent = |running| Spent { running: Duration::from_nanos(running), waiting: Duration::ZERO };
        assert_eq!(spent(5).since(spent(3)), spent(2));
        assert_eq!(spent(3).since(spent(5)), spent(0));
    }
}
