//! The options of the trace: those of the server, and those of the subcommand `trace`.

use std::path::PathBuf;

use clap::Args;

use super::values::nth;

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
    #[arg(long, value_name = "N", value_parser = nth)]
    pub connection: Option<u64>,
}
