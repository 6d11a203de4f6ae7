//! The client sends its FIN before it has its answer, and can still read.
//!
//! Usually its end waits in FIN_WAIT_2 then. Two more ladders show the states that pass too quickly to be seen elsewhere,
//! because a FIN waits behind data that has no window: LAST_ACK and CLOSING.

use std::io;

use fourway::{Body, Config, handler_fn};

use super::super::bench::{Bench, Got, watch};
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{GET, GET_AND_CLOSE, READ, conclude, ended, page, reached, small_input, xixizi};

/// The size of a read that lets one more segment come. So the last one comes alone, and can be counted.
const SMALL_READ: usize = 16 * 1024;

/// The server answers and closes, and the client has closed before.
pub fn usual(recorder: &'static Recorder) -> io::Result<Ladder> {
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

/// The client does not read, so the server's FIN waits behind its answer. The server's end is in LAST_ACK meanwhile.
pub fn last_ack(recorder: &'static Recorder) -> io::Result<Ladder> {
    const BODY: u64 = 221_000;
    let page = page();
    let handler = handler_fn(move |_, responder| {
        responder.status(200).body(Body::Repeat { page: page.clone(), len: BODY })
    });
    let mut bench = Bench::start(recorder, Config::default(), handler)?;
    let mut client = bench.connect_with(small_input)?;
    bench.settle()?;
    client.send(GET)?;
    client.acknowledge_at_once();
    client.shutdown();
    reached("the close of the server", bench.turn_until(|server| server.stats().closed == 1)?)?;
    if let (_, Some(State::LastAck)) = (recorder.ends().0.state, recorder.ends().1.state) {
        recorder.note(Note::LastAck);
    }
    recorder.fold(true);
    while client.recv(SMALL_READ) != Got::End {}
    recorder.fold(false);
    client.close();
    let mut ladder = ended(recorder, Title::LastAck)?;
    conclude(&mut ladder);
    Ok(ladder)
}

/// Both close before either FIN has arrived: that of the client waits behind data for which the server has no window.
pub fn closing(recorder: &'static Recorder) -> io::Result<Ladder> {
    let handler = handler_fn(xixizi);
    let mut bench = Bench::start_with(recorder, Config::default(), handler, small_input)?;
    let mut client = bench.connect()?;
    bench.settle()?;
    client.send(&[GET_AND_CLOSE, &[b'x'; 320_000]].concat())?;
    client.shutdown();
    recorder.fold(true);
    reached("the close of the server", bench.turn_until(|server| server.stats().closed == 1)?)?;
    recorder.fold(false);
    while client.recv(READ) != Got::End {}
    client.close();
    let mut ladder = ended(recorder, Title::Closing)?;
    conclude(&mut ladder);
    Ok(ladder)
}
