//! The host. It delivers edges, calls `process` and owns the time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use mio::Token;

use super::client::Client;
use super::figures::Figures;
use super::handler::{HandlerPanic, Site};
use super::kernel::World;
use super::net::{FakeListener, FakeNet, FakeStream, Wire};
use super::recorder;
use crate::config::Config;
use crate::engine::{Engine, Progress};
use crate::net::Readiness;
use crate::state::State;
use crate::stats::Stats;
use crate::tokens::{TokenRange, Tokens};

/// The most turns in a row in which nothing moves. No test needs more.
const TURNS: usize = 20_000;

pub(crate) struct Sim {
    pub(crate) engine: Engine<FakeNet>,
    pub(crate) wire: Wire,
    pub(crate) site: Site,
    start: Instant,
    /// The time since the start. The server's clock shows the same, because its first turn was at zero.
    pub(crate) elapsed: Duration,
    /// The ready queue after the last turn, by the number of the socket.
    pub(super) queue: HashMap<usize, Queued>,
    /// The capacities at the start of everything that could grow.
    pub(super) capacities: Vec<usize>,
}

/// A connection in the ready queue.
pub(super) struct Queued {
    pub(super) place: usize,
    pub(super) calls: usize,
    pub(super) state: State,
}

impl Sim {
    /// Creates a server with one listener and 16 slots.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let wall_clock = || UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut config = Config { max_connections: 16, wall_clock, ..Config::default() };
        change(&mut config);
        config.check().expect("the settings make sense");
        let tokens = Tokens::layout(TokenRange::nth(0), config.max_connections).expect("nth is large");
        let wire = Rc::new(RefCell::new(World::new()));
        let mut engine = Engine::new(FakeNet(wire.clone()), tokens, config).expect("it is small");
        engine.add_listener(FakeListener::new(&wire)).expect("it is running");
        let (start, elapsed) = (Instant::now(), Duration::ZERO);
        let (queue, capacities) = (HashMap::new(), engine.capacities());
        let mut sim = Sim { engine, wire, site: Site::default(), start, elapsed, queue, capacities };
        sim.turn();
        sim
    }

    // --- the world ---

    pub(crate) fn connect(&self) -> Client {
        Client::new(&self.wire, 0)
    }

    /// Connects clients that leave before they are accepted. The next calls of accept report that.
    pub(crate) fn abort_handshakes(&self, count: usize) {
        for _ in 0..count {
            _ = self.connect();
        }
        let fault = || io::Error::from(ErrorKind::ConnectionAborted);
        self.world().accept_faults.extend(std::iter::repeat_with(fault).take(count));
    }

    /// Connects a client that is accepted and sends nothing.
    pub(crate) fn connect_idle(&mut self) -> Client {
        let client = self.connect();
        self.settle();
        assert!(client.is_served());
        client
    }

    /// Lets the host accept a client and give it to the server. A stream that the server does not take is closed.
    pub(crate) fn adopt(&mut self) -> (Client, Result<(), ErrorKind>) {
        let stream = FakeStream::of_host(&self.wire);
        let client = Client::of(&self.wire, &stream);
        let now = self.now();
        let adopted = self.engine.call(Some(now)).adopt(stream);
        let named = adopted.map(|name| self.site.known.named.extend(name));
        (client, named.map_err(|refused| refused.error.kind()))
    }

    pub(crate) fn world(&self) -> std::cell::RefMut<'_, World> {
        self.wire.borrow_mut()
    }

    // --- time ---

    pub(crate) fn now(&self) -> Instant {
        self.start + self.elapsed
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.world().run_out = 0;
        self.elapsed += by;
        recorder::set_time(self.elapsed);
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.engine.next_timeout(self.now())
    }

    /// Lets this time pass for a host that never waits longer than it may.
    pub(crate) fn pass(&mut self, by: Duration) {
        let end = self.elapsed + by;
        loop {
            self.settle();
            let left = end - self.elapsed;
            match self.timeout() {
                Some(wait) if wait <= left && !left.is_zero() => self.advance(wait),
                _ if left.is_zero() => return,
                _ => self.advance(left),
            }
        }
    }

    // --- the loop ---

    /// Delivers all edges, and then calls `process` once.
    pub(crate) fn turn(&mut self) -> Progress {
        self.deliver();
        self.process()
    }

    pub(crate) fn deliver(&mut self) {
        let events = self.world().poll();
        for (token, readiness) in events {
            assert!(self.engine.handle(token, readiness), "the token is ours");
        }
    }

    /// Calls `process`, as a host that catches its handler's panics and goes on.
    pub(crate) fn process(&mut self) -> Progress {
        let now = self.now();
        self.site.figures = Some(self.figures());
        let (engine, site) = (&mut self.engine, &mut self.site);
        let outcome = catch_unwind(AssertUnwindSafe(|| engine.call(Some(now)).process(site)));
        self.site.figures = None;
        match outcome {
            Ok(progress) => {
                self.check_books(progress);
                self.check_queue();
                progress
            }
            Err(panic) if panic.is::<HandlerPanic>() => {
                // Some connections were served before the panic, perhaps without a system call.
                self.queue.clear();
                assert_eq!(
                    self.timeout(),
                    Some(Duration::ZERO),
                    "the connection that panicked is still to be closed"
                );
                Progress { more: true, ..Progress::default() }
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Turns until nothing moves any more, but at most `turns` times.
    pub(crate) fn settle_some(&mut self, turns: usize) {
        for _ in 0..turns {
            self.turn();
            if !self.world().has_edges() && self.timeout() != Some(Duration::ZERO) {
                return;
            }
        }
    }

    /// Turns until nothing moves any more. Returns the sum of the turns.
    pub(crate) fn settle(&mut self) -> Progress {
        let mut sum = Progress::default();
        let (mut moved, mut still) = (0, 0);
        while still < TURNS {
            let progress = self.turn();
            sum.accepted += progress.accepted;
            sum.requests += progress.requests;
            sum.closed += progress.closed;
            if !self.world().has_edges() && self.timeout() != Some(Duration::ZERO) {
                self.check_rest();
                self.check_listeners();
                return sum;
            }
            let stats = self.stats();
            let so_far = stats.bytes_in + stats.bytes_out + stats.accepted + stats.closed;
            still = if so_far == moved { still + 1 } else { 0 };
            moved = so_far;
        }
        panic!("it does not come to rest, and nothing has moved for {TURNS} turns");
    }

    // --- what tests look at ---

    /// Returns what a responder of the next call must show.
    pub(super) fn figures(&self) -> Figures {
        Figures {
            now: self.now(),
            deferred: self.engine.config().timeouts.deferred,
            stats: self.stats(),
            is_unfinished: self.engine.is_unfinished(),
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.engine.stats()
    }

    pub(crate) fn waiting(&self, list: State) -> usize {
        self.engine.internals().0.waiting_len(list)
    }

    pub(crate) fn lent(&self) -> usize {
        self.engine.internals().1.lent()
    }

    /// Returns how many heads, outs and bodies are lent.
    pub(crate) fn buffers_lent(&self) -> [usize; 3] {
        self.engine.internals().1.buffers_lent()
    }

    /// Returns the token that a client's connection has in the poller.
    pub(crate) fn token(&self, client: &Client) -> Token {
        let table = self.engine.internals().0;
        let (slot, _) = table.iter().find(|(_, c)| c.socket.stream().id == client.id).expect("it is served");
        table.token(slot)
    }

    pub(crate) fn state(&self, client: &Client) -> State {
        let table = self.engine.internals().0;
        let (_, connection) =
            table.iter().find(|(_, c)| c.socket.stream().id == client.id).expect("it is served");
        connection.state
    }

    pub(crate) fn handle(&mut self, token: Token, readiness: Readiness) -> bool {
        self.engine.handle(token, readiness)
    }

    /// Asserts that the client's current wait ends after exactly this time, and not a nanosecond earlier.
    pub(crate) fn assert_ends_after(&mut self, client: &Client, wait: Duration) {
        const TICK: Duration = Duration::from_nanos(1);
        let before = client.calls();
        assert_eq!(self.timeout(), Some(wait));
        self.advance(wait - TICK);
        self.settle();
        assert_eq!(client.calls(), before, "it ended too early");
        assert_eq!(self.timeout(), Some(TICK));
        self.advance(TICK);
        assert_eq!(self.timeout(), Some(Duration::ZERO));
        self.settle();
        assert_ne!(client.calls(), before, "it did not end in time");
        assert_eq!(self.stats().max_lateness, Duration::ZERO);
    }

    /// Asserts, at the end of a test, that no connection is left, and that all memory was given back.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.stats().open, 0, "{:?}", self.engine.internals().0);
        assert_eq!((self.lent(), self.buffers_lent()), (0, [0; 3]));
        // Others are unread, in the queue of a listener that was closed.
        assert_eq!(self.engine.descriptors().open(), 0);
        self.check_descriptors();
    }
}
