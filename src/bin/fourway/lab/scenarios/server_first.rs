//! The server closes first: its FIN travels with the answer. The client closes at once, so its FIN takes along the ACK of
//! the server's.

use std::io;

use fourway::{CloseMode, Config, handler_fn};

use super::super::bench::{Bench, Got};
use super::super::ladder::Ladder;
use super::super::note::Title;
use super::super::recorder::Recorder;
use super::common::{GET_AND_CLOSE, READ, conclude, ended, reached, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut config = Config::default();
    config.close = CloseMode::Fin;
    let mut bench = Bench::start(recorder, config, handler_fn(xixizi))?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(GET_AND_CLOSE)?;
    reached("the answer", bench.turn_until(|server| server.stats().closed == 1)?)?;
    while client.recv(READ) != Got::End {}
    client.close();
    let mut ladder = ended(recorder, Title::ServerFirst)?;
    conclude(&mut ladder);
    Ok(ladder)
}
