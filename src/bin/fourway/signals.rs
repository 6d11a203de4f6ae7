//! Signals as events of the loop, and their meaning. Only Unix has them. On other systems, the system ends the
//! program.
//!
//! SIGTERM and SIGINT end the server. SIGHUP does the same if the program has a terminal, because it then means
//! that the terminal was closed.
//!
//! SIGUSR1 switches accepting off, and SIGUSR2 on.
//!
//! Other programs reload their configuration at SIGHUP. This program has none, so it ignores the signal. By default
//! it would end the program and cut its responses.
//!
//! The event only wakes the loop. A flag shows whether a signal has arrived, because the kernel may refuse the
//! handler's write into the event's pipe.

use std::time::{Duration, Instant};

/// The meaning of a signal to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has signals"))]
pub enum Meaning {
    End,
    /// To switch accepting on, or off.
    Accept(bool),
    /// A request for something that this program does not do. Holds the signal's name.
    Ignored(&'static str),
}

/// The effect of a signal to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Drain,
    /// None: it belongs to the first signal.
    Repeated,
    Abort,
}

/// Counts the signals to end. A supervisor may send SIGTERM at the moment at which a terminal sends SIGINT. They
/// count as one signal.
#[derive(Debug, Default)]
pub struct Shutdown {
    first: Option<Instant>,
    is_aborted: bool,
}

impl Shutdown {
    const MOMENT: Duration = Duration::from_millis(100);

    /// Counts a signal, and returns its effect.
    pub fn count(&mut self, now: Instant) -> Step {
        match self.first {
            None => {
                self.first = Some(now);
                Step::Drain
            }
            Some(first) if now.saturating_duration_since(first) < Self::MOMENT => Step::Repeated,
            Some(_) => {
                self.is_aborted = true;
                Step::Abort
            }
        }
    }

    /// Returns whether a second signal has come.
    pub fn is_aborted(&self) -> bool {
        self.is_aborted
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use fourway::mio::{Interest, Registry, Token};
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

    use super::Meaning;

    const SIGNALS: [i32; 5] = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2];

    pub struct Signals {
        pending: signal_hook_mio::v1_0::Signals,
        have_come: Arc<AtomicBool>,
        hangup_ends: bool,
    }

    impl Signals {
        pub fn register(registry: &Registry, token: Token) -> io::Result<Self> {
            let hangup_ends = has_terminal() && !is_ignored(SIGHUP);
            let mut pending = signal_hook_mio::v1_0::Signals::new(SIGNALS)?;
            registry.register(&mut pending, token, Interest::READABLE)?;
            let have_come = Arc::default();
            for signal in SIGNALS {
                signal_hook::flag::register(signal, Arc::clone(&have_come))?;
            }
            unblock()?;
            Ok(Signals { pending, have_come, hangup_ends })
        }

        /// Returns whether a signal has come since the last [`take`](Self::take). Makes no system call.
        pub fn have_come(&self) -> bool {
            self.have_come.load(Ordering::Relaxed)
        }

        /// Returns the signals that have come since the last call, in the order of their numbers: SIGUSR2 is the last of
        /// them. Two of the same kind may count as one.
        pub fn take(&mut self) -> impl Iterator<Item = Meaning> + use<> {
            self.have_come.store(false, Ordering::Relaxed);
            let hangup_ends = self.hangup_ends;
            self.pending.pending().map(move |signal| match signal {
                SIGHUP if !hangup_ends => Meaning::Ignored("SIGHUP"),
                SIGUSR1 => Meaning::Accept(false),
                SIGUSR2 => Meaning::Accept(true),
                _ => Meaning::End,
            })
        }
    }

    fn has_terminal() -> bool {
        io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
    }

    /// Returns whether the parent made the program ignore a signal, as a shell does at `trap '' HUP`. Only Linux
    /// reports it.
    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    /// Unblocks the signals. The parent may have blocked them, and its mask is inherited. A pending signal
    /// arrives now.
    fn unblock() -> io::Result<()> {
        let set: Result<SigSet, _> = SIGNALS.into_iter().map(Signal::try_from).collect();
        Ok(set?.thread_unblock()?)
    }

    /// Starts threads that get no signals. So every handler runs in the thread of the loop, and has finished
    /// before the loop goes on. The loop relies on that.
    pub fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let started = start();
        mask.thread_set_mask()?;
        started
    }

    /// Blocks the two signals that a write of output can cause. Threads inherit the mask.
    ///
    /// SIGTTOU stops a program in the background of a terminal with `stty tostop`. While it is blocked, the write
    /// succeeds. SIGXFSZ ends a program whose log reaches the file size limit. While it is blocked, the write
    /// returns an error.
    pub fn keep_output_from_ending_us() {
        // It cannot fail for a valid set.
        let _ = SigSet::from_iter([Signal::SIGTTOU, Signal::SIGXFSZ]).thread_block();
    }
}

#[cfg(unix)]
pub use unix::{Signals, keep_output_from_ending_us, without_signals};

#[cfg(not(unix))]
mod other {
    use std::io;

    use fourway::mio::{Registry, Token};

    use super::Meaning;

    pub struct Signals;

    impl Signals {
        pub fn register(_: &Registry, _: Token) -> io::Result<Self> {
            Ok(Signals)
        }

        pub fn have_come(&self) -> bool {
            false
        }

        pub fn take(&mut self) -> impl Iterator<Item = Meaning> + use<> {
            std::iter::empty()
        }
    }

    pub fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        start()
    }

    pub fn keep_output_from_ending_us() {}
}

#[cfg(not(unix))]
pub use other::{Signals, keep_output_from_ending_us, without_signals};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_100_ms_count_as_one_and_a_later_one_aborts() {
        let (mut shutdown, begin) = (Shutdown::default(), Instant::now());
        let ms = Duration::from_millis;
        assert_eq!(shutdown.count(begin), Step::Drain);
        assert_eq!(shutdown.count(begin), Step::Repeated);
        assert_eq!(shutdown.count(begin + ms(99)), Step::Repeated);
        assert!(!shutdown.is_aborted());
        assert_eq!(shutdown.count(begin + ms(100)), Step::Abort);
        assert!(shutdown.is_aborted());
    }

    #[test]
    fn the_100_ms_begin_with_the_first_signal() {
        let (mut shutdown, begin) = (Shutdown::default(), Instant::now());
        shutdown.count(begin);
        shutdown.count(begin + Duration::from_millis(90));
        assert_eq!(shutdown.count(begin + Duration::from_millis(110)), Step::Abort);
    }
}
