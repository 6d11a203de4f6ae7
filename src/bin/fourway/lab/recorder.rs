//! The recorder: it samples both ends of a connection after each step, and makes the rows of a ladder.
//!
//! The server runs its system calls inside of one `Server::process`. It logs each of them, so the recorder is the log:
//! it samples while the server's call has just returned, and sees every state that the call has caused.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::kernel::{End, Kernel, State};
use super::ladder::{Actor, Call, Change, Ladder, Outcome, Pair, Row};
use super::note::{Note, Title};
#[cfg(all(test, target_os = "linux"))]
use super::second_source::Compared;
use super::segments::{self, Sample};

/// The targets of the library's log that the ladders need.
const CALLS: &str = "fourway::call";
const STATES: &str = "fourway::state";

/// The recorder as the process's log.
pub struct Recorder(Mutex<Recording>);

/// The connection that is recorded, and what was seen of it.
struct Recording {
    kernel: Kernel,
    pair: Option<Pair>,
    began: Instant,
    last: Sample,
    first: (Option<State>, Option<State>),
    rows: Vec<Row>,
    /// The thread with the bench. What others log is about other servers.
    thread: ThreadId,
    /// The server's end has existed. After that, its listener stands for nothing.
    was_open: bool,
    /// The server's slots whose calls were seen.
    slots: Vec<String>,
    /// The slot of the connection, after the server has accepted it.
    slot: Option<String>,
    #[cfg(all(test, target_os = "linux"))]
    compared: Compared,
    /// From this row on, repeated reads and writes become one row each.
    folds_from: Option<usize>,
}

impl Recorder {
    /// Makes the recorder the log of this process. Only the first one gets what the server logs.
    pub fn install() -> &'static Self {
        let recorder = Recorder::over(Kernel::open());
        if log::set_logger(recorder).is_ok() {
            log::set_max_level(LevelFilter::Trace);
        }
        recorder
    }

    /// Returns a recorder that is not the log.
    pub fn over(kernel: Kernel) -> &'static Self {
        let recording = Recording {
            kernel,
            pair: None,
            began: Instant::now(),
            last: Sample::default(),
            first: (None, None),
            rows: Vec::new(),
            thread: thread::current().id(),
            was_open: false,
            slots: Vec::new(),
            slot: None,
            #[cfg(all(test, target_os = "linux"))]
            compared: Compared::default(),
            folds_from: None,
        };
        // A log lives as long as the process.
        Box::leak(Box::new(Recorder(Mutex::new(recording))))
    }

    /// Returns whether the kernel tells anything.
    pub fn is_told(&self) -> bool {
        self.with(|recording| recording.kernel.is_told())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Recording) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a ladder. No connection is watched yet.
    pub fn begin(&self) {
        self.with(|recording| {
            recording.pair = None;
            recording.thread = thread::current().id();
            recording.rows.clear();
            recording.was_open = false;
            recording.slots.clear();
            (recording.slot, recording.folds_from) = (None, None);
            recording.began = Instant::now();
        });
    }

    /// Samples before the client's port is known.
    pub fn before(&self, server: SocketAddr) {
        self.with(|recording| {
            let nobody = SocketAddr::new(server.ip(), 0);
            recording.last = recording.sample(Pair { client: nobody, server });
            recording.last.client =
                End { state: recording.last.client.state.map(|_| State::Closed), ..End::default() };
            recording.first = (recording.last.client.state, recording.last.server.state);
            recording.began = Instant::now();
        });
    }

    /// Watches a connection from now on.
    pub fn watch(&self, pair: Pair) {
        self.with(|recording| recording.pair = Some(pair));
    }

    /// Reads the counters of the machine again, so that those of the next step have little from other connections.
    pub fn read_counters(&self) {
        self.with(|recording| recording.last.counters = recording.kernel.counters());
    }

    /// Adds what the client, or a server made by hand, has just done.
    pub fn step(&self, actor: Actor, call: Call) {
        self.with(|recording| recording.add(actor, Some(call), None));
    }

    /// Adds what timers of the kernel have done since the last step, if they have.
    pub fn tick(&self) {
        self.with(|recording| {
            let Some(pair) = recording.pair else { return };
            let sample = recording.sample(pair);
            let segments = segments::between(&recording.last, &sample, Actor::Timer);
            let states = |sample: &Sample| (sample.client.state, sample.server.state);
            if states(&sample) != states(&recording.last) || !segments.is_empty() {
                recording.add(Actor::Timer, None, None);
            }
        });
    }

    /// Returns both ends now.
    pub fn look(&self) -> (End, End) {
        self.with(|recording| {
            let Some(pair) = recording.pair else { return (End::default(), End::default()) };
            let sample = recording.sample(pair);
            (sample.client, sample.server)
        })
    }

    /// Adds a sentence to the last row.
    pub fn note(&self, note: Note) {
        self.with(|recording| {
            if let Some(row) = recording.rows.last_mut() {
                row.notes.push(note);
            }
        });
    }

    /// From now on, the reads of the client become one row, and the writes of the server as well.
    pub fn fold(&self, is_on: bool) {
        self.with(|recording| recording.folds_from = is_on.then_some(recording.rows.len()));
    }

    /// Returns the last row.
    pub fn last_row(&self) -> Option<Row> {
        self.with(|recording| recording.rows.last().cloned())
    }

    /// Returns both ends at the last step.
    pub fn ends(&self) -> (End, End) {
        self.with(|recording| (recording.last.client, recording.last.server))
    }

    /// Asks the kernel about another socket.
    pub fn ask(&self, local: SocketAddr, remote: SocketAddr) -> End {
        self.with(|recording| recording.kernel.end(local, remote))
    }

    /// Returns what was compared with the kernel's other list.
    #[cfg(all(test, target_os = "linux"))]
    pub fn compared(&self) -> Compared {
        self.with(|recording| std::mem::take(&mut recording.compared))
    }

    /// Ends the ladder.
    pub fn end(&self, title: Title) -> Option<Ladder> {
        self.with(|recording| {
            let pair = recording.pair.take()?;
            let rows = std::mem::take(&mut recording.rows);
            let (client, server) = (pair.client, pair.server);
            Some(Ladder {
                title,
                client,
                server,
                before: recording.first,
                rows,
                notes: Vec::new(),
                bill: None,
            })
        })
    }
}

impl Recording {
    fn sample(&mut self, pair: Pair) -> Sample {
        let Pair { client, server } = pair;
        let mut sample = Sample {
            client: self.kernel.end(client, server),
            server: self.kernel.end(server, client),
            counters: self.kernel.counters(),
        };
        self.was_open |= sample.server.state.is_some_and(State::is_open);
        if self.was_open && sample.server.state == Some(State::Listen) {
            sample.server = End { state: Some(State::Closed), ..End::default() };
        }
        sample
    }

    fn add(&mut self, actor: Actor, call: Option<Call>, change: Option<Change>) {
        let Some(pair) = self.pair else { return };
        let at = self.began.elapsed();
        let sample = self.sample(pair);
        let segments = segments::between(&self.last, &sample, actor);
        #[cfg(all(test, target_os = "linux"))]
        self.compare(pair, sample);
        self.last = sample;
        let Sample { client, server, .. } = sample;
        let row = Row { at, actor, call, times: 1, segments, client, server, change, notes: Vec::new() };
        let folds_from = self.folds_from.unwrap_or(self.rows.len()).min(self.rows.len());
        let mut same = self.rows[folds_from..].iter_mut();
        match same.rfind(|earlier| earlier.may_absorb(&row)) {
            Some(earlier) => earlier.absorb(row),
            None => self.rows.push(row),
        }
    }

    /// Compares a sample with the kernel's other list.
    #[cfg(all(test, target_os = "linux"))]
    fn compare(&mut self, pair: Pair, sample: Sample) {
        let mut compared = std::mem::take(&mut self.compared);
        compared.compare(pair, (sample.client, sample.server), || {
            let again = self.sample(pair);
            (again.client, again.server)
        });
        self.compared = compared;
    }

    /// Returns whether a line of the log is about the watched connection.
    fn is_of_pair(&mut self, slot: &str) -> bool {
        let Some(pair) = self.pair else { return false };
        if self.slot.is_none() && !self.slots.iter().any(|seen| seen == slot) {
            self.slots.push(slot.into());
            let end = self.kernel.end(pair.server, pair.client);
            // Elsewhere than on Linux nobody says whether it is accepted, and there are no other clients.
            if end.is_held || end.state.is_none() {
                self.slot = Some(slot.into());
                // Accept has no line in the log. The first call follows it.
                let change = Change { to: "Idle".into(), why: "accepted".into() };
                self.add(Actor::Server, Some(Call::new("accept", Outcome::Done)), Some(change));
            }
        }
        self.slot.as_deref() == Some(slot)
    }

    /// Adds a system call of the server, such as `recv Ok(18)`.
    fn server_called(&mut self, text: &str) {
        if let Some(call) = parse_call(text) {
            self.add(Actor::Server, Some(call), None);
        }
    }

    /// Adds a change of the server's own state, such as `Idle -> Sending (there is something to send)`.
    fn server_changed(&mut self, text: &str) {
        let Some((_, rest)) = text.split_once(" -> ") else { return };
        let (to, why) = rest.split_once(" (").unwrap_or((rest, ""));
        let change = Change { to: to.into(), why: why.trim_end_matches(')').into() };
        if to == "gone" {
            // The socket has just been closed, and `close` has no line in the log.
            return self.add(Actor::Server, Some(Call::new("close", Outcome::Done)), Some(change));
        }
        let last = self.rows.last_mut().filter(|row| row.actor == Actor::Server && row.change.is_none());
        match last {
            Some(row) => row.change = Some(change),
            None => self.add(Actor::Server, None, Some(change)),
        }
    }
}

fn parse_call(text: &str) -> Option<Call> {
    let (name, result) = text.split_once(' ')?;
    let inner = |prefix: &str| Some(result.strip_prefix(prefix)?.strip_suffix(')').unwrap_or(""));
    let result = match (inner("Ok("), inner("Err(")) {
        (Some(number), _) => number.parse().map_or(Outcome::Done, Outcome::Bytes),
        (None, Some(error)) => Outcome::Failed(error_name(error).into()),
        (None, None) => return None,
    };
    Some(Call::new(name, result))
}

/// Returns the kind of an error, such as `WouldBlock` of `Os { code: 11, kind: WouldBlock, message: … }`.
fn error_name(error: &str) -> &str {
    let kind = error.split_once("kind: ").map_or(error, |(_, rest)| rest);
    kind.split([',', ' ', ')']).next().unwrap_or(kind)
}

impl Log for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Trace && [CALLS, STATES].contains(&metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let Some((slot, text)) = text.split_once(": ") else { return };
        self.with(|recording| {
            if recording.thread == thread::current().id() && recording.is_of_pair(slot) {
                match record.target() {
                    CALLS => recording.server_called(text),
                    _ => recording.server_changed(text),
                }
            }
        });
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_the_log() {
        let call = |text| parse_call(text).unwrap();
        assert_eq!(call("recv Ok(18)"), Call::new("recv", Outcome::Bytes(18)));
        assert_eq!(call("shutdown Ok(())"), Call::new("shutdown", Outcome::Done));
        let blocks = "recv Err(Os { code: 11, kind: WouldBlock, message: \"Resource\" })";
        assert_eq!(call(blocks), Call::new("recv", Outcome::Failed("WouldBlock".into())));
        assert_eq!(parse_call("nonsense"), None);
    }
}
