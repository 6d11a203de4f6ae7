//! A ladder: what happened on one connection, step by step, with the states of both ends after each step.

use std::net::SocketAddr;
use std::time::Duration;

use super::kernel::{End, State};
use super::note::{Note, Title};

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Where a step comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    Client,
    Server,
    /// A timer of the kernel, such as that of a delayed ACK.
    Timer,
}

impl Actor {
    pub fn as_str(self) -> &'static str {
        match self {
            Actor::Client => "client",
            Actor::Server => "server",
            Actor::Timer => "timer",
        }
    }
}

/// A system call, and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    pub result: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A call without a number as its result.
    Done,
    Bytes(u64),
    /// The name of the error, such as `ECONNRESET`.
    Failed(String),
}

impl Call {
    pub fn new(name: &str, result: Outcome) -> Self {
        Call { name: name.into(), result }
    }
}

/// A change of fourway's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub to: String,
    /// The reason that the server gives. It is in English.
    pub why: String,
}

/// Segments of one kind that a step has sent in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    pub to: Side,
    /// How many there were. `None` if that cannot be seen.
    pub count: Option<u32>,
    pub bytes: u64,
    pub syn: bool,
    pub ack: bool,
    pub fin: bool,
    pub rst: bool,
    pub is_again: bool,
    pub source: Source,
}

/// How the segments were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By the `TCP_INFO` of the connection.
    TcpInfo,
    /// By the counters of the whole machine, because the end has no `TCP_INFO` any more.
    Counters,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The time since the ladder began.
    pub at: Duration,
    pub actor: Actor,
    pub call: Option<Call>,
    /// How many such calls in a row this step stands for.
    pub times: u32,
    pub segments: Vec<Segments>,
    /// Both ends after the step.
    pub client: End,
    pub server: End,
    pub change: Option<Change>,
    pub notes: Vec<Note>,
}

/// All steps of one connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    pub title: Title,
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// Both ends before the first step.
    pub before: (Option<State>, Option<State>),
    pub rows: Vec<Row>,
    pub notes: Vec<Note>,
}

impl Ladder {
    /// Returns how many segments the connection took from its first FIN on, if all of them were seen.
    pub fn closing_segments(&self) -> Option<u32> {
        let all = self.rows.iter().flat_map(|row| &row.segments);
        all.skip_while(|segments| !segments.fin).map(|segments| segments.count).sum()
    }

    /// Returns how many segments opened the connection.
    pub fn opening_segments(&self) -> Option<u32> {
        let opened = self.rows.iter().find(|row| row.segments.iter().any(|segments| segments.syn))?;
        opened.segments.iter().map(|segments| segments.count).sum()
    }

    /// Returns whether a FIN acknowledged the other's FIN, so that no segment of its own was needed.
    pub fn has_riding_ack(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.segments).any(|segments| segments.fin && segments.ack)
    }
}
