//! What a ladder says in words. The sentences are in `language::lab`.

use std::time::Duration;

/// The title of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Title {
    Open,
    ServerFirst,
    ClientFirst,
    Rst,
    HalfClose,
    PlainClose,
    LingeringClose,
    SlowReader,
    Backlog,
}

impl Title {
    /// Returns the name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Title::Open => "open",
            Title::ServerFirst => "server-first",
            Title::ClientFirst => "client-first",
            Title::Rst => "rst",
            Title::HalfClose => "half-close",
            Title::PlainClose => "unread-data: plain close",
            Title::LingeringClose => "unread-data: lingering close",
            Title::SlowReader => "slow-reader",
            Title::Backlog => "backlog",
        }
    }
}

/// A sentence about a step, or about the whole ladder. What is measured is in it as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Both ends had this state when the call returned, before the server had accepted.
    OpenBeforeAccept { queued: Option<u32> },
    /// The segments that opened the connection.
    OpenedBy { segments: Option<u32> },
    /// The segments from the first FIN on.
    ClosedBy { segments: Option<u32>, ack_rode: bool },
    /// The rest of TIME_WAIT at one end.
    TimeWait { at_server: bool, left: Duration },
    /// No end is in TIME_WAIT.
    NoTimeWait,
    /// The kernel does not tell.
    NotSeen,
}

impl Note {
    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Note::OpenBeforeAccept { .. } => "open_before_accept",
            Note::OpenedBy { .. } => "opened_by",
            Note::ClosedBy { .. } => "closed_by",
            Note::TimeWait { .. } => "time_wait",
            Note::NoTimeWait => "no_time_wait",
            Note::NotSeen => "not_seen",
        }
    }
}
