//! A client that does not read: its buffer fills up, its window closes, and the server waits in Sending.

use std::io;
use std::sync::Arc;

use fourway::{Body, Config, handler_fn};
use socket2::Socket;

use super::super::bench::{Bench, watch};
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{GET_AND_CLOSE, read_all};

const BODY: u64 = 500_000;

/// The sizes of the client's buffer and the server's. Linux doubles them.
fn small_input(socket: &Socket) -> io::Result<()> {
    socket.set_recv_buffer_size(64 * 1024)
}

fn small_output(socket: &Socket) -> io::Result<()> {
    socket.set_send_buffer_size(64 * 1024)
}

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let page: Arc<[u8]> = vec![b'x'; 50_000].into();
    let handler = handler_fn(move |_, responder| {
        responder.status(200).body(Body::Repeat { page: page.clone(), len: BODY })
    });
    let mut bench = Bench::start_with(recorder, Config::default(), handler, small_output)?;
    let mut client = bench.connect_with(small_input)?;
    bench.settle()?;
    client.send(GET_AND_CLOSE)?;
    client.acknowledge_at_once();
    recorder.fold(true);
    bench.settle()?;
    recorder.fold(false);
    // The last ACK is delayed.
    watch(recorder, |_, end| end.info.is_some_and(|info| info.snd_wnd == 0 && info.unacked == 0));
    let server = recorder.ends().1;
    if let Some(info) = server.info {
        let unread = recorder.ends().0.unread;
        recorder.note(Note::ZeroWindow { window: info.snd_wnd, unsent: info.notsent_bytes, unread });
    }
    let before = server.info.map(|info| info.segs_out);
    let waited = watch(recorder, |_, end| end.info.map(|info| info.segs_out) != before);
    if let Some(after) = waited {
        recorder.note(Note::Probe { after });
    }
    read_all(recorder, &mut bench, client, Title::SlowReader)
}
