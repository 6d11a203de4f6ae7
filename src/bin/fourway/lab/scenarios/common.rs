//! What the scenarios share: requests, responses, and what every ladder says at its end.

use std::io;
use std::sync::Arc;

use fourway::{Handler, Reply, Request, Responder};
use socket2::Socket;

use super::super::bench::{Bench, Client, Got};
use super::super::kernel::State;
use super::super::ladder::{Actor, Call, Ladder, Outcome, Row};
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;

/// The usual request.
pub const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";

/// The usual request, and the promise to send no other.
pub const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";

/// The size of a client's read.
pub const READ: usize = 64 * 1024;

/// Sets a small buffer for what arrives. Linux doubles it.
pub fn small_input(socket: &Socket) -> io::Result<()> {
    socket.set_recv_buffer_size(32 * 1024)
}

/// Returns a page for bodies that repeat it.
pub fn page() -> Arc<[u8]> {
    vec![b'x'; 10_000].into()
}

/// The response of the program.
pub fn xixizi<'r>(_request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    responder.send(200, "text/plain", b"xixizi")
}

/// Returns an error if a scenario did not get where it should.
pub fn reached(what: &str, is_reached: bool) -> io::Result<()> {
    if is_reached { Ok(()) } else { Err(io::Error::other(format!("this has not come: {what}"))) }
}

/// Lets a client read its whole response and close, and ends the ladder when the server has closed too.
pub fn read_all<H: Handler>(
    recorder: &Recorder,
    bench: &mut Bench<H>,
    mut client: Client,
    title: Title,
) -> io::Result<Ladder> {
    recorder.fold(true);
    let mut arrived = 0;
    loop {
        match client.recv(READ) {
            Got::Bytes(len) => arrived += len as u64,
            Got::Nothing => bench.settle()?,
            Got::End | Got::Reset => break,
        }
    }
    recorder.fold(false);
    client.close();
    reached("the close of the server", bench.turn_until(|server| server.stats().closed == 1)?)?;
    let of = bench.server.stats().bytes_out;
    let mut ladder = ended(recorder, title)?;
    ladder.notes.push(Note::Arrived { bytes: arrived, of });
    conclude(&mut ladder);
    Ok(ladder)
}

/// Ends a ladder.
pub fn ended(recorder: &Recorder, title: Title) -> io::Result<Ladder> {
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
pub fn conclude(ladder: &mut Ladder) {
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
