//! The `Date` header (RFC 9110 §6.6.1), which is made at most once a second, and only on demand.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// The status line of a 200, and the header. Most responses begin with both.
#[derive(Debug)]
pub(crate) struct DateLine([u8; 52]);

const EPOCH: DateLine = DateLine(*b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT");

/// Where the header begins, including the end of the line before it, and where the date itself is.
const HEADER: usize = 15;
const DATE: std::ops::Range<usize> = HEADER + 8..HEADER + 37;

impl DateLine {
    /// Returns the header alone, with the end of the line before it.
    pub(crate) fn header(&self) -> &[u8; 37] {
        self.0.last_chunk().expect("it is shorter than the whole")
    }

    /// Returns the status line of a 200, and the header.
    pub(crate) fn behind_ok(&self) -> &[u8; 52] {
        &self.0
    }
}

/// The header's line, and until when it holds.
#[derive(Debug)]
pub(crate) struct Date {
    wall_clock: fn() -> SystemTime,
    line: DateLine,
    /// In nanoseconds of the server's own clock. It is 0 before the first use.
    valid_until: u64,
}

impl Date {
    pub(crate) fn new(wall_clock: fn() -> SystemTime) -> Self {
        Date { wall_clock, line: EPOCH, valid_until: 0 }
    }

    /// Returns the header at `now`, in nanoseconds of the server's own clock.
    pub(crate) fn line(&mut self, now: u64) -> &DateLine {
        if now >= self.valid_until {
            self.refresh(now);
        }
        &self.line
    }

    /// Writes the line anew. It holds until the current second of the wall clock ends.
    fn refresh(&mut self, now: u64) {
        // The format has a year of four digits. A clock outside that range is broken.
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        let since_epoch = (self.wall_clock)().duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
        let date = HttpDate::from(UNIX_EPOCH + since_epoch);
        let mut text = &mut self.line.0[DATE];
        // The date always has this length, so the write does not fail.
        let _ = write!(text, "{date}");
        let rest_of_second = Duration::from_secs(1).as_nanos() as u64 - u64::from(since_epoch.subsec_nanos());
        self.valid_until = now.saturating_add(rest_of_second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn the_wall_clock_is_read_once_a_second_and_only_on_demand() {
        static READS: AtomicU32 = AtomicU32::new(0);
        fn clock() -> SystemTime {
            let reads = READS.fetch_add(1, Ordering::Relaxed);
            // 0.75 s into a second, then the next second.
            UNIX_EPOCH + Duration::from_millis(784_111_777_750 + 250 * u64::from(reads))
        }
        let mut date = Date::new(clock);
        assert_eq!(READS.load(Ordering::Relaxed), 0);
        assert_eq!(&date.line(5).0[DATE], b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&date.line(249_999_999).0[DATE], b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(READS.load(Ordering::Relaxed), 1);
        assert_eq!(&date.line(250_000_005).0[DATE], b"Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(READS.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_clock_out_of_range_does_not_panic() {
        let mut early = Date::new(|| UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(&early.line(1).0[DATE], b"Thu, 01 Jan 1970 00:00:00 GMT");
        let mut late = Date::new(|| UNIX_EPOCH + Duration::from_secs(400_000_000_000));
        assert_eq!(&late.line(1).0[DATE], b"Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
