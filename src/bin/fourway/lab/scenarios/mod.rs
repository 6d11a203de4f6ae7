//! The scenarios. Each moves a client and the server step by step, and says what the steps show. A sentence about a step is
//! added only if the step was seen.

mod backlog;
mod client_first;
mod half_close;
mod open;
mod rst;
mod server_first;
mod slow_reader;
mod unread_data;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fourway::{Reply, Request, Responder};
use socket2::Socket;

use super::kernel::State;
use super::ladder::{Actor, Call, Ladder, Outcome, Row};
use super::note::{Note, Title};
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

    /// Runs it. Returns its ladders. If other connections have disturbed the counters, runs it again.
    pub fn run(self, recorder: &'static Recorder) -> io::Result<Vec<Ladder>> {
        const ATTEMPTS: u32 = 20;
        const LONGEST: Duration = Duration::from_secs(1);
        let start = Instant::now();
        let mut ladders = self.run_once(recorder)?;
        for _ in 1..ATTEMPTS {
            if ladders.iter().all(Ladder::is_whole) || start.elapsed() > LONGEST {
                break;
            }
            ladders = self.run_once(recorder)?;
        }
        Ok(ladders)
    }

    fn run_once(self, recorder: &'static Recorder) -> io::Result<Vec<Ladder>> {
        match self {
            Scenario::Open => {
                let mut ladders = vec![open::at_once(recorder)?];
                // Other systems do not have the option.
                if cfg!(target_os = "linux") {
                    ladders.push(open::deferred(recorder)?);
                }
                Ok(ladders)
            }
            Scenario::ServerFirst => Ok(vec![server_first::run(recorder)?]),
            Scenario::ClientFirst => Ok(vec![client_first::run(recorder)?]),
            Scenario::Rst => Ok(vec![rst::run(recorder)?]),
            Scenario::HalfClose => Ok(vec![
                half_close::usual(recorder)?,
                half_close::last_ack(recorder)?,
                half_close::closing(recorder)?,
            ]),
            Scenario::UnreadData => {
                Ok(vec![unread_data::plain(recorder)?, unread_data::lingering(recorder)?])
            }
            Scenario::SlowReader => Ok(vec![slow_reader::run(recorder)?]),
            Scenario::Backlog => Ok(vec![backlog::run(recorder)?]),
        }
    }
}

/// The usual request.
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

/// The usual request, and the promise to send no other.
const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";

/// The size of a client's read.
const READ: usize = 64 * 1024;

/// Sets a small buffer for what arrives. Linux doubles it.
fn small_input(socket: &Socket) -> io::Result<()> {
    socket.set_recv_buffer_size(32 * 1024)
}

/// Returns a page for bodies that repeat it.
fn page() -> Arc<[u8]> {
    vec![b'x'; 10_000].into()
}

/// The response of the program.
fn xixizi<'r>(_request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    responder.send(200, "text/plain", b"xixizi")
}

/// Returns an error if a scenario did not get where it should.
fn reached(what: &str, is_reached: bool) -> io::Result<()> {
    if is_reached { Ok(()) } else { Err(io::Error::other(format!("this has not come: {what}"))) }
}

/// Ends a ladder.
fn ended(recorder: &Recorder, title: Title) -> io::Result<Ladder> {
    let mut ladder = recorder.end(title).ok_or_else(|| io::Error::other("no connection was watched"))?;
    // What every ladder says about such a step.
    let (mut is_closing, mut is_discarding) = (false, false);
    for row in &mut ladder.rows {
        if let (Actor::Server, Some(Call { name, result: Outcome::Bytes(bytes) })) = (row.actor, &row.call) {
            match (name.as_str(), bytes) {
                ("recv", 0) => row.notes.push(Note::PeersFinRead),
                ("recv", 1..) if is_closing && !is_discarding => {
                    is_discarding = true;
                    row.notes.push(Note::Discarded);
                }
                _ => {}
            }
        }
        if row.client.state == Some(State::Closing) && row.segments.iter().any(|segments| segments.fin) {
            row.notes.push(Note::Closing);
        }
        if row.actor == Actor::Timer
            && row.segments.iter().any(|segments| segments.is_again && segments.bytes > 0)
        {
            row.notes.insert(0, Note::SentAgain);
        }
        if row.call.as_ref().is_some_and(|call| call.name == "setsockopt") {
            row.notes.push(Note::LingerZero);
        }
        is_closing |= row.change.as_ref().is_some_and(|change| change.to == "Closing");
        let own = if row.actor == Actor::Client { row.client } else { row.server };
        if matches!(own.state, Some(State::FinWait1 | State::LastAck))
            && row.call.as_ref().is_some_and(|call| call.name == "shutdown")
        {
            let unsent = own.info.map_or(0, |info| info.notsent_bytes);
            if unsent > 1 {
                row.notes.push(Note::FinWaits { unsent });
            }
        }
        if row.segments.iter().any(|segments| segments.fin && segments.bytes > 0) {
            row.notes.push(Note::FinRidesOnData);
        }
        if is_closed_early(row) {
            row.notes.push(Note::KernelGoesOn);
        }
    }
    Ok(ladder)
}

/// Returns whether the server has closed its socket, and its end still waits for the client.
fn is_closed_early(row: &Row) -> bool {
    let is_close = row.call.as_ref().is_some_and(|call| call.name == "close") && row.actor == Actor::Server;
    is_close && matches!(row.server.state, Some(State::FinWait1 | State::FinWait2 | State::LastAck))
}

/// Adds what the close has taken, and who pays for it.
fn conclude(ladder: &mut Ladder) {
    let has_fin = ladder.rows.iter().flat_map(|row| &row.segments).any(|segments| segments.fin);
    if has_fin {
        let (segments, ack_rode) = (ladder.closing_segments(), ladder.has_riding_ack());
        ladder.notes.push(Note::ClosedBy { segments, ack_rode });
    }
    let Some(last) = ladder.rows.last() else { return };
    let is_gone = |state| matches!(state, Some(State::Closed | State::Listen));
    let held = match (last.client.left, last.server.left) {
        (Some(_), Some(left)) => Note::BothTimeWait { left },
        (_, Some(left)) => Note::TimeWait { at_server: true, left },
        (Some(left), _) => Note::TimeWait { at_server: false, left },
        _ if is_gone(last.client.state) && is_gone(last.server.state) => Note::NoTimeWait,
        _ => Note::NotSeen,
    };
    ladder.notes.push(held);
}
