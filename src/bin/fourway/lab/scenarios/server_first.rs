//! The server closes first: its FIN travels with the answer.

use std::io;

use fourway::{CloseMode, Config, handler_fn};

use super::super::bench::{Bench, Got};
use super::super::ladder::Ladder;
use super::super::note::Title;
use super::super::recorder::Recorder;
use super::{GET_AND_CLOSE, conclude, stuck, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut config = Config::default();
    config.close = CloseMode::Fin;
    let mut bench = Bench::start(recorder, config, handler_fn(xixizi))?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(GET_AND_CLOSE)?;
    bench.turn_until(|server| server.stats().closed == 1)?;
    while client.recv(4096) != Got::End {}
    client.close();
    let mut ladder = recorder.end(Title::ServerFirst).ok_or_else(|| stuck("no ladder"))?;
    conclude(&mut ladder);
    Ok(ladder)
}
