//! The server resets the connection after its answer.

use std::io;

use fourway::{CloseMode, Config, handler_fn};

use super::super::bench::{Bench, Got};
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{GET_AND_CLOSE, READ, conclude, ended, reached, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut config = Config::default();
    config.close = CloseMode::Rst;
    let mut bench = Bench::start(recorder, config, handler_fn(xixizi))?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(GET_AND_CLOSE)?;
    reached("the answer", bench.turn_until(|server| server.stats().closed == 1)?)?;
    if recorder.last_row().is_some_and(|row| row.segments.iter().any(|segments| segments.rst)) {
        recorder.note(Note::ResetIsFinal);
    }
    while matches!(client.recv(READ), Got::Bytes(_)) {}
    client.close();
    let mut ladder = ended(recorder, Title::Rst)?;
    conclude(&mut ladder);
    Ok(ladder)
}
