//! The log: the targets of the library, each enabled by its level of `-v`.

use std::env;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::output::Output;
use super::repetition::{Count, Repetitions};
use super::trace::Sink;

/// The logger of the program. It limits warnings that repeat.
pub struct Logger {
    lines: env_logger::Logger,
    repetitions: Mutex<Repetitions>,
    /// Some warnings may be suppressed, and the log does not have their number yet.
    has_suppressed: AtomicBool,
    /// The trace, which gets all records whatever the level of the log is.
    trace: OnceLock<Sink>,
}

impl Logger {
    /// Starts logging to `output`. `RUST_LOG` overrides the number of `-v`.
    pub fn start(verbose: u8, output: Output) -> &'static Self {
        // The log lives as long as the process.
        let logger: &Logger = Box::leak(Box::new(Logger::new(lines(verbose).target(pipe(output)).build())));
        if log::set_logger(logger).is_ok() {
            log::set_max_level(logger.lines.filter());
        }
        logger
    }

    fn new(lines: env_logger::Logger) -> Self {
        Logger {
            lines,
            repetitions: Mutex::default(),
            has_suppressed: AtomicBool::new(false),
            trace: OnceLock::new(),
        }
    }

    /// Returns the longest time that the loop may sleep, if the log lacks a number of suppressed warnings.
    pub fn next_timeout(&self) -> Option<Duration> {
        self.has_suppressed.load(Ordering::Relaxed).then_some(Duration::from_secs(1))
    }

    /// Logs the numbers of suppressed warnings that are due. Call this once per turn of the loop.
    pub fn turn(&self, now: Instant) {
        if self.has_suppressed.load(Ordering::Relaxed) {
            if let Ok(mut repetitions) = self.repetitions.lock() {
                let has_more = repetitions.report_due(now, |count| self.log_count(&count));
                self.has_suppressed.store(has_more, Ordering::Relaxed);
            }
        }
    }

    /// Logs all remaining numbers of suppressed warnings. Call this at the end.
    pub fn end(&self) {
        if let Ok(mut repetitions) = self.repetitions.lock() {
            repetitions.report_all(|count| self.log_count(&count));
        }
    }

    /// Hands all records to this trace from now on. There is one trace at most.
    pub fn trace_to(&self, sink: Sink) {
        if self.trace.set(sink).is_ok() {
            log::set_max_level(LevelFilter::Trace);
        }
    }

    /// Does something that is no part of the trace, if there is one.
    pub fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match self.trace.get() {
            Some(trace) => trace.aside(act),
            None => act(),
        }
    }

    /// Ends the trace, if there is one. The error says why it is not whole.
    pub fn end_trace(&self) -> io::Result<()> {
        self.trace.get().map_or(Ok(()), Sink::end)
    }

    fn log_count(&self, count: &Count<'_>) {
        let Count { place: (module, _), level, count, example } = *count;
        let mut record = Record::builder();
        record.level(level).target(module.unwrap_or_default());
        self.lines.log(&record.args(format_args!("{count} more like this: {example}")).build());
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.lines.enabled(metadata)
            || (self.trace.get().is_some() && metadata.target().starts_with("fourway::"))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(trace) = self.trace.get() {
            trace.add(record);
        }
        if record.level() > Level::Warn {
            return self.lines.log(record);
        }
        if !self.lines.matches(record) {
            return;
        }
        let place = (record.module_path_static(), record.line());
        let admitted = self.repetitions.lock().map_or(true, |mut repetitions| {
            repetitions.admit(place, record.level(), *record.args(), Instant::now())
        });
        if admitted {
            self.lines.log(record);
        } else {
            self.has_suppressed.store(true, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

fn pipe(output: Output) -> Target {
    Target::Pipe(Box::new(output))
}

fn lines(verbose: u8) -> Builder {
    let filter = match verbose {
        0 => "warn",
        1 => "warn,fourway::request=debug",
        2 => "warn,fourway::request=debug,fourway::state=trace",
        _ => "warn,fourway::request=debug,fourway::state=trace,fourway::readiness=trace",
    };
    // An empty variable counts as not set.
    let variable = env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let mut builder = Builder::new();
    builder.parse_filters(variable.as_deref().unwrap_or(filter)).format(|buffer, record| {
        // Each other target of the library has one level only, so this prints the target.
        let kind = match record.level() {
            Level::Error => "error",
            Level::Warn => "warning",
            _ => record.target().rsplit("::").next().unwrap_or_default(),
        };
        writeln!(buffer, "{} {kind:<9} {}", buffer.timestamp_millis(), record.args())
    });
    builder
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Text(Arc<Mutex<Vec<u8>>>);

    impl Write for Text {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(logger: &Logger, level: Level, text: &str) {
        let mut record = Record::builder();
        record.level(level).target("fourway::x").module_path_static(Some("fourway::x"));
        logger.log(&record.args(format_args!("{text}")).build());
    }

    #[test]
    fn repeated_warnings_are_suppressed_and_counted_but_debug_lines_are_not() {
        let text = Text::default();
        let target = Target::Pipe(Box::new(text.clone()));
        let logger = Logger::new(lines(0).parse_filters("fourway=debug").target(target).build());
        assert_eq!(logger.next_timeout(), None);
        for _ in 0..1000 {
            log(&logger, Level::Warn, "all are in use");
        }
        log(&logger, Level::Debug, "GET");
        log(&logger, Level::Debug, "GET");
        assert!(logger.next_timeout().is_some(), "the loop wakes to log the count");
        logger.turn(Instant::now() + Duration::from_secs(1));
        assert_eq!(logger.next_timeout(), None);
        log(&logger, Level::Warn, "all are in use");
        logger.end();

        let text = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        let counted =
            ["warning   999 more like this: all are in use", "warning   1 more like this: all are in use"];
        let first = "warning   all are in use";
        assert_eq!(lines, [first, "x         GET", "x         GET", counted[0], counted[1]]);
    }
}
