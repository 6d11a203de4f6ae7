//! What there is a sentence for.

use crate::lab::note::{Note, Title};

/// The sentences in one language.
pub struct Sentences {
    /// The headings of the five columns.
    pub heading: [&'static str; 5],
    /// The last heading, if the server is not fourway.
    pub plain_server: &'static str,
    /// How to read a ladder, a paragraph each.
    pub legend: &'static [&'static str],
    /// What is said where the kernel does not tell anything.
    pub unseen: &'static str,
    /// The error that begins a report of a scenario that failed.
    pub failed: &'static str,
    /// What may be missing if the error is about an address. It follows the error.
    pub needs_loopback: &'static str,
    pub title: fn(Title) -> &'static str,
    pub note: fn(Note) -> String,
    /// The word for this number of bytes.
    pub bytes: fn(u64) -> String,
    /// What follows a sum of several segments or calls.
    pub within: fn(Option<u32>) -> String,
}
