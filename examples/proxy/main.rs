//! A reverse proxy: a request waits until the upstream responds, on a connection in the same loop.
//!
//! ```sh
//! cargo run --example proxy [ADDRESS [UPSTREAM [SECONDS]]]
//! curl http://127.0.0.1:8080/ http://127.0.0.1:8080/proxy-stats
//! ```
//!
//! It gathers the body of a request, up to 1 MiB, and passes the body of a response on as fast as the client reads. Each
//! request takes a new connection, and the upstream has SECONDS (10) to begin its response, and for each part of it.

mod exchanges;
mod upstream;

use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use exchanges::Exchanges;
use fourway::mio::{Events, Poll};
use fourway::{BodyWriter, Config, GoneReason, Handler, More, Reply, Request, RequestId, Responder};
use fourway::{Server, Stats, TokenRange};

struct Proxy(Exchanges);

impl Handler for Proxy {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        if request.path() != "/proxy-stats" {
            return self.0.begin(request, responder);
        }
        let &Stats { open, deferred, streaming, .. } = responder.stats();
        let upstream = self.0.len();
        responder.body_with(200, "text/plain", |body| {
            writeln!(body, "open {open}, deferred {deferred}, streaming {streaming}, upstream {upstream}")
        })
    }

    fn more(&mut self, id: RequestId, piece: &mut BodyWriter<'_>) -> More {
        self.0.pass_on(id, piece)
    }

    fn overdue<'r>(&mut self, id: RequestId, responder: Responder<'r>) -> Reply<'r> {
        self.0.end(id);
        responder.send(504, "text/plain", "the upstream is silent\n")
    }

    fn gone(&mut self, id: RequestId, _: GoneReason) {
        self.0.end(id);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default: &str| arguments.next().unwrap_or(default.into());
    let address = argument("127.0.0.1:8080").parse()?;
    let upstream = argument("127.0.0.1:8000").parse()?;
    let silence = Duration::try_from_secs_f32(argument("10").parse()?)?;

    let mut config = Config::default();
    // A client that leaves sends a FIN. So this cancels its request, although it may have closed only its half.
    config.half_close = false;
    (config.timeouts.deferred, config.timeouts.stream) = (silence, silence);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut server = Server::new(poll.registry(), TokenRange::nth(0), config)?;
    let listener = server.listen(address)?;
    println!("listening on http://{}", server.local_addr(listener).ok_or("it does not listen")?);

    let mut proxy = Proxy(Exchanges::new(poll.registry().try_clone()?, upstream));
    loop {
        match poll.poll(&mut events, server.next_timeout(Instant::now())) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let now = Instant::now();
        for event in &events {
            if !server.handle_event(event) {
                proxy.0.go_on(event.token(), &mut server, now);
            }
        }
        server.process(now, &mut proxy);
    }
}
