//! Responses that come later: from a worker thread, and from a timer.
//!
//! ```sh
//! cargo run --example deferred [ADDRESS]
//! curl 'http://127.0.0.1:8080/factor?n=1000036000099' 'http://127.0.0.1:8080/after?ms=200'
//! ```

use std::io::{ErrorKind, Write, stdout};
use std::time::{Duration, Instant};
use std::{collections::VecDeque, error::Error, sync::mpsc, thread};

use fourway::mio::{Events, Poll, Token, Waker};
use fourway::{
    Config, GoneReason, Handler, Reply, Request, RequestId, Responder, Server, TokenRange, earliest,
};

/// The requests that wait are here, so `gone` can remove them. There are at most `Config::exchanges`.
#[derive(Default)]
struct World {
    jobs: VecDeque<(RequestId, u64)>,
    timers: Vec<(Instant, RequestId, u64)>, // Sorted, the earliest first.
    gone: u64,
}

impl Handler for World {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let (name, value) = request.query().and_then(|query| query.split_once('=')).unwrap_or_default();
        match (request.path(), name, value.parse()) {
            ("/factor", "n", Ok(n @ 2..=1_000_000_000_000_000)) => {
                let (id, reply) = responder.defer();
                self.jobs.push_back((id, n));
                reply
            }
            // Less than `Timeouts::deferred`, because the server sends a 503 after that.
            ("/after", "ms", Ok(ms @ 0..=20_000)) => {
                let (id, reply) = responder.defer();
                let due = Instant::now() + Duration::from_millis(ms);
                let place = self.timers.partition_point(|&(other, ..)| other <= due);
                self.timers.insert(place, (due, id, ms));
                reply
            }
            ("/counts", ..) => responder.body_with(200, "text/plain", |body| {
                writeln!(body, "waiting {}, gone {}", self.jobs.len() + self.timers.len(), self.gone)
            }),
            _ => responder.send(400, "text/plain", b"try /factor?n=91, /after?ms=200 or /counts\n"),
        }
    }

    fn gone(&mut self, gone: RequestId, _: GoneReason) {
        self.jobs.retain(|&(id, _)| id != gone);
        self.timers.retain(|&(_, id, _)| id != gone);
        self.gone += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
    let listener = server.listen(std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into()).parse()?)?;
    println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?);
    stdout().flush()?;

    // The channel holds only one job, because a job in a channel cannot be taken back.
    let (to_worker, jobs) = mpsc::sync_channel(1);
    let (to_loop, results) = mpsc::channel();
    let waker = Waker::new(poll.registry(), Token(0))?;
    thread::spawn(move || {
        let factor = |n| (2..).take_while(|d| d * d <= n).find(|d| n % d == 0).unwrap_or(n);
        jobs.iter().all(|(id, n)| to_loop.send((id, factor(n))).is_ok() && waker.wake().is_ok())
    });

    let mut answered = 0;
    let mut world = World::default();
    loop {
        let now = Instant::now();
        let timer = world.timers.first().map(|(due, ..)| due.saturating_duration_since(now));
        match poll.poll(&mut events, earliest(timer, server.next_timeout(now))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        // The waker's event belongs to no server. It has done its work, because it has ended the wait.
        events.iter().for_each(|event| _ = server.handle_event(event));
        let now = Instant::now();
        let due = world.timers.partition_point(|&(due, ..)| due <= now);
        let elapsed = world.timers.drain(..due).map(|(_, id, ms)| (id, ms));
        for (id, number) in elapsed.chain(results.try_iter()) {
            // If the request is gone meanwhile, `Handler::gone` has reported it.
            let Ok(responder) = server.respond(id, now) else { continue };
            answered += 1;
            responder.send(200, "text/plain", format!("answer {answered}: {number}\n").as_bytes());
        }
        server.process(now, &mut world);
        // If the channel is full, a result is still to come, and it will wake this loop.
        while world.jobs.front().is_some_and(|&job| to_worker.try_send(job).is_ok()) {
            world.jobs.pop_front();
        }
    }
}
