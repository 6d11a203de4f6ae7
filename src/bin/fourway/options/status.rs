//! The options about the status server and what the program prints about itself.

use clap::{Args, ValueEnum};

use super::values::{Listen, switch};
use crate::language::LanguageTag;

#[derive(Debug, Args)]
#[command(next_help_heading = "Status")]
pub struct StatusOptions {
    /// Show figures on ADDR: a page on /, and /stats.json, /metrics, /healthz.
    ///
    /// An address is one as for --listen, and can be repeated. It has 64 connections of its own, so it answers
    /// while all of --max-connections are in use.
    #[arg(long, value_name = "ADDR", env = "FOURWAY_STATUS_LISTEN", value_delimiter = ',')]
    pub status_listen: Vec<Listen>,

    /// Choose what to print at the end: text, json, none.
    #[arg(long, value_name = "FORM", env = "FOURWAY_SUMMARY", value_enum, default_value = "text")]
    pub summary: SummaryForm,

    /// Choose the language of the summary: en, zh [default: the locale's].
    ///
    /// The locale is that of LC_ALL, LC_MESSAGES or LANG, the first of them that is set. What programs read is the
    /// same in each language: JSON, metrics, names of states.
    #[arg(long, value_name = "LANGUAGE", env = "FOURWAY_LANG", value_enum)]
    pub lang: Option<LanguageTag>,

    /// Show no live line on a terminal.
    #[arg(long, short, env = "FOURWAY_QUIET", value_parser = switch)]
    pub quiet: bool,
}

impl StatusOptions {
    /// Returns whether there is a status server.
    pub fn is_used(&self) -> bool {
        !self.status_listen.is_empty()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SummaryForm {
    /// A table, and the verdict: the server, its client or the machine was the limit.
    Text,
    /// One line with the fields of /stats.json.
    Json,
    /// Nothing.
    None,
}
