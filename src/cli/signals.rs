//! SIGTERM and SIGINT as events of the loop. Elsewhere than on Unix there are none, and the system
//! ends the program its own way.
//!
//! The event only wakes the loop. Whether a signal has come says a flag, also where the kernel has not let
//! its handler write into the pipe that the event is of.

use std::io;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

use fourway::mio::{Registry, Token};

/// Two signals that a write of output can cause. SIGTTOU stops a program in the background of a terminal
/// with `stty tostop`, and SIGXFSZ ends one whose log has reached the limit of file sizes. While they are
/// blocked, the first write succeeds and the second returns an error. Threads inherit the mask.
#[cfg(unix)]
pub fn keep_output_from_ending_us() {
    use nix::sys::signal::{SigSet, Signal};
    // It fails for no valid set.
    let _ = SigSet::from_iter([Signal::SIGTTOU, Signal::SIGXFSZ]).thread_block();
}

#[cfg(not(unix))]
pub fn keep_output_from_ending_us() {}

/// Starts threads that get no signals. The loop relies on that: what a handler does is done before the loop
/// goes on, because it runs in the thread of the loop.
#[cfg(unix)]
pub fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    use nix::sys::signal::{SigSet, SigmaskHow};
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let started = start();
    mask.thread_set_mask()?;
    started
}

#[cfg(not(unix))]
pub fn without_signals<T>(start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    start()
}

#[cfg(unix)]
pub struct Signals {
    pending: signal_hook_mio::v1_0::Signals,
    have_come: Arc<AtomicBool>,
}

#[cfg(unix)]
impl Signals {
    pub fn register(registry: &Registry, token: Token) -> io::Result<Self> {
        use fourway::mio::Interest;
        use signal_hook::consts::{SIGINT, SIGTERM};

        const SIGNALS: [i32; 2] = [SIGTERM, SIGINT];
        let mut pending = signal_hook_mio::v1_0::Signals::new(SIGNALS)?;
        registry.register(&mut pending, token, Interest::READABLE)?;
        let have_come = Arc::default();
        for signal in SIGNALS {
            signal_hook::flag::register(signal, Arc::clone(&have_come))?;
        }
        unblock(SIGNALS)?;
        Ok(Signals { pending, have_come })
    }

    /// Whether any has come since they were taken. It costs no system call.
    pub fn have_come(&self) -> bool {
        self.have_come.load(Ordering::Relaxed)
    }

    /// How many have come since the last time; two of the same kind may count as one.
    pub fn take(&mut self) -> usize {
        self.have_come.store(false, Ordering::Relaxed);
        self.pending.pending().count()
    }
}

/// A program inherits the mask of signals from its parent, which may have blocked these. One that is pending
/// arrives now.
#[cfg(unix)]
fn unblock(signals: impl IntoIterator<Item = i32>) -> io::Result<()> {
    use nix::sys::signal::{SigSet, Signal};
    let set: Result<SigSet, _> = signals.into_iter().map(Signal::try_from).collect();
    Ok(set?.thread_unblock()?)
}

#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn register(_: &Registry, _: Token) -> io::Result<Self> {
        Ok(Signals)
    }

    pub fn have_come(&self) -> bool {
        false
    }

    pub fn take(&mut self) -> usize {
        0
    }
}
