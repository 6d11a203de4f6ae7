//! The scenarios. Each moves a client and the server step by step, and says what the steps show.

mod server_first;

use std::io;

use fourway::{Reply, Request, Responder, handler_fn};

use super::kernel::State;
use super::ladder::Ladder;
use super::note::Note;
use super::recorder::Recorder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Open,
    ServerFirst,
    ClientFirst,
    Rst,
    HalfClose,
    UnreadData,
    SlowReader,
    Backlog,
}

impl Scenario {
    pub const ALL: [Scenario; 8] = [
        Scenario::Open,
        Scenario::ServerFirst,
        Scenario::ClientFirst,
        Scenario::Rst,
        Scenario::HalfClose,
        Scenario::UnreadData,
        Scenario::SlowReader,
        Scenario::Backlog,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Scenario::Open => "open",
            Scenario::ServerFirst => "server-first",
            Scenario::ClientFirst => "client-first",
            Scenario::Rst => "rst",
            Scenario::HalfClose => "half-close",
            Scenario::UnreadData => "unread-data",
            Scenario::SlowReader => "slow-reader",
            Scenario::Backlog => "backlog",
        }
    }

    /// Runs it. Returns its ladders.
    pub fn run(self, recorder: &'static Recorder) -> io::Result<Vec<Ladder>> {
        match self {
            Scenario::ServerFirst => server_first::run(recorder).map(|ladder| vec![ladder]),
            _ => Ok(Vec::new()),
        }
    }
}

/// The usual request.
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

/// The usual request, and the promise to send no other.
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";

/// The response of the program.
fn xixizi<'r>(_request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    responder.send(200, "text/plain", b"xixizi")
}

/// Returns an error, because a scenario did not get where it should.
fn stuck(what: &str) -> io::Error {
    io::Error::other(format!("the scenario is stuck: {what}"))
}

/// Adds what the ends have come to.
fn conclude(ladder: &mut Ladder) {
    let closed = Note::ClosedBy { segments: ladder.closing_segments(), ack_rode: ladder.has_riding_ack() };
    ladder.notes.push(closed);
    let Some(last) = ladder.rows.last() else { return };
    let held = match (last.client.left, last.server.left) {
        (_, Some(left)) => Note::TimeWait { at_server: true, left },
        (Some(left), _) => Note::TimeWait { at_server: false, left },
        _ if last.client.state == Some(State::Closed) && last.server.state == Some(State::Listen) => {
            Note::NoTimeWait
        }
        _ => Note::NotSeen,
    };
    ladder.notes.push(held);
}
