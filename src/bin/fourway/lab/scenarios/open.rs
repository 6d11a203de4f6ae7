//! Three segments open a connection, and the kernel does that alone. The server accepts later.

use std::io;

use fourway::{Config, handler_fn};

use super::super::bench::Bench;
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::{ended, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut bench = Bench::start(recorder, Config::default(), handler_fn(xixizi))?;
    let _client = bench.connect()?;
    let (client, server) = recorder.ends();
    let is_open = [client, server].iter().all(|end| end.state == Some(State::Established));
    if is_open && !server.is_held {
        let queued = bench.queue().unread;
        recorder.note(Note::OpenBeforeAccept { queued });
    }
    bench.settle()?;
    let mut ladder = ended(recorder, Title::Open)?;
    ladder.notes.push(Note::OpenedBy { segments: ladder.opening_segments() });
    Ok(ladder)
}
