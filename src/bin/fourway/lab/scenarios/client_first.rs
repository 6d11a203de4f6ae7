//! The client closes first. The server takes its time, so its kernel acknowledges the client's FIN before the server closes.

use std::io;

use fourway::{CloseMode, Config, handler_fn};

use super::super::bench::{Bench, watch};
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{GET_AND_CLOSE, READ, conclude, ended, reached, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut config = Config::default();
    config.close = CloseMode::Peer;
    let mut bench = Bench::start(recorder, config, handler_fn(xixizi))?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(GET_AND_CLOSE)?;
    reached("the answer", bench.turn_until(|server| server.stats().closing == 1)?)?;
    client.recv(READ);
    client.close();
    let is_delayed = recorder.ends().0.state == Some(State::FinWait1);
    let waited = watch(recorder, |client, _| client.state != Some(State::FinWait1));
    if let (true, Some(waited)) = (is_delayed, waited) {
        recorder.note(Note::DelayedAck { waited });
    }
    reached("the close of the server", bench.turn_until(|server| server.stats().closed == 1)?)?;
    let mut ladder = ended(recorder, Title::ClientFirst)?;
    conclude(&mut ladder);
    Ok(ladder)
}
