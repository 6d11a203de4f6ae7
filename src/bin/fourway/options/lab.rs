//! The options of the subcommand `lab`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::switch;
use crate::language::LanguageTag;

#[derive(Debug, Args)]
pub struct LabOptions {
    /// Show open, server-first, client-first, rst, half-close, unread-data, slow-reader, backlog, essay, ports, or all
    /// of them.
    #[arg(value_name = "SCENARIO", value_enum, default_value = "all")]
    pub scenario: Chosen,

    /// Print JSON.
    #[arg(long, env = "FOURWAY_LAB_JSON", value_parser = switch)]
    pub json: bool,

    /// Also draw the picture FILE, which is SVG.
    ///
    /// A file that is there is overwritten.
    #[arg(long, value_name = "FILE", env = "FOURWAY_LAB_SVG")]
    pub svg: Option<PathBuf>,

    /// Choose the language: en, zh [default: that of LC_ALL, LC_MESSAGES or LANG]
    #[arg(long, value_name = "LANGUAGE", env = "FOURWAY_LAB_LANG", value_enum)]
    pub lang: Option<LanguageTag>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chosen {
    /// Three segments open a connection.
    Open,
    /// The server closes first, and holds TIME_WAIT.
    ServerFirst,
    /// The client closes first, and holds TIME_WAIT.
    ClientFirst,
    /// The server ends the connection with a reset.
    Rst,
    /// The client sends its FIN before it has its answer.
    HalfClose,
    /// A close with unread input takes the answer away.
    UnreadData,
    /// A client that does not read closes its window.
    SlowReader,
    /// The accept queue is full.
    Backlog,
    /// A blocking program of 30 lines, and its faults.
    Essay,
    /// A client that closes first runs out of ports.
    Ports,
    /// All of them.
    All,
}
