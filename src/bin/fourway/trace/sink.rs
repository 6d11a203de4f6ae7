//! The sink of a running server: `fourway --trace FILE`. It gets the log's records, and makes a trace of them.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use fourway::Config;
use log::Record;

use super::file::{self, Lines};
use super::tracer::{Header, Tracer};

/// A trace that is being written.
pub struct Sink {
    lines: Lines,
    start: Instant,
    state: Mutex<State>,
    /// Another server than the target does something, which is no part of the trace.
    is_aside: AtomicBool,
}

struct State {
    tracer: Tracer,
    /// The lines of one record. Its memory is used again.
    text: String,
    /// The lines that were lost since the last gap was noted, and in all.
    lost: u64,
    lost_in_all: u64,
}

impl Sink {
    /// Opens the file, and writes the header.
    pub fn start(path: &Path, every: u64, config: &Config) -> io::Result<Self> {
        let sink = Sink::new(file::open(path)?, every)?;
        sink.lines.push(&header(every, config));
        Ok(sink)
    }

    fn new(file: File, every: u64) -> io::Result<Self> {
        let state =
            State { tracer: Tracer::new(every), text: String::with_capacity(4096), lost: 0, lost_in_all: 0 };
        Ok(Sink {
            lines: Lines::start(file)?,
            start: Instant::now(),
            state: Mutex::new(state),
            is_aside: AtomicBool::new(false),
        })
    }

    /// Adds a record of the log, if it is one of the target's steps. Lines that do not fit into the buffer are lost, and
    /// the next line that fits stands behind a note of the gap.
    pub fn add(&self, record: &Record<'_>) {
        if self.is_aside.load(Ordering::Relaxed) {
            return;
        }
        let t = self.micros();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { tracer, text, lost, lost_in_all } = &mut *state;
        text.clear();
        if *lost > 0 {
            tracer.add_gap(*lost, t, text);
        }
        let had_gap = !text.is_empty();
        let lines = tracer.add(record, t, text);
        if lines == 0 && had_gap {
            tracer.take_back_gap();
            return;
        }
        if lines == 0 {
            return;
        }
        if self.lines.push(text) {
            *lost = 0;
        } else {
            if had_gap {
                tracer.take_back_gap();
            }
            (*lost, *lost_in_all) = (*lost + lines, *lost_in_all + lines);
        }
    }

    /// Does something that is no part of the trace.
    pub fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        self.is_aside.store(true, Ordering::Relaxed);
        let done = act();
        self.is_aside.store(false, Ordering::Relaxed);
        done
    }

    /// Ends the trace. The error says why the file is not whole. Records that come later are no part of it.
    pub fn end(&self) -> io::Result<()> {
        self.is_aside.store(true, Ordering::Relaxed);
        let t = self.micros();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { tracer, text, lost, lost_in_all } = &mut *state;
        text.clear();
        if *lost > 0 {
            tracer.add_gap(*lost, t, text);
        }
        tracer.add_end(*lost_in_all, t, text);
        self.lines.end(text)
    }

    fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

fn header(every: u64, config: &Config) -> String {
    let budget = &config.budget;
    let limits = [
        ("slots", config.max_connections as u64),
        ("wave", budget.wave_size as u64),
        ("accepts", budget.accepts.into()),
        ("requests", budget.requests.into()),
        ("requests_per_connection", budget.requests_per_connection.into()),
        ("bytes_per_connection", budget.bytes_per_connection as u64),
    ];
    let times = &config.timeouts;
    let timeouts = [
        ("Idle", times.idle),
        ("Head", times.head),
        ("AwaitingBuffer", times.queue),
        ("Body", times.body),
        ("Holding", times.piece),
        ("Sending", times.write),
        ("Deferred", times.deferred),
        ("Streaming", times.stream),
        ("Closing", times.linger),
    ]
    .map(|(state, time)| (state, u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
    let header = Header {
        source: "server",
        title: concat!("fourway ", env!("CARGO_PKG_VERSION")),
        story: "",
        every,
        limits: &limits,
        timeouts: &timeouts,
    };
    header.to_string()
}
