//! A close with unread input is a reset, and throws away the part of the answer that is not sent yet. The first ladder has a
//! plain server of a few lines. In the second, fourway gives the same answer to the same client, and lingers.

use std::io::{self, Read, Write};
use std::net::TcpListener;

use fourway::{Body, Config, handler_fn};
use socket2::Socket;

use super::super::bench::{Bench, Got, outcome};
use super::super::ladder::{Actor, Call, Ladder, Outcome};
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{READ, conclude, ended, page, read_all, small_input, xixizi};

/// The length of the answer's body, which is more than the client's buffer holds.
const BODY: usize = 200_000;

/// What a plain server reads.
const PLAIN_READ: usize = 1024;

/// A request that is a little longer than a plain server reads.
fn long_request() -> Vec<u8> {
    let padding = "x".repeat(PLAIN_READ);
    format!("GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nX: {padding}\r\n\r\n").into_bytes()
}

pub fn plain(recorder: &'static Recorder) -> io::Result<Ladder> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut bench = Bench::beside(recorder, &listener, handler_fn(xixizi))?;
    let mut client = bench.connect_with(small_input)?;
    let (mut stream, _) = listener.accept()?;
    recorder.step(Actor::Server, Call::new("accept", Outcome::Done));
    client.send(&long_request())?;
    client.acknowledge_at_once();
    let read = stream.read(&mut [0; PLAIN_READ]);
    recorder.step(Actor::Server, Call::new("recv", outcome(&read)));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
    let answer = [head.as_bytes(), &vec![b'x'; BODY]].concat();
    // The kernel takes all of it, so nobody waits here.
    Socket::from(stream.try_clone()?).set_send_buffer_size(2 * BODY)?;
    let sent = stream.write(&answer);
    recorder.step(Actor::Server, Call::new("send", outcome(&sent)));
    let before = recorder.ends().1;
    recorder.read_counters();
    drop(stream);
    recorder.step(Actor::Server, Call::new("close", Outcome::Done));
    if before.unread > 0 && recorder.last_row().is_some_and(|row| row.segments.iter().any(|s| s.rst)) {
        let thrown_away = before.info.map_or(0, |info| info.notsent_bytes);
        recorder.note(Note::ResetByUnread { unread: before.unread, thrown_away });
    }
    let mut arrived = 0;
    while let Got::Bytes(len) = client.recv(READ) {
        arrived += len as u64;
    }
    client.close();
    let mut ladder = ended(recorder, Title::PlainClose)?;
    ladder.notes.push(Note::Arrived { bytes: arrived, of: sent? as u64 });
    conclude(&mut ladder);
    Ok(ladder)
}

pub fn lingering(recorder: &'static Recorder) -> io::Result<Ladder> {
    let page = page();
    let handler = handler_fn(move |_, responder| {
        responder.status(200).body(Body::Repeat { page: page.clone(), len: BODY as u64 })
    });
    let mut bench = Bench::start(recorder, Config::default(), handler)?;
    let mut client = bench.connect_with(small_input)?;
    bench.settle()?;
    client.send(&long_request())?;
    client.acknowledge_at_once();
    bench.settle()?;
    // A client that is not quite correct: an answer is on its way, and more input comes.
    client.send(b"\r\n")?;
    bench.settle()?;
    read_all(recorder, &mut bench, client, Title::LingeringClose)
}
