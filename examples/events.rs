//! Server-sent events: a timer of the host feeds all streams, and a client that reconnects gets what it has missed.
//!
//! ```sh
//! cargo run --example events [ADDRESS [MILLISECONDS]]
//! curl -N http://127.0.0.1:8080/events -H 'Last-Event-ID: 3'
//! ```
//!
//! A browser shows them at `/`. Every fifth tick has only a comment, because proxies end connections that are silent.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io::{ErrorKind, Write, stdout};
use std::time::{Duration, Instant};

use fourway::mio::{Events, Poll};
use fourway::{BodyWriter, Config, GoneReason, Handler, More, Reply, Request, RequestId};
use fourway::{Responder, Server, TokenRange, earliest};

const PAGE: &[u8] = include_bytes!("events.html");

/// How many events are kept for clients that reconnect or read slowly. The older ones are lost to them.
const KEPT: usize = 1000;

#[derive(Default)]
struct World {
    last: u64,
    kept: VecDeque<String>,
    streams: HashMap<RequestId, u64>, // Each with the number of its next event.
}

impl Handler for World {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if request.path() != "/events" {
            return responder.send(200, "text/html", PAGE);
        }
        let seen = request.header("Last-Event-ID").and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
        let (id, reply) = responder.status(200).content_type("text/event-stream").stream(None);
        // A client may have seen more, if this program was started anew.
        self.streams.insert(id, seen.unwrap_or(self.last).min(self.last) + 1);
        reply
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        let Some(next) = self.streams.get_mut(&id) else { return More::Abort };
        if *next > self.last {
            // A comment, and the time after which a browser connects again.
            let _ = piece.write_str(": nothing new\nretry: 1000\n\n");
        }
        let oldest = self.last + 1 - self.kept.len() as u64;
        *next = oldest.max(*next);
        for event in self.kept.range((*next - oldest) as usize..) {
            if piece.room_left() < event.len() {
                return More::Again;
            }
            let _ = piece.write_str(event);
            *next += 1;
        }
        More::Later
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.streams.remove(&id);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |number, default: &str| std::env::args().nth(number).unwrap_or(default.into());
    let period = Duration::from_millis(argument(2, "1000").parse()?);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    let listener = server.listen(argument(1, "127.0.0.1:8080").parse()?)?;
    println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?);
    stdout().flush()?;

    let mut world = World::default();
    let (mut tick, mut next_tick) = (0, Instant::now());
    loop {
        let now = Instant::now();
        let timer = Some(next_tick.saturating_duration_since(now));
        match poll.poll(&mut events, earliest(timer, server.next_timeout(now))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        events.iter().for_each(|event| _ = server.handle_event(event));
        let now = Instant::now();
        if now >= next_tick {
            (tick, next_tick) = (tick + 1, now + period);
            if tick % 5 > 0 {
                world.last += 1;
                world.kept.push_back(format!("id: {0}\ndata: event {0}\n\n", world.last));
                world.kept.drain(..world.kept.len().saturating_sub(KEPT));
            }
            // If a stream has ended meanwhile, `Handler::gone` reports it.
            world.streams.keys().for_each(|&id| _ = server.resume(id, now));
        }
        server.process(now, &mut world);
    }
}
