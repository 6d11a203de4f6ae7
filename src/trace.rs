//! Traces: one structured record for each step of the server, through the crate `log`.
//!
//! A record has a text for people, and the same facts as key-values for programs. Its key `kind` says what happened, and
//! its file and line are those of the source that decided on the step. While nothing is traced, a step costs one load
//! and one branch. `docs/TRACE.md` describes all kinds and their keys.

use std::fmt;
use std::io;
use std::panic::Location;

use log::kv::Value;
use log::{Level, LevelFilter, Metadata, Record};

/// One record per change of state.
pub(crate) const STATES: &str = "fourway::state";
/// One record per readiness event.
pub(crate) const READINESS: &str = "fourway::readiness";
/// One record per system call of a connection.
pub(crate) const CALLS: &str = "fourway::call";
/// One record per call of accept, and per connection that was accepted.
pub(crate) const ACCEPTS: &str = "fourway::accept";
/// One record per deadline that is armed, cancelled or fired.
pub(crate) const DEADLINES: &str = "fourway::deadline";
/// One record per move into the ready queue, or out of it.
pub(crate) const QUEUE: &str = "fourway::queue";
/// One record per buffer that is lent or returned.
pub(crate) const BUFFERS: &str = "fourway::buffer";
/// Two records per turn.
pub(crate) const TURNS: &str = "fourway::turn";

/// The line of source that makes a step.
pub(crate) type Place = &'static Location<'static>;

/// A reason in a few words, with the line of source that gives it. It is made by [`why!`](crate::trace::why), so it is a
/// constant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why {
    pub(crate) text: &'static str,
    pub(crate) at: Place,
}

impl Why {
    #[track_caller]
    pub(crate) const fn new(text: &'static str) -> Self {
        Why { text, at: Location::caller() }
    }
}

/// Returns a reason as a `&'static Why`.
macro_rules! why {
    ($text:expr) => {
        const { &$crate::trace::Why::new($text) }
    };
}
pub(crate) use why;

/// Returns whether a logger may want the steps. All else about them belongs behind this.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    log::STATIC_MAX_LEVEL >= LevelFilter::Trace && log::max_level() >= LevelFilter::Trace
}

/// A key of a record, and its value.
pub(crate) type Field<'a> = (&'static str, Value<'a>);

/// Records a step that the line `at` has made.
#[cold]
pub(crate) fn step(target: &str, at: Place, fields: &[Field<'_>], text: fmt::Arguments<'_>) {
    let metadata = Metadata::builder().level(Level::Trace).target(target).build();
    let logger = log::logger();
    if !logger.enabled(&metadata) {
        return;
    }
    let mut record = Record::builder();
    record.metadata(metadata).file_static(Some(at.file())).line(Some(at.line())).key_values(&fields);
    logger.log(&record.args(text).build());
}

/// Returns the name of an error, such as `WouldBlock`.
#[cold]
pub(crate) fn error_name(error: &io::Error) -> String {
    // The standard library has no names for these, and their numbers are the same on all Unix systems.
    match error.raw_os_error() {
        Some(24) if cfg!(unix) => "EMFILE".into(),
        Some(23) if cfg!(unix) => "ENFILE".into(),
        Some(number) if format!("{:?}", error.kind()) == "Uncategorized" => format!("os error {number}"),
        _ => format!("{:?}", error.kind()),
    }
}
