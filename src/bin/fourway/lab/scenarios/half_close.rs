//! The client sends its FIN right after its request, and can still read. So it waits in FIN_WAIT_2 until the server has
//! answered and closes.

use std::io;

use fourway::{Config, handler_fn};

use super::super::bench::{Bench, Got, watch};
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::{GET, READ, conclude, ended, reached, xixizi};

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut bench = Bench::start(recorder, Config::default(), handler_fn(xixizi))?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(GET)?;
    client.shutdown();
    recorder.note(Note::HalfClosed);
    let is_delayed = recorder.ends().0.state == Some(State::FinWait1);
    let waited = watch(recorder, |client, _| client.state != Some(State::FinWait1));
    if let (true, Some(waited)) = (is_delayed, waited) {
        recorder.note(Note::DelayedAck { waited });
    }
    reached("the answer", bench.turn_until(|server| server.stats().closed == 1)?)?;
    while client.recv(READ) != Got::End {}
    client.close();
    let mut ladder = ended(recorder, Title::HalfClose)?;
    conclude(&mut ladder);
    Ok(ladder)
}
