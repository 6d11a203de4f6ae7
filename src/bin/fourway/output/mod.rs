//! Output that never blocks the loop.
//!
//! A pipe that nobody reads, a stopped terminal and a slow disk block the thread that writes to them. So
//! the loop does not write. It copies each record into a ring of fixed size, and a thread of its own
//! writes the bytes. If the ring is full, records are dropped and counted until the ring is empty again.
//! The count then stands in the output, at the place where the records are missing.
//!
//! The first record starts the thread. A server that logs nothing has none, because the C library takes
//! more instructions for a system call once a process has two threads: 4 % of a keep-alive request.

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

/// The size of the ring: some 2,500 lines. Its memory becomes resident when it is first used.
const CAPACITY: usize = 256 * 1024;

/// How much the writer takes at a time. A pipe takes a page at once, so a slow reader shows as progress.
const CHUNK: usize = 4096;

/// How long [`Output::flush`] waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a reader that takes nothing.
    pub without_progress: Duration,
    /// For any reader.
    pub in_all: Duration,
}

/// One stream of output. Clones write to the same stream.
#[derive(Clone)]
pub struct Output(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes a thread that waits in `flush`.
    progress: Condvar,
}

struct State {
    ring: VecDeque<u8>,
    /// Where the bytes go, until the writer has started and takes it.
    sink: Option<Box<dyn Sink>>,
    has_writer: bool,
    /// Everything is written: the writer sleeps, or there is none.
    is_idle: bool,
    /// The ring was full and is not empty yet, so records are dropped.
    is_full: bool,
    dropped: u64,
    /// The number of chunks that the writer has taken.
    chunks: u64,
}

impl Output {
    /// Reserves the memory of the ring.
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
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        }))
    }

    /// Adds a record, which ends with a line break, or drops the whole record. Never waits for the
    /// reader. Allocates nothing, unless it starts the writer.
    pub fn push(&self, record: &[u8]) {
        let mut state = self.0.lock();
        if !state.has_writer {
            state.has_writer = self.start_writer().is_ok();
        }
        state.is_full |= !state.has_writer || state.ring.len() + record.len() > CAPACITY;
        if state.is_full {
            state.dropped += 1;
        } else {
            state.ring.extend(record);
        }
        // Waking a thread costs a system call, so only a sleeping writer is woken.
        if state.has_writer && std::mem::take(&mut state.is_idle) {
            drop(state);
            self.0.work.notify_one();
        }
    }

    /// Writes a record in this thread if that does not block and no writer has started. Otherwise the
    /// writer gets it.
    pub fn write_now(&self, record: &[u8]) {
        let mut state = self.0.lock();
        let may_write = !state.has_writer && record.len() <= CHUNK;
        let written = match state.sink.as_mut().filter(|sink| may_write && sink.is_ready()) {
            None => 0,
            Some(sink) => match sink.write(record) {
                Ok(written) => written,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => 0,
                // There is nobody to tell.
                Err(_) => record.len(),
            },
        };
        drop(state);
        if written < record.len() {
            self.push(&record[written..]);
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

    /// Waits until all records are written. Returns `false` if the reader did not take them in time.
    pub fn flush(&self, patience: Patience) -> bool {
        let deadline = Instant::now() + patience.in_all;
        let mut state = self.0.lock();
        while !state.is_idle {
            let chunks = state.chunks;
            let left = deadline.saturating_duration_since(Instant::now());
            let is_stuck = |state: &mut State| !state.is_idle && state.chunks == chunks;
            let time = patience.without_progress.min(left);
            let waited = self.0.progress.wait_timeout_while(state, time, is_stuck);
            let (after, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return after.is_idle;
            }
            state = after;
        }
        true
    }
}

/// For the logger, which writes each line by one call.
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

    /// Waits for bytes and moves them into `chunk`. Returns the number of records that were dropped after
    /// them; it is known when the ring is empty, and then the ring takes records again.
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
