//! Output that never blocks the loop.
//!
//! A pipe that nobody reads, a stopped terminal and a slow disk block the thread that writes to them. So
//! the loop does not write. It copies each record into a ring of fixed size, and a second thread writes the
//! bytes. If the ring is full, the output drops and counts records until the ring is empty again. The thread
//! then writes the count at the place where the records are missing.
//!
//! The first record starts the thread. A server that logs nothing does not start it, because a second thread
//! makes system calls dearer: the C library then spends 4 % more instructions on a keep-alive request.

mod sink;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::signals::without_signals;
pub use sink::{Sink, stderr, stdout};
use writer::Writer;

/// The size of the ring: about 2,500 lines. Its memory becomes resident when it is first used.
const CAPACITY: usize = 256 * 1024;

/// The number of bytes that the writer takes at a time. A pipe takes a page at once, so even a slow reader
/// makes progress.
const CHUNK: usize = 4096;

/// The longest time that [`Output::flush`] waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// While the reader takes nothing.
    pub without_progress: Duration,
    /// In total.
    pub in_all: Duration,
}

/// One stream of output. Clones write to the same stream.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes the thread that waits in `flush`.
    progress: Condvar,
}

struct State {
    ring: VecDeque<u8>,
    /// The stream. The writer takes it when it starts.
    sink: Option<Box<dyn Sink>>,
    has_writer: bool,
    /// Everything is written: the writer sleeps, or has not started.
    is_idle: bool,
    /// The ring was full and is not empty yet, so records are dropped.
    is_full: bool,
    dropped: u64,
    /// The number of chunks that the writer has taken.
    chunks: u64,
    /// The length of the line that is on the screen, and goes away with the next record.
    shown: usize,
}

impl Output {
    /// Reserves the ring.
    pub fn to(sink: impl Sink) -> Self {
        Output(Arc::new(Shared {
            state: Mutex::new(State {
                ring: VecDeque::with_capacity(CAPACITY),
                sink: Some(Box::new(sink)),
                has_writer: false,
                is_idle: true,
                is_full: false,
                dropped: 0,
                chunks: 0,
                shown: 0,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        }))
    }

    /// Adds a record, or drops the whole record. A record ends with a line break. This function never waits
    /// for the reader, and allocates only if it starts the writer.
    pub fn push(&self, record: &[u8]) {
        let mut state = self.0.lock();
        if !state.has_writer {
            state.has_writer = self.start_writer().is_ok();
        }
        state.is_full |= !state.has_writer || state.ring.len() + record.len() > CAPACITY;
        if state.is_full {
            state.dropped += 1;
        } else {
            let shown = std::mem::take(&mut state.shown);
            state.ring.extend(erasing(shown, b"").chain(record.iter().copied()));
        }
        // To wake a thread costs a system call, so this wakes a sleeping writer only.
        if state.has_writer && std::mem::take(&mut state.is_idle) {
            drop(state);
            self.0.work.notify_one();
        }
    }

    /// Writes a record in this thread if the writer has not started and the stream does not block. Otherwise
    /// hands it to the writer.
    pub fn write_now(&self, record: &[u8]) {
        let mut state = self.0.lock();
        if state.shown > 0 && !state.has_writer {
            drop(state);
            self.show("");
            state = self.0.lock();
        }
        let may_write = !state.has_writer && record.len() <= CHUNK;
        let written = match state.sink.as_mut().filter(|sink| may_write && sink.is_ready()) {
            None => 0,
            Some(sink) => match sink.write(record) {
                Ok(written) => written,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => 0,
                // Nothing can report this error.
                Err(_) => record.len(),
            },
        };
        drop(state);
        if written < record.len() {
            self.push(&record[written..]);
        }
    }

    /// Shows a line in place of the one that was shown last. The next record takes its place too. This function never
    /// waits, and does not start the writer. If the stream is not ready or records wait, it shows nothing.
    pub fn show(&self, line: &str) {
        let mut state = self.0.lock();
        let bytes = erasing(state.shown, line.as_bytes());
        if state.has_writer {
            if state.is_idle {
                state.ring.extend(bytes);
                (state.shown, state.is_idle) = (line.len(), false);
                drop(state);
                self.0.work.notify_one();
            }
            return;
        }
        let bytes: Vec<u8> = bytes.collect();
        if let Some(sink) = state.sink.as_mut().filter(|sink| bytes.len() <= CHUNK && sink.is_ready()) {
            // An error means that nobody sees the line.
            let _ = sink.write(&bytes);
            state.shown = line.len();
        }
    }

    fn start_writer(&self) -> io::Result<()> {
        const STACK: usize = 128 * 1024;
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name("output".into()).stack_size(STACK);
        without_signals(|| {
            thread.spawn(move || {
                let Some(sink) = shared.lock().sink.take() else { return };
                let mut writer = Writer::new(sink, CHUNK);
                loop {
                    let dropped = shared.take(writer.chunk());
                    writer.write(dropped);
                }
            })
        })?;
        Ok(())
    }

    /// Waits until all records are written. Returns `false` if the reader does not take them in time, or as
    /// soon as `is_over` returns `true`. `is_over` must not write to this output.
    pub fn flush(&self, patience: Patience, mut is_over: impl FnMut() -> bool) -> bool {
        // A signal does not wake this thread, so it looks at `is_over` at this interval.
        const INTERVAL: Duration = Duration::from_millis(10);
        let begin = Instant::now();
        let mut latest = begin;
        let mut state = self.0.lock();
        let mut chunks = state.chunks;
        while !state.is_idle {
            let now = Instant::now();
            if state.chunks != chunks {
                (chunks, latest) = (state.chunks, now);
            }
            let is_late = now - begin >= patience.in_all || now - latest >= patience.without_progress;
            if is_late || is_over() {
                return false;
            }
            let waited = self.0.progress.wait_timeout(state, INTERVAL);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

/// Returns the bytes that write a line over another of this length. An empty line leaves nothing of it.
fn erasing(shown: usize, line: &[u8]) -> impl Iterator<Item = u8> + use<'_> {
    let to_start = || (shown > 0).then_some(b'\r').into_iter();
    let rest = std::iter::repeat_n(b' ', shown.saturating_sub(line.len()));
    let back = if line.is_empty() { shown } else { 0 };
    to_start().chain(line.iter().copied()).chain(rest).chain((back > 0).then_some(b'\r'))
}

/// For the logger, which writes each line in one call.
impl Write for Output {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.push(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for bytes and moves them into `chunk`. If that empties the ring, the ring takes records again, and
    /// this returns the number of records that were dropped after these bytes.
    fn take(&self, chunk: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        while state.ring.is_empty() && state.dropped == 0 {
            state.is_idle = true;
            self.progress.notify_all();
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_idle = false;
        state.chunks += 1;
        self.progress.notify_all();
        let len = state.ring.len().min(CHUNK);
        chunk.clear();
        chunk.extend(state.ring.drain(..len));
        if !state.ring.is_empty() {
            return 0;
        }
        state.is_full = false;
        std::mem::take(&mut state.dropped)
    }
}
