//! When the program accepts: at a rate, with pauses, or not at all.
//!
//! A pause leaves clients in the accept queue of the kernel. It goes on completing handshakes as long as the queue has
//! space. So a client notices nothing of a server that only stops to accept, except that its response is late.
//!
//! If accepting is *off*, a client's connect times out. A filter on each listener drops every segment that the kernel
//! would give to the listener, so no SYN is answered. Clients that are already in the queue stay there, and connections
//! that were accepted have no filter. When accepting is on again, the next SYN that a client repeats is answered.
//!
//! (A full queue has the same effect: the kernel drops SYNs. But it takes a `listen(0)`, a connection of our own in each
//! queue, and the knowledge that it is there. Between the two, a client may get in.)

use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use fourway::{Listener, ListenerId, Server};

use super::options::AcceptOptions;

/// The rules for when the server accepts.
pub struct Accepting {
    is_on: bool,
    pace: Pace,
    /// The end of a pause.
    until: Option<Instant>,
}

impl Accepting {
    pub fn new(options: &AcceptOptions, now: Instant) -> Self {
        Accepting { is_on: true, pace: Pace::new(options, now), until: None }
    }

    /// Returns how long the loop may wait for events.
    pub fn next_timeout(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now))
    }

    /// Ends a pause whose time is over. Call this once per turn, before the server's work.
    pub fn turn(&mut self, server: &mut Server, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = None;
            server.resume_accepting();
        }
    }

    /// Begins the pause after these accepts. Call this once per turn, after the server's work.
    pub fn turned(&mut self, server: &mut Server, accepted: u32, now: Instant) {
        if accepted > 0 && self.is_on {
            self.until = self.pace.pause_after(accepted, now);
            if self.until.is_some() {
                server.pause_accepting();
            }
        }
    }

    /// Switches accepting off or on. The error says what the kernel goes on doing.
    pub fn switch(&mut self, is_on: bool, server: &mut Server, listeners: &[ListenerId]) -> io::Result<()> {
        (self.is_on, self.until) = (is_on, None);
        if is_on {
            server.resume_accepting();
        } else {
            server.pause_accepting();
        }
        for &id in listeners {
            if let Some(Listener::Tcp(listener)) = server.listener(id) {
                if is_on { answer_syns(listener)? } else { ignore_syns(listener)? }
            }
        }
        Ok(())
    }

    /// Ends all pauses before the drain, which accepts the clients in the queues. An inherited listener stays open, so
    /// it must not keep the filter.
    pub fn end(&mut self, server: &mut Server, listeners: &[ListenerId]) -> io::Result<()> {
        self.pace = Pace::default();
        if self.is_on {
            self.until = None;
            server.resume_accepting();
            return Ok(());
        }
        self.switch(true, server, listeners)
    }
}

/// How fast the server accepts.
#[derive(Debug, Default)]
struct Pace {
    rate: Option<Rate>,
    pause: Option<Duration>,
}

impl Pace {
    fn new(options: &AcceptOptions, now: Instant) -> Self {
        Pace {
            rate: options.accept_rate.map(|per_second| Rate { per_second, due: now }),
            pause: options.accept_pause.map(|time| time.0),
        }
    }

    /// Returns when the next accept may follow, unless that is at once.
    fn pause_after(&mut self, accepted: u32, now: Instant) -> Option<Instant> {
        let by_rate = self.rate.as_mut().map(|rate| rate.next_after(accepted, now));
        // A pause that is too long for the clock has no end.
        let by_pause =
            self.pause.map(|pause| now.checked_add(pause).unwrap_or(now + Duration::from_secs(1 << 31)));
        by_rate.max(by_pause).filter(|&until| until > now)
    }
}

#[derive(Debug)]
struct Rate {
    per_second: NonZeroUsize,
    /// When the next connection is due.
    due: Instant,
}

impl Rate {
    /// How late the loop may be without a loss. It may also accept so much at once after a time without clients.
    const CREDIT: Duration = Duration::from_millis(10);

    fn next_after(&mut self, accepted: u32, now: Instant) -> Instant {
        const SECOND: u64 = 1_000_000_000;
        let spent = (u64::from(accepted) * SECOND).div_ceil(self.per_second.get() as u64);
        let earliest = now.checked_sub(Self::CREDIT).unwrap_or(now);
        self.due = self.due.max(earliest) + Duration::from_nanos(spent);
        self.due
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod filter {
    use std::io;

    use fourway::mio::net::TcpListener;
    use socket2::{SockFilter, SockRef};

    /// BPF_RET | BPF_K with 0: no byte of any segment passes (`linux/filter.h`).
    const NOTHING: SockFilter = SockFilter::new(0x06, 0, 0, 0);

    pub fn ignore_syns(listener: &TcpListener) -> io::Result<()> {
        SockRef::from(listener).attach_filter(&[NOTHING])
    }

    pub fn answer_syns(listener: &TcpListener) -> io::Result<()> {
        match SockRef::from(listener).detach_filter() {
            // It has none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod filter {
    use std::io;

    use fourway::mio::net::TcpListener;

    pub fn ignore_syns(_: &TcpListener) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no filters of sockets"))
    }

    pub fn answer_syns(_: &TcpListener) -> io::Result<()> {
        Ok(())
    }
}

use filter::{answer_syns, ignore_syns};

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    fn rate(per_second: usize, now: Instant) -> Rate {
        Rate { per_second: NonZeroUsize::new(per_second).expect("1 or more"), due: now }
    }

    #[test]
    fn connections_are_due_evenly() {
        let begin = Instant::now();
        let mut rate = rate(100, begin);
        for turn in 0..1000 {
            assert_eq!(rate.next_after(1, begin + ms(10 * turn)), begin + ms(10 * (turn + 1)));
        }
    }

    #[test]
    fn connections_that_are_accepted_together_are_paid_for() {
        let begin = Instant::now();
        let mut rate = rate(1000, begin);
        assert_eq!(rate.next_after(50, begin), begin + ms(50));
        assert_eq!(rate.next_after(1, begin + ms(50)), begin + ms(51));
    }

    #[test]
    fn a_late_loop_catches_up_with_10_ms_and_no_more() {
        let begin = Instant::now();
        let mut rate = rate(1000, begin);
        assert_eq!(rate.next_after(1, begin + ms(4)), begin + ms(1));
        let late = begin + ms(1000);
        assert_eq!(rate.next_after(1, late), late - ms(9));
    }

    #[test]
    fn a_rate_is_never_exceeded_by_rounding() {
        let begin = Instant::now();
        let mut rate = rate(3, begin);
        let mut now = begin;
        for _ in 0..3 {
            now = rate.next_after(1, now);
        }
        assert!(now >= begin + ms(1000), "{:?}", now - begin);
    }

    #[test]
    fn the_longer_of_two_pauses_counts() {
        let now = Instant::now();
        let mut pace = Pace { rate: Some(rate(100, now)), pause: Some(ms(7)) };
        assert_eq!(pace.pause_after(1, now), Some(now + ms(10)));
        assert_eq!(pace.pause_after(1, now + ms(20)), Some(now + ms(27)));
        assert_eq!(Pace::default().pause_after(1, now), None);
    }
}
