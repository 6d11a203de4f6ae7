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
use super::step::{Step, number};

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
    slots: Vec<u64>,
    /// The slot of the connection, after the server has accepted it.
    slot: Option<u64>,
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

    /// Returns whether a record of the log is about the watched connection.
    fn is_of_pair(&mut self, slot: u64) -> bool {
        let Some(pair) = self.pair else { return false };
        if self.slot.is_none() && !self.slots.contains(&slot) {
            self.slots.push(slot);
            let end = self.kernel.end(pair.server, pair.client);
            // Elsewhere than on Linux nobody says whether it is accepted, and there are no other clients.
            if end.is_held || end.state.is_none() {
                self.slot = Some(slot);
                // The record of accept came before the slot was known. The first call follows it.
                let change = Change { to: "Idle".into(), why: "accepted".into() };
                self.add(Actor::Server, Some(Call::new("accept", Outcome::Done)), Some(change));
            }
        }
        self.slot == Some(slot)
    }

    /// Adds what a record says of the server: a system call, or a change of its own state.
    fn server_did(&mut self, step: Step) {
        match step {
            Step::Call(call) => self.add(Actor::Server, Some(call), None),
            // The socket has just been closed, and `close` has no record of its own.
            Step::Close(change) => {
                self.add(Actor::Server, Some(Call::new("close", Outcome::Done)), Some(change));
            }
            Step::Change(change) => {
                let last = self.rows.last_mut();
                match last.filter(|row| row.actor == Actor::Server && row.change.is_none()) {
                    Some(row) => row.change = Some(change),
                    None => self.add(Actor::Server, None, Some(change)),
                }
            }
        }
    }
}

impl Log for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() == Level::Trace && [CALLS, STATES].contains(&metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let fields = record.key_values();
        let (Some(slot), Some(step)) = (number(fields, "slot"), Step::of(fields)) else { return };
        self.with(|recording| {
            if recording.thread == thread::current().id() && recording.is_of_pair(slot) {
                recording.server_did(step);
            }
        });
    }

    fn flush(&self) {}
}
