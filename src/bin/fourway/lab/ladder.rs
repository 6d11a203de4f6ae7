//! A ladder: what happened on one connection, step by step, with the states of both ends after each step.

use std::net::SocketAddr;
use std::time::Duration;

use super::bill::Bill;
use super::kernel::{End, State};
use super::note::{Note, Title};

/// The addresses of both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    pub client: SocketAddr,
    pub server: SocketAddr,
}

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
    /// The kind of the error, such as `ConnectionReset`.
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
    /// One of them acknowledges the FIN of the other side.
    pub acks_fin: bool,
    /// One of them was sent before.
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
    /// The time since the ladder began. If the step stands for several calls, that of the first.
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

impl Row {
    /// Returns whether a later row is more of the same: data in the same direction, and no state has changed.
    pub fn may_absorb(&self, later: &Row) -> bool {
        let is_data = |row: &Row| {
            matches!(&row.call, Some(Call { result: Outcome::Bytes(1..), .. }))
                && row.change.is_none()
                && row.segments.iter().all(|segments| !segments.fin && !segments.syn && !segments.rst)
        };
        let name = |row: &Row| row.call.as_ref().map(|call| call.name.clone());
        let states = |row: &Row| (row.client.state, row.server.state);
        is_data(self)
            && is_data(later)
            && self.notes.is_empty()
            && (self.actor, name(self), states(self)) == (later.actor, name(later), states(later))
    }

    /// Adds the later row to this one.
    pub fn absorb(&mut self, later: Row) {
        if let (Some(own), Some(other)) = (&mut self.call, later.call) {
            if let (Outcome::Bytes(own), Outcome::Bytes(other)) = (&mut own.result, other.result) {
                *own += other;
            }
        }
        self.times += later.times;
        for more in later.segments {
            let is_same = |own: &&mut Segments| {
                let kind =
                    |segments: &Segments| (segments.to, segments.ack, segments.source, segments.bytes > 0);
                kind(own) == kind(&more)
            };
            match self.segments.iter_mut().find(is_same) {
                Some(own) => {
                    own.count = own.count.zip(more.count).map(|(own, more)| own + more);
                    own.bytes += more.bytes;
                }
                None => self.segments.push(more),
            }
        }
        (self.client, self.server) = (later.client, later.server);
    }
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
    /// Made after the server has ended.
    pub bill: Option<Bill>,
}

impl Ladder {
    /// Returns how many segments closed the connection: those with a FIN, and those that acknowledge one. Returns
    /// `None` if one of them could not be counted, or if none could be seen.
    pub fn closing_segments(&self) -> Option<u32> {
        if self.rows.iter().any(|row| row.client.state.is_none() && row.server.state.is_none()) {
            return None;
        }
        let all = self.rows.iter().flat_map(|row| &row.segments);
        let closing = all.filter(|segments| segments.fin || segments.acks_fin);
        closing.map(|segments| segments.count.map(|_| 1)).sum()
    }

    /// Returns whether all segments were counted.
    pub fn is_whole(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.segments).all(|segments| segments.count.is_some())
    }

    /// Returns how many segments opened the connection, with those that were sent again. Returns `None` if one of them
    /// could not be counted, or if none could be seen.
    pub fn opening_segments(&self) -> Option<u32> {
        let opening = self.rows.iter().filter(|row| row.segments.iter().any(|segments| segments.syn));
        let counts = opening.flat_map(|row| &row.segments).map(|segments| segments.count);
        counts.sum::<Option<u32>>().filter(|&count| count > 0)
    }

    /// Returns whether a FIN acknowledged the other's FIN, so that no segment of its own was needed.
    pub fn has_riding_ack(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.segments).any(|segments| segments.fin && segments.ack)
    }
}
