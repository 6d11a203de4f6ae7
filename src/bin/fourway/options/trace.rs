//! The options of the trace: those of the server, and those of the subcommand `trace`.

use std::path::PathBuf;

use clap::Args;

use super::values::nth;
use crate::language::LanguageTag;

#[derive(Debug, Args)]
#[command(next_help_heading = "Status")]
pub struct TraceFileOptions {
    /// Write each step of the loop to FILE, as lines of JSON.
    ///
    /// The file is emptied first. Lines that it does not take fast enough are dropped, and a line with their number
    /// stands in their place. The last line says that the trace is complete. A trace has the targets of all requests.
    #[arg(long, value_name = "FILE", env = "FOURWAY_TRACE")]
    pub trace: Option<PathBuf>,

    /// Trace only each K-th connection, and none of the others.
    #[arg(long, value_name = "K", env = "FOURWAY_TRACE_EVERY", default_value = "1", value_parser = nth)]
    pub trace_every: u64,
}

#[derive(Debug, Args)]
pub struct TraceOptions {
    /// Print this story, or the trace in this file; without it, list the stories
    #[arg(value_name = "STORY|FILE")]
    pub trace: Option<PathBuf>,

    /// Print only each K-th connection.
    #[arg(long, value_name = "K", default_value = "1", value_parser = nth)]
    pub every: u64,

    /// Print only the connection with this number.
    #[arg(long, value_name = "N", value_parser = nth, requires = "trace")]
    pub connection: Option<u64>,

    /// Write a page to FILE that plays the trace in a browser, instead of printing it.
    ///
    /// The page is whole in itself. It steps through the trace, and shows the state of each connection, both ends of it,
    /// the ready queue, the deadlines, the buffers and the calls. A link such as page.html#12 begins at a step.
    #[arg(long, value_name = "FILE", requires = "trace")]
    pub html: Option<PathBuf>,

    /// Show in the page the lines of source that made the steps. FOLDER has the sources of fourway.
    #[arg(long, value_name = "FOLDER", requires = "html")]
    pub source: Option<PathBuf>,

    /// Choose the language in which the page begins: en, zh [default: that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "LANGUAGE", env = "FOURWAY_TRACE_LANG", value_enum)]
    pub lang: Option<LanguageTag>,
}

impl TraceOptions {
    /// Returns whether the connection with this number is asked for.
    pub fn asks_for(&self, number: u64) -> bool {
        number % self.every == 0 && self.connection.is_none_or(|asked| asked == number)
    }
}
