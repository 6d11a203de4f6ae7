//! The file of a trace, which a thread of its own writes. A slow disk, or a pipe that nobody reads, never blocks the loop.
//!
//! The loop adds lines to a buffer of bounded size, and the thread takes all of it at once. If the buffer is full, the
//! loop drops lines.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::signals::without_signals;

/// The most bytes that wait for the thread: about 8,000 lines. There are two such buffers.
const CAPACITY: usize = 1 << 20;

/// Space for the last two lines, which are never dropped.
const RESERVE: usize = 1024;

/// The longest time to wait for the thread at the end, while it writes nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same in all.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(5);

/// The end of the loop. Clones belong to the same file.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
    /// Wakes [`Lines::end`].
    progress: Condvar,
}

#[derive(Default)]
struct State {
    waiting: String,
    is_idle: bool,
    /// How many writes there were.
    writes: u64,
    error: Option<io::Error>,
    /// The last lines were added.
    has_ended: bool,
}

/// Opens the file, and empties it. A pipe has to have a reader already, because a wait for one would have no end.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    }
    options.open(path).map_err(|error| match error.raw_os_error() {
        #[cfg(unix)]
        Some(number) if number == nix::errno::Errno::ENXIO as i32 => {
            io::Error::other("it is a pipe that nobody reads")
        }
        _ => error,
    })
}

impl Lines {
    /// Starts the thread that writes to `sink`.
    pub fn start(sink: impl Write + Send + 'static) -> io::Result<Self> {
        const STACK: usize = 128 * 1024;
        let waiting = String::with_capacity(CAPACITY + RESERVE);
        let state = State { waiting, ..State::default() };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), work: Condvar::new(), progress: Condvar::new() });
        let lines = Lines(shared.clone());
        let thread = thread::Builder::new().name("trace".into()).stack_size(STACK);
        without_signals(|| thread.spawn(move || shared.write_to(sink)))?;
        Ok(lines)
    }

    /// Adds lines, or drops all of them. Returns whether it has added them. It never waits.
    pub fn push(&self, lines: &str) -> bool {
        self.push_within(lines, CAPACITY)
    }

    fn push_within(&self, lines: &str, capacity: usize) -> bool {
        let mut state = self.0.lock();
        if state.error.is_some() || state.has_ended || state.waiting.len() + lines.len() > capacity {
            return false;
        }
        state.waiting.push_str(lines);
        // To wake a thread costs a system call.
        if std::mem::take(&mut state.is_idle) {
            drop(state);
            self.0.work.notify_one();
        }
        true
    }

    /// Adds the last lines, and waits until everything is written. The error says why it is not. No more can be added.
    pub fn end(&self, lines: &str) -> io::Result<()> {
        self.push_within(lines, CAPACITY + RESERVE);
        let begin = Instant::now();
        let mut latest = begin;
        let mut state = self.0.lock();
        state.has_ended = true;
        let mut writes = state.writes;
        while !state.is_idle && state.error.is_none() {
            let now = Instant::now();
            if state.writes != writes {
                (writes, latest) = (state.writes, now);
            }
            if now - latest >= PATIENCE || now - begin >= PATIENCE_IN_ALL {
                return Err(io::Error::new(ErrorKind::TimedOut, "it is not read fast enough"));
            }
            let waited = self.0.progress.wait_timeout(state, PATIENCE / 10);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match state.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes everything that the loop adds, until a write fails.
    fn write_to(&self, mut sink: impl Write) {
        let mut taken = String::with_capacity(CAPACITY + RESERVE);
        loop {
            taken.clear();
            self.take(&mut taken);
            for part in taken.as_bytes().chunks(64 * 1024) {
                let written = write_all(&mut sink, part);
                let mut state = self.lock();
                state.writes += 1;
                let has_failed = written.is_err();
                state.error = written.err();
                drop(state);
                self.progress.notify_all();
                if has_failed {
                    return;
                }
            }
        }
    }

    /// Waits for lines, and exchanges the buffers.
    fn take(&self, taken: &mut String) {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            state.is_idle = true;
            self.progress.notify_all();
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_idle = false;
        std::mem::swap(&mut state.waiting, taken);
    }
}

/// Writes all bytes. A pipe that is full takes more later.
fn write_all(sink: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    const RETRY: Duration = Duration::from_millis(10);
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A file that takes bytes only after a permit.
    struct Slow {
        permits: Receiver<()>,
        written: Sender<String>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.permits.recv().map_err(|_| ErrorKind::BrokenPipe)?;
            let _ = self.written.send(String::from_utf8(bytes.to_vec()).expect("UTF-8"));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Lines, Sender<()>, Receiver<String>) {
        let (permit, permits) = channel();
        let (written, text) = channel();
        (Lines::start(Slow { permits, written }).expect("a thread"), permit, text)
    }

    #[test]
    fn lines_that_do_not_fit_are_dropped_and_later_ones_are_not() {
        let (lines, permit, text) = slow();
        let half = "x".repeat(CAPACITY / 2);
        // The thread takes the first line, and waits for its permit.
        assert!(lines.push("first\n"));
        while !lines.0.lock().waiting.is_empty() {
            thread::yield_now();
        }
        assert!(lines.push(&half) && lines.push(&half));
        assert!(!lines.push("lost\n"));
        permit.send(()).expect("the thread waits");
        assert_eq!(text.recv().expect("the first line"), "first\n");
        // Only when the thread has taken the buffer, there is space again.
        while !lines.push("later\n") {
            thread::yield_now();
        }
        drop(permit);
        assert!(lines.end("end\n").is_err(), "the thread has met an error");
        assert!(!lines.push("after\n"));
    }

    #[test]
    fn the_end_waits_until_everything_is_written() {
        let (lines, permit, text) = slow();
        for _ in 0..2 {
            permit.send(()).expect("the thread waits");
        }
        assert!(lines.push("one\n"));
        lines.end("end\n").expect("it is written");
        let all: String = text.try_iter().collect();
        assert_eq!(all, "one\nend\n");
    }
}
