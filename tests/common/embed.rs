//! A host's loop that a test owns: its own poller, its own sources beside the server's, and a
//! handler that is nothing but the host's state.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fourway::mio::{Events, Poll, Token};
use fourway::{
    Body, Config, ConnectionId, GoneReason, Handler, ListenerId, Progress, Reason, Reply, Request, RequestId,
    Responder, Server, TokenRange, earliest,
};

use super::{ANY_PORT, Client, PATIENCE, get, raise_descriptor_limit};

/// The poller and its events.
pub struct Loop {
    pub poll: Poll,
    pub events: Events,
}

impl Loop {
    /// Makes a loop with room for `capacity` events at a time.
    pub fn new(capacity: usize) -> Loop {
        raise_descriptor_limit();
        Loop { poll: Poll::new().expect("a poller"), events: Events::with_capacity(capacity) }
    }

    pub fn server(&self, range: u8, config: Config) -> Server {
        Server::new(self.poll.registry(), TokenRange::nth(range), config).expect("a sound config")
    }

    /// Waits once, as long as the server allows and at most `wait`, and hands the server its events. Returns the tokens
    /// of all other events, in their order.
    pub fn gather(&mut self, server: &mut Server, wait: Duration) -> Vec<Token> {
        self.wait(earliest(Some(wait), server.next_timeout(Instant::now())));
        self.events.iter().filter(|event| !server.handle_event(event)).map(|event| event.token()).collect()
    }

    /// Waits once.
    pub fn wait(&mut self, timeout: Option<Duration>) {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("poll: {error}"),
            _ => {}
        }
    }
}

/// The state of a host whose requests are answered later, or never.
#[derive(Default)]
pub struct World {
    /// Targets, in the order in which they were asked for.
    pub asked: Vec<String>,
    /// What waits for its answer, in the order of the requests.
    pub parked: Vec<RequestId>,
    pub gone: Vec<(RequestId, GoneReason)>,
    /// The connection and the listener of each request, if connections have names.
    pub origins: Vec<(Option<ConnectionId>, Option<ListenerId>)>,
    pub closed: Vec<(ConnectionId, Reason)>,
    /// What is answered to these targets.
    pub bodies: HashMap<&'static str, Body>,
}

/// What a handler's panic carries, so that it differs from a test's. Nothing is printed.
pub struct HandlerPanic;

impl Handler for World {
    fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
        let target = request.target();
        self.asked.push(target.to_owned());
        self.origins.push((request.connection(), request.listener()));
        if let Some(body) = self.bodies.get(target) {
            return responder.status(200).body(body.clone());
        }
        if target == "/panic" {
            resume_unwind(Box::new(HandlerPanic));
        }
        if !target.starts_with("/later") && !target.starts_with("/keep") {
            return responder.body_with(200, "text/plain", |body| {
                let _ = write!(body, "{target}").and_then(|()| body.write_all(request.body()));
            });
        }
        let (id, reply) =
            if target.starts_with("/keep") { responder.defer_keeping() } else { responder.defer() };
        self.parked.push(id);
        if target == "/later-panic" {
            resume_unwind(Box::new(HandlerPanic));
        }
        reply
    }

    fn gone(&mut self, id: RequestId, why: GoneReason) {
        self.gone.push((id, why));
    }

    fn closed(&mut self, id: ConnectionId, why: Reason) {
        self.closed.push((id, why));
    }
}

/// A server with one listener in a loop, moved by hand.
pub struct Rig<H = World> {
    pub host: Loop,
    pub server: Server,
    pub world: H,
    pub address: SocketAddr,
}

impl<H: Handler> Rig<H> {
    /// Makes one with this handler.
    pub fn with(config: Config, world: H) -> Rig<H> {
        let host = Loop::new(256);
        let mut server = host.server(0, config);
        let listener = server.listen(ANY_PORT).expect("a free port");
        let address = server.local_addr(listener).expect("it listens");
        Rig { host, server, world, address }
    }

    /// One turn of the loop, after at most `wait` of waiting.
    pub fn turn(&mut self, wait: Duration) -> Progress {
        let others = self.host.gather(&mut self.server, wait);
        assert_eq!(others, [], "all tokens are the server's");
        self.server.process(Instant::now(), &mut self.world)
    }

    /// Turns until it is so.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Server, &mut H) -> bool) {
        let start = Instant::now();
        while !is_so(&mut self.server, &mut self.world) {
            assert!(start.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}: {:?}", self.server);
            self.turn(Duration::from_millis(100));
        }
    }

    /// Turns until all that has arrived is processed.
    pub fn settle(&mut self) {
        while self.turn(Duration::ZERO).more || !self.host.events.is_empty() {}
    }

    /// Turns until a client on another thread has finished.
    pub fn serve<T>(&mut self, client: JoinHandle<T>) -> T {
        self.serve_while(client, |_, _| {})
    }

    /// The same. Before each turn the host does something of its own.
    pub fn serve_while<T>(&mut self, client: JoinHandle<T>, mut act: impl FnMut(&mut Server, &mut H)) -> T {
        let start = Instant::now();
        while !client.is_finished() {
            assert!(start.elapsed() < PATIENCE, "the client waits for ever: {:?}", self.server);
            act(&mut self.server, &mut self.world);
            self.turn(Duration::from_millis(5));
        }
        client.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Rig {
    pub fn new(config: Config) -> Rig {
        Rig::with(config, World::default())
    }

    /// Turns until a handler's panic, which the host catches; then it goes on.
    pub fn until_panic(&mut self) {
        let turns = AssertUnwindSafe(|| self.until("the handler panics", |_, _| false));
        assert!(catch_unwind(turns).unwrap_err().is::<HandlerPanic>());
    }

    /// Turns until this number of requests has come since the beginning.
    pub fn until_asked(&mut self, count: usize) {
        self.until(&format!("{count} requests have come"), |_, world| world.asked.len() >= count);
    }

    /// Returns a client that has sent this request, which the handler has seen.
    pub fn asking(&mut self, target: &str) -> Client {
        let mut client = Client::connect(self.address);
        self.ask(&mut client, target);
        client
    }

    pub fn ask(&mut self, client: &mut Client, target: &str) {
        let asked = self.world.asked.len();
        client.send(get(target));
        self.until_asked(asked + 1);
    }

    /// Returns a deferred request, and its client.
    pub fn parked(&mut self, target: &str) -> (Client, RequestId) {
        let client = self.asking(target);
        (client, *self.world.parked.last().expect("it was deferred"))
    }

    /// Proves that new clients are served.
    pub fn expect_alive(&mut self) {
        let mut client = self.asking("/alive");
        self.settle();
        assert_eq!(client.response().body, b"/alive");
    }
}
