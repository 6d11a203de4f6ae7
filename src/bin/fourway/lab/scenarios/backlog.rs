//! The accept queue is full: the kernel drops the SYN of one more client, which waits in SYN_SENT and sends it again.

use std::io;

use fourway::{Config, handler_fn};

use super::super::bench::{Bench, watch};
use super::super::kernel::State;
use super::super::ladder::Ladder;
use super::super::note::{Note, Title};
use super::super::recorder::Recorder;
use super::common::{ended, reached, xixizi};

/// The backlog. Linux queues one client more.
const BACKLOG: u32 = 1;

pub fn run(recorder: &'static Recorder) -> io::Result<Ladder> {
    let mut config = Config::default();
    config.backlog = BACKLOG;
    let mut bench = Bench::start(recorder, config, handler_fn(xixizi))?;
    let _waiting = [bench.connect_unseen()?, bench.connect_unseen()?];
    let queue = bench.queue();
    let _client = bench.connect()?;
    recorder.note(Note::QueueFull { queued: queue.unread, backlog: queue.unacknowledged });
    if recorder.ends().0.state == Some(State::SynSent) {
        recorder.note(Note::SynDropped);
        // The server accepts the two that wait.
        reached("two clients", bench.turn_until(|server| server.stats().accepted == 2)?)?;
        let opened = watch(recorder, |client, _| client.state != Some(State::SynSent));
        if let Some(after) = opened {
            recorder.note(Note::SynAgain { after });
        }
    }
    reached("the third client", bench.turn_until(|server| server.stats().accepted == 3)?)?;
    ended(recorder, Title::Backlog)
}
