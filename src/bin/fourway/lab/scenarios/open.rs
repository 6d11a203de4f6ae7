//! Three segments open a connection, and the kernel does that alone. The server accepts later.

use std::io;

use fourway::{Config, handler_fn};

use super::super::bench::{Bench, watch};
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{GET, ended, reached, xixizi};
use crate::listener::linux::set_defer_accept;

/// The usual opening.
pub fn at_once(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut bench = Bench::start(recorder, Config::default(), handler_fn(xixizi))?;
    let _client = bench.connect()?;
    let (client, server) = recorder.ends();
    let is_open = [client, server].iter().all(|end| end.state == Some(State::Established));
    if is_open && !server.is_held {
        let queued = bench.queue().unread;
        recorder.note(Note::OpenBeforeAccept { queued });
    }
    bench.settle()?;
    opened(recorder, Title::Open)
}

/// The server's end waits for the first data in SYN_RECV, which passes too quickly otherwise.
pub fn deferred(recorder: &'static Recorder) -> io::Result<Ladder> {
    let handler = handler_fn(xixizi);
    let mut bench =
        Bench::start_with(recorder, Config::default(), handler, |socket| set_defer_accept(socket, 5))?;
    let mut client = bench.connect()?;
    if recorder.ends().1.state == Some(State::SynRecv) {
        recorder.note(Note::Deferred);
    }
    bench.settle()?;
    client.send(GET)?;
    // The kernel may have delayed the ACK of the request.
    watch(recorder, |_, server| server.state == Some(State::Established));
    reached("the client", bench.turn_until(|server| server.stats().accepted == 1)?)?;
    opened(recorder, Title::OpenDeferred)
}

fn opened(recorder: &Recorder, title: Title) -> io::Result<Ladder> {
    let mut ladder = ended(recorder, title)?;
    ladder.notes.push(Note::OpenedBy { segments: ladder.opening_segments() });
    Ok(ladder)
}
