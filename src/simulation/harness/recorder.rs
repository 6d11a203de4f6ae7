//! The recorder of a story: it makes a trace of what the server, its clients and their kernels do in this thread.
//!
//! Tests run in several threads, and there is only one logger. So each thread has its own recorder, and a thread without
//! one records nothing.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log::kv::{ToValue, Value};
use log::{LevelFilter, Log, Metadata, Record};

use super::socket::{Ending, Socket};
pub(crate) use tracer::Header;
use tracer::Tracer;

// The program writes the same lines. A story loses none of them, so nothing here notes a gap.
#[allow(dead_code)]
#[path = "../../bin/fourway/trace/tracer.rs"]
mod tracer;

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// How many threads record.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

struct Recorder {
    tracer: Tracer,
    lines: String,
    now: Duration,
    /// The ends of each connection when they were last noted.
    ends: HashMap<usize, Ends>,
    /// Those that have changed since.
    changed: Vec<(usize, Ends)>,
}

/// What both kernels have of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ends {
    server_unread: usize,
    server_state: &'static str,
    held_back: usize,
    client_got: usize,
    client_room: Option<usize>,
    client_state: &'static str,
}

impl Ends {
    fn of(socket: &Socket) -> Self {
        let server_state = match (socket.closed, socket.ending) {
            _ if socket.is_reset() => "reset",
            (_, Some(Ending::Reset)) => "reset",
            (true, _) => "closed",
            (false, Some(Ending::Fin)) => "fin sent",
            (false, None) => "open",
        };
        let client_state = match (socket.client_gone, socket.client_fin) {
            _ if socket.is_reset() || socket.ending == Some(Ending::Reset) => "reset",
            (true, _) => "closed",
            (_, true) => "fin sent",
            _ => "open",
        };
        Ends {
            server_unread: socket.input.len(),
            server_state,
            held_back: socket.held_back,
            client_got: socket.sent().len(),
            client_room: Some(socket.room).filter(|&room| room != usize::MAX),
            client_state,
        }
    }
}

/// Begins to record in this thread.
pub(crate) fn begin() {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| log::set_logger(&ThreadLogger).expect("tests have no other logger"));
    // While nothing is recorded, the other tests do not make records that nobody wants.
    ACTIVE.fetch_add(1, Ordering::SeqCst);
    log::set_max_level(LevelFilter::Trace);
    let recorder = Recorder {
        tracer: Tracer::new(1),
        lines: String::new(),
        now: Duration::ZERO,
        ends: HashMap::new(),
        changed: Vec::new(),
    };
    RECORDER.set(Some(recorder));
}

/// Ends the recording. Returns all lines but the header.
pub(crate) fn end() -> String {
    let mut recorder = RECORDER.take().expect("it was begun");
    if ACTIVE.fetch_sub(1, Ordering::SeqCst) == 1 {
        log::set_max_level(LevelFilter::Off);
    }
    recorder.add_ends();
    let t = recorder.micros();
    recorder.tracer.add_end(0, t, &mut recorder.lines);
    recorder.lines
}

/// Sets the time of the next records.
pub(crate) fn set_time(elapsed: Duration) {
    with(|recorder| recorder.now = elapsed);
}

/// Records what the client of a connection does.
pub(crate) fn client(id: usize, does: &str, bytes: Option<usize>, text: Option<&[u8]>) {
    with(|recorder| {
        let text = text.map(shortened);
        let text = text.as_deref();
        let fields = [
            ("kind", "client".into()),
            ("connection", (id + 1).into()),
            ("does", does.into()),
            ("bytes", bytes.to_value()),
            ("text", text.to_value()),
        ];
        recorder.add(&fields);
    });
}

/// Records what the kernel does by itself.
pub(crate) fn kernel(does: &str) {
    with(|recorder| recorder.add(&[("kind", "kernel".into()), ("does", does.into())]));
}

/// Records what the host does beside its turns.
pub(crate) fn host(does: &str) {
    with(|recorder| recorder.add(&[("kind", "host".into()), ("does", does.into())]));
}

/// Notes both ends of a connection. They are recorded after the step that has changed them.
pub(crate) fn ends(id: usize, socket: &Socket) {
    with(|recorder| {
        let ends = Ends::of(socket);
        if recorder.ends.insert(id, ends.clone()).as_ref() != Some(&ends) {
            recorder.changed.retain(|&(other, _)| other != id);
            recorder.changed.push((id, ends));
        }
    });
}

fn with(act: impl FnOnce(&mut Recorder)) {
    RECORDER.with_borrow_mut(|recorder| {
        if let Some(recorder) = recorder {
            act(recorder);
        }
    });
}

/// Returns the first bytes as text.
fn shortened(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    if bytes.len() > MOST { format!("{text}...") } else { text.into_owned() }
}

impl Recorder {
    fn micros(&self) -> u64 {
        self.now.as_micros() as u64
    }

    fn add(&mut self, fields: &[(&str, Value<'_>)]) {
        self.add_record(&Record::builder().key_values(&fields).build());
    }

    /// Adds a record. The kernel's ends have changed during a call, whose record comes only when it returns.
    fn add_record(&mut self, record: &Record<'_>) {
        let kind = record.key_values().get("kind".into());
        let is_call = kind.is_some_and(|kind| matches!(kind.to_borrowed_str(), Some("call" | "closed")));
        if !is_call {
            self.add_ends();
        }
        let t = self.micros();
        self.tracer.add(record, t, &mut self.lines);
        if is_call {
            self.add_ends();
        }
    }

    fn add_ends(&mut self) {
        for (id, ends) in std::mem::take(&mut self.changed) {
            let held_back = Some(ends.held_back).filter(|&bytes| bytes > 0);
            let fields: &[(&str, Value<'_>)] = &[
                ("kind", "ends".into()),
                ("connection", (id + 1).into()),
                ("server_unread", ends.server_unread.into()),
                ("server_state", ends.server_state.into()),
                ("held_back", held_back.to_value()),
                ("client_got", ends.client_got.into()),
                ("client_room", ends.client_room.to_value()),
                ("client_state", ends.client_state.into()),
            ];
            let t = self.micros();
            self.tracer.add(&Record::builder().key_values(&fields).build(), t, &mut self.lines);
        }
    }
}

/// Hands each record to the recorder of its thread.
struct ThreadLogger;

impl Log for ThreadLogger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        RECORDER.with_borrow(Option::is_some)
    }

    fn log(&self, record: &Record<'_>) {
        with(|recorder| recorder.add_record(record));
    }

    fn flush(&self) {}
}
