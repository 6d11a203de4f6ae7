//! Signals as events of the loop, and their meaning. Elsewhere than on Unix there are none, and the system
//! ends the program in its own way.
//!
//! SIGTERM and SIGINT ask the server to end. SIGHUP does the same if the program has a terminal, because it says
//! that the terminal was closed. Other programs read their configuration again at SIGHUP, open their log
//! again at SIGUSR1 (nginx) or end (HAProxy), and start a successor at SIGUSR2. This program does none of
//! that. If it did not handle these signals they would end it and cut its responses, so it ignores them.
//!
//! The event only wakes the loop. A flag says whether a signal has come, because the kernel may have refused
//! the handler's write into the pipe of the event.

use std::time::{Duration, Instant};

/// What a signal means to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    End,
    /// Something that this program does not do. It has the signal's name.
    Ignored(&'static str),
}

/// What a signal to end means at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Drain,
    /// It belongs to the signal before it.
    Repeated,
    Abort,
}

/// Counts the signals to end. A supervisor may send SIGTERM in the moment in which a terminal sends SIGINT:
/// they are one request to end, sent twice.
#[derive(Debug, Default)]
pub struct Shutdown {
    first: Option<Instant>,
}

impl Shutdown {
    const MOMENT: Duration = Duration::from_millis(100);

    pub fn ask(&mut self, now: Instant) -> Step {
        match self.first {
            None => {
                self.first = Some(now);
                Step::Drain
            }
            Some(first) if now.saturating_duration_since(first) < Self::MOMENT => Step::Repeated,
            Some(_) => Step::Abort,
        }
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

        /// Whether any has come since they were taken. It costs no system call.
        pub fn have_come(&self) -> bool {
            self.have_come.load(Ordering::Relaxed)
        }

        /// Those that have come since the last time; two of the same kind may count as one.
        pub fn take(&mut self) -> impl Iterator<Item = Meaning> + use<> {
            self.have_come.store(false, Ordering::Relaxed);
            let hangup_ends = self.hangup_ends;
            self.pending.pending().map(move |signal| match signal {
                SIGHUP if !hangup_ends => Meaning::Ignored("SIGHUP"),
                SIGUSR1 => Meaning::Ignored("SIGUSR1"),
                SIGUSR2 => Meaning::Ignored("SIGUSR2"),
                _ => Meaning::End,
            })
        }
    }

    fn has_terminal() -> bool {
        io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
    }

    /// Whether the parent has the program ignore a signal, such as `trap '' HUP` of a shell. Only Linux says it.
    fn is_ignored(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }

    /// A program inherits the mask of signals from its parent, which may have blocked these. One that is
    /// pending arrives now.
    fn unblock() -> io::Result<()> {
        let set: Result<SigSet, _> = SIGNALS.into_iter().map(Signal::try_from).collect();
        Ok(set?.thread_unblock()?)
    }

    /// Starts threads that get no signals. The loop relies on that: what a handler does is done before the loop
    /// goes on, because it runs in the thread of the loop.
    pub fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let started = start();
        mask.thread_set_mask()?;
        started
    }

    /// Two signals that a write of output can cause. SIGTTOU stops a program in the background of a terminal
    /// with `stty tostop`, and SIGXFSZ ends one whose log has reached the limit of file sizes. While they
    /// are blocked, the first write succeeds and the second returns an error. Threads inherit the mask.
    pub fn keep_output_from_ending_us() {
        // It fails for no valid set.
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
    fn two_signals_in_one_moment_are_one_and_a_later_one_ends_at_once() {
        let (mut shutdown, begin) = (Shutdown::default(), Instant::now());
        let ms = Duration::from_millis;
        assert_eq!(shutdown.ask(begin), Step::Drain);
        assert_eq!(shutdown.ask(begin), Step::Repeated);
        assert_eq!(shutdown.ask(begin + ms(99)), Step::Repeated);
        assert_eq!(shutdown.ask(begin + ms(100)), Step::Abort);
    }

    #[test]
    fn the_moment_begins_with_the_first_signal() {
        let (mut shutdown, begin) = (Shutdown::default(), Instant::now());
        shutdown.ask(begin);
        shutdown.ask(begin + Duration::from_millis(90));
        assert_eq!(shutdown.ask(begin + Duration::from_millis(110)), Step::Abort);
    }
}
