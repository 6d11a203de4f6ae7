//! The host. It delivers edges, calls `process`, owns the time, and checks the server's books.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use mio::Token;

use super::client::Client;
use super::figures::gauges;
use super::handler::{HandlerPanic, Site};
use super::kernel::World;
use super::net::{FakeListener, FakeNet, FakeStream, Wire};
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
    queue: HashMap<usize, Queued>,
    /// The capacities at the start of everything that could grow.
    capacities: Vec<usize>,
}

struct Queued {
    place: usize,
    calls: usize,
    state: State,
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

    // --- what always holds ---

    /// Checks that the server's books agree with each other and with the wire between turns.
    fn check_books(&self, progress: Progress) {
        let (table, pool) = self.engine.internals();
        assert_eq!(self.engine.capacities(), self.capacities, "nothing grows");
        let stats = self.engine.stats();
        assert_eq!(table.len() as u64, stats.accepted - stats.closed);
        assert_eq!(table.len(), self.world().open - self.site.taken.len(), "slots and sockets");
        for (_, connection) in table.iter() {
            let socket = &self.world().sockets[connection.socket.stream().id];
            let is_held_back = socket.held_back > 0 && socket.ending.is_none();
            assert!(!is_held_back, "the FIN that was promised was not sent");
        }
        let listed: usize = State::WAITING.into_iter().map(|list| table.waiting_len(list)).sum();
        assert_eq!(table.len(), listed, "each connection is in one list");
        assert_eq!(gauges(&stats).iter().sum::<usize>(), stats.open, "each connection is in one gauge");
        for list in State::WAITING {
            let states = table.iter().filter(|(_, c)| c.state.waits_as() == list).count();
            assert_eq!(states, table.waiting_len(list), "connections in {list:?}");
        }
        assert_eq!(table.iter().filter(|&(slot, _)| table.is_ready(slot)).count(), table.ready_len());
        self.check_exchanges();
        self.check_descriptors();
        self.check_kept();
        self.check_names();
        assert!(pool.spares() > 0, "the driver has an exchange to work in");
        assert!(progress.accepted == 0 || !self.engine.has_paused(), "nobody is accepted during a pause");
        self.check_timeout(progress);
    }

    /// Each exchange that is lent belongs to one connection, and has borrowed what its state needs.
    fn check_exchanges(&self) {
        let (table, pool) = self.engine.internals();
        let mut kept: Vec<_> = table.iter().filter_map(|(_, connection)| connection.exchange).collect();
        assert_eq!(kept.len(), pool.lent(), "exchanges kept and lent");
        kept.sort_unstable();
        kept.dedup();
        assert_eq!(kept.len(), pool.lent(), "each is lent once");
        let mut borrowed = [0; 3];
        for (slot, connection) in table.iter() {
            let needs_one = !matches!(connection.state, State::Idle | State::Closing);
            assert_eq!(connection.exchange.is_some(), needs_one, "slot {slot}: {:?}", connection.state);
            if let Some(exchange) = connection.exchange {
                let [head, out, body] = pool.borrowed(exchange);
                let is_right = match connection.state {
                    State::Head | State::AwaitingBuffer => head && !out && !body,
                    State::Body => head != body && !out,
                    State::Holding => head && !out && !body,
                    // What is answered is settled in its turn.
                    State::Deferred => {
                        let is_kept = pool.kept(exchange).is_some();
                        table.is_ready(slot) || (!out && (!body || is_kept))
                    }
                    State::Streaming => !body && (!out || table.is_ready(slot)),
                    State::Idle | State::Received | State::Sending | State::Closing => !(head && body),
                };
                let is_frugal = table.is_ready(slot) || pool.is_frugal(exchange);
                assert!(is_frugal, "slot {slot} keeps what it does not need in {:?}", connection.state);
                assert!(is_right, "slot {slot} has borrowed {head}, {out}, {body} in {:?}", connection.state);
                for (sum, one) in borrowed.iter_mut().zip([head, out, body]) {
                    *sum += usize::from(one);
                }
            }
        }
        assert_eq!(borrowed, pool.buffers_lent(), "heads, outs and bodies");
        let waits_in_vain = table.waiting_len(State::AwaitingBuffer) > 0 && pool.bodies.buffers.has_spare();
        assert!(!waits_in_vain, "a body waits although a buffer is spare");
    }

    /// The timeout is zero exactly while there is work.
    fn check_timeout(&self, progress: Progress) {
        let (table, _) = self.engine.internals();
        let is_zero = self.timeout() == Some(Duration::ZERO);
        let next = table.next_deadline().min(self.engine.next_slow_body());
        let is_due = u128::from(next) <= self.elapsed.as_nanos();
        assert_eq!(
            is_zero,
            progress.more || is_due,
            "a timeout of zero is work left: {progress:?} {next} {:?}",
            self.timeout()
        );
        assert!(progress.more || table.ready_len() == 0);
        // It may try once more after the wave, whose last member could have freed something.
        let waits_for_more = self.world().run_out > 1 && table.ready_len() == 0 && !is_due;
        assert!(!(is_zero && waits_for_more), "it tries again and again to get what has run out");
    }

    /// Checks that each turn serves a connection of the ready queue, or brings it at least one place forward. So a
    /// connection waits for at most one turn for each connection before it.
    fn check_queue(&mut self) {
        let (table, _) = self.engine.internals();
        let world = self.wire.borrow();
        let mut queue = HashMap::new();
        let ready = std::iter::successors(table.first_ready(), |&slot| table.ready_behind(slot));
        for (place, slot) in ready.enumerate() {
            let id = table[slot].socket.stream().id;
            let (calls, state) = (world.sockets[id].calls.len(), table[slot].state);
            let is_untouched = |before: &&Queued| before.calls == calls && before.state == state;
            if let Some(before) = self.queue.get(&id).filter(is_untouched) {
                assert!(place < before.place, "slot {slot} is passed over, at place {place} of the queue");
            }
            queue.insert(id, Queued { place, calls, state });
        }
        self.queue = queue;
    }

    /// Checks, when nothing moves, that what each connection waits for is not there. So no edge was lost.
    fn check_rest(&self) {
        let (table, pool) = self.engine.internals();
        let world = self.world();
        for (slot, connection) in table.iter() {
            let socket = &world.sockets[connection.socket.stream().id];
            let is_left = socket.client_fin && !self.engine.config().half_close;
            let forgotten = match connection.state {
                State::Received => true,
                State::Idle | State::Head | State::Body | State::Closing => socket.has_input(),
                State::Sending => socket.has_room(),
                State::AwaitingBuffer => socket.has_untold_error(),
                State::Deferred => {
                    let exchange = connection.exchange.expect("it waits with an exchange");
                    is_left || socket.has_untold_error() || pool.awaited(exchange).is_none()
                }
                State::Streaming | State::Holding => {
                    let exchange = connection.exchange.expect("it waits with an exchange");
                    let is_resumed = self.site.resumed.iter().any(|id| id.slot() == slot.index());
                    let is_left = is_left && connection.state == State::Streaming;
                    is_left || socket.has_untold_error() || !pool.is_paused(exchange) || is_resumed
                }
            };
            let (state, calls) = (connection.state, &socket.calls);
            assert!(!forgotten, "slot {slot} sleeps in {state:?} although it need not wait: {calls:?}");
            assert!(u128::from(table.deadline(slot)) > self.elapsed.as_nanos(), "slot {slot} is overdue");
        }
    }
}
