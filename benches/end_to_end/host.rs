//! A host of the library that streams, and takes bodies that it throws away: what the transfers are measured with.
//!
//! - `GET /download/N` is N bytes, generated piece by piece.
//! - `GET /events` has an event at each tick of the host's timer.
//! - `PUT /count` throws a body away, and answers how long it was.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fourway::mio::{Events, Poll, Token, Waker};
use fourway::{
    BodyWriter, Config, GoneReason, Handler, Intake, More, Reply, Request, RequestId, Responder, Server,
    TokenRange, earliest,
};

const EVENTS: usize = 1024;
const CONNECTIONS: usize = 4096;
const STDIN: Token = Token(0);

/// From one event to the next.
pub const TICK: Duration = Duration::from_millis(200);

/// The bytes of a download, over and over. Their number is prime, so what is lost, doubled or moved is noticed.
pub fn page() -> Vec<u8> {
    (0..65_521u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

struct Site {
    page: Vec<u8>,
    streams: HashMap<RequestId, Stream>,
    /// The number of the last event.
    last: u64,
}

enum Stream {
    Download {
        sent: usize,
        len: usize,
    },
    /// The number of the next event.
    Events(u64),
}

impl Handler for Site {
    fn head<'r>(&mut self, _: &Request<'_>, _: RequestId, _: Responder<'r>) -> Result<Intake, Reply<'r>> {
        Ok(Intake::Discard)
    }

    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let len = request.path().strip_prefix("/download/").and_then(|len| len.parse().ok());
        let (stream, announced) = match (request.path(), len) {
            (_, Some(len)) => (Stream::Download { sent: 0, len }, Some(len as u64)),
            ("/events", _) => (Stream::Events(self.last + 1), None),
            _ => {
                let received = request.body_received();
                return responder.body_with(200, "text/plain", |body| write!(body, "{received}"));
            }
        };
        let (id, reply) = responder.status(200).stream(announced);
        self.streams.insert(id, stream);
        reply
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        match self.streams.get_mut(&id) {
            Some(Stream::Download { sent, len }) => {
                while *sent < *len && piece.room_left() > 0 {
                    let rest = &self.page[*sent % self.page.len()..];
                    let part = &rest[..rest.len().min(*len - *sent).min(piece.room_left())];
                    let _ = piece.write_all(part);
                    *sent += part.len();
                }
                if *sent < *len {
                    return More::Again;
                }
            }
            Some(Stream::Events(next)) => {
                while *next <= self.last && piece.room_left() > 100 {
                    let _ = write!(piece, "id: {next}\ndata: event {next}\n\n");
                    *next += 1;
                }
                return if *next <= self.last { More::Again } else { More::Later };
            }
            None => return More::Abort,
        }
        self.streams.remove(&id);
        More::End
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.streams.remove(&id);
    }
}

/// Serves until its standard input ends, then says how many requests it counted.
pub fn run() -> io::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut config = Config::default();
    config.max_connections = CONNECTIONS;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(EVENTS);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), config).map_err(io::Error::other)?;
    let listener = server.listen(([127, 0, 0, 1], 0).into())?;
    let mut out = io::stdout();
    writeln!(out, "host: listening on http://{}", server.local_addr(listener).expect("it listens"))?;
    let waker = Arc::new(Waker::new(poll.registry(), STDIN)?);
    let at_end = waker.clone();
    thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        at_end.wake()
    });

    let mut site = Site { page: page(), streams: HashMap::with_capacity(CONNECTIONS), last: 0 };
    let mut next_tick = Instant::now() + TICK;
    loop {
        let now = Instant::now();
        let tick = Some(next_tick.saturating_duration_since(now));
        match poll.poll(&mut events, earliest(tick, server.next_timeout(now))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            if !server.handle_event(event) {
                return writeln!(out, "requests {}", server.stats().requests);
            }
        }
        let now = Instant::now();
        if now >= next_tick {
            next_tick += TICK;
            site.last += 1;
            for (&id, stream) in &site.streams {
                if let Stream::Events(_) = stream {
                    let _ = server.resume(id, now);
                }
            }
        }
        server.process(now, &mut site);
    }
}
