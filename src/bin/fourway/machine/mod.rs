//! What the kernel tells about this machine, one file per subject.
//!
//! Each subject has pure parsers of the kernel's texts, and thin readers above them. A reader takes a [`Reader`], so a
//! test reads canned texts in place of `/proc`. A text that is missing or strange is `None`: nothing is guessed.

pub mod accept_queue;
pub mod cgroup;
pub mod files;
pub mod hindrance;
pub mod memory;
pub mod netstat;
pub mod ports;
pub mod processor;
pub mod sockstat;
pub mod sysctl;
pub mod table;
pub mod time_wait;

use std::fs;

/// Returns the text of a file of the kernel, or `None` if there is none.
pub type Reader<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads this machine's own files.
pub fn this(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}
