//! Slow clients by the hundred and a greedy one, all at once: an honest client's answer comes within a
//! number of turns that follows from the budgets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fourway::{Budget, Config, Reason, Server, earliest, handler_fn};

use super::raw::Raw;
use crate::common::embed::Loop;
use crate::common::kernel::Pair;
use crate::common::own::my_turn;
use crate::common::{ANY_PORT, PATIENCE, get, routes, say, tools, wait_until};

/// What one turn of this host takes from the poller, as the program does.
const EVENTS: usize = 1024;

const HONEST: usize = 100;

const IN_HEAD: &str = "GET / HTTP/1.1\r\nHost: test\r\nX: ";
const IN_BODY: &str = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n";

/// A server under siege, in a loop with all its clients.
struct Siege {
    host: Loop,
    server: Server,
    address: SocketAddr,
    /// Slow in the head and in the body, with how each of them begins.
    talkers: Vec<(Raw, &'static str)>,
    readers: Vec<Raw>,
    greedy: Raw,
    /// What the greedy one sends again and again, and how much of it has left.
    pipeline: Vec<u8>,
    sent: usize,
    /// How often a slow client had to make room for another.
    cut_off: usize,
    turns: u64,
    /// How many honest requests have been answered.
    honest: u32,
}

impl Siege {
    /// Lays a siege with `slow` clients of each kind, or fewer if there are no descriptors for both ends of each.
    fn lay(slow: usize, exchanges: usize) -> Siege {
        let slow = tools::descriptors(2 * (3 * slow + 2)) / 6;
        let mut config = Config::default();
        // A client that was cut off has a slot until the server sees that it has gone.
        config.max_connections = 8 * slow;
        config.exchanges = exchanges;
        config.buffers.heads = exchanges;
        config.buffers.outs = exchanges;
        config.buffers.bodies = exchanges;
        config.budget = budget();
        // No timeout ends a client, because the siege would then be over.
        for timeout in [&mut config.timeouts.head, &mut config.timeouts.body, &mut config.timeouts.write] {
            *timeout = 10 * PATIENCE;
        }
        let host = Loop::new(EVENTS);
        let mut server = host.server(0, config);
        let listener = server.listen(ANY_PORT).expect("a free port");
        let address = server.local_addr(listener).expect("it listens");
        let talkers = [IN_HEAD, IN_BODY].iter().flat_map(|&begin| {
            let begun = move |_| (begun(address, begin), begin);
            (0..slow).map(begun)
        });
        let talkers = talkers.collect();
        let reader = |_| {
            let reader = Raw::with_small_window(address);
            reader.send(get("/big").repeat(20));
            reader
        };
        let readers = (0..slow).map(reader).collect();
        let (greedy, pipeline) = (Raw::connect(address), get("/greedy").repeat(10_000).into_bytes());
        let (sent, cut_off, turns, honest) = (0, 0, 0, 0);
        let mut siege =
            Siege { host, server, address, talkers, readers, greedy, pipeline, sent, cut_off, turns, honest };
        while siege.turn() || siege.server.stats().accepted < siege.clients() as u64 {}
        siege
    }

    fn clients(&self) -> usize {
        self.talkers.len() + self.readers.len() + 1
    }

    /// One turn, within its budget; whether there was anything to do.
    fn turn(&mut self) -> bool {
        let before = self.server.stats();
        let timeout = earliest(self.server.next_timeout(Instant::now()), Some(Duration::from_millis(100)));
        self.host.wait(timeout);
        self.host.events.iter().for_each(|event| assert!(self.server.handle_event(event)));
        let progress = self.server.process(
            Instant::now(),
            &mut handler_fn(|request, responder| {
                self.honest += u32::from(request.target() == "/honest");
                routes(request, responder)
            }),
        );
        let after = self.server.stats();
        self.turns += 1;
        let budget = budget();
        assert!(progress.requests <= budget.requests && progress.accepted <= budget.accepts, "{progress:?}");
        let bytes = after.bytes_in + after.bytes_out - before.bytes_in - before.bytes_out;
        assert!(bytes <= most_bytes(), "{bytes} bytes in one turn");
        progress.more || !self.host.events.is_empty()
    }

    /// All do what they can to keep the server busy. A client that was cut off connects again at once, and leaves
    /// nothing in TIME_WAIT.
    fn press(&mut self) {
        for (talker, begin) in &mut self.talkers {
            talker.read_all();
            if talker.end.is_some() {
                std::mem::replace(talker, begun(self.address, begin)).reset();
                self.cut_off += 1;
            }
            talker.send_some(b"x");
        }
        for reader in &mut self.readers {
            reader.read(64);
            reader.received.clear();
        }
        self.greedy.read_all();
        self.greedy.received.clear();
        loop {
            let from = self.sent % self.pipeline.len();
            match self.greedy.send_some(&self.pipeline[from..]) {
                0 => break,
                len => self.sent += len,
            }
        }
    }

    /// How many turns it takes until a request is answered that has just arrived.
    fn turns_until_answered(&mut self, honest: &mut Raw) -> u32 {
        let (answered, request, pair) = (self.honest, get("/honest"), Pair::of(&honest.socket));
        honest.received.clear();
        honest.send(&request);
        wait_until("the request has arrived", || pair.queued_at_server() == Some((0, request.len() as u64)));
        let mut turns = 0;
        while self.honest == answered {
            self.press();
            self.turn();
            turns += 1;
            assert!(turns <= self.most_turns(), "{turns} turns: {:?}", self.server);
        }
        wait_until("the answer has arrived", || {
            honest.read_all() == 0 && honest.statuses() == (vec![200], 0)
        });
        turns
    }

    /// Returns how many turns it can take at most, whatever the others do. The poller reports each socket once before
    /// it reports any twice. Each connection is served once before the newest, for no more than its budget.
    fn most_turns(&self) -> u32 {
        let Budget { requests, requests_per_connection, bytes_per_connection, .. } = budget();
        let everybody = self.clients() + 2;
        let a_readers_visit = bytes_per_connection / BYTES_PER_REQUEST;
        let visits = everybody + self.readers.len() * a_readers_visit + requests_per_connection as usize;
        (everybody.div_ceil(EVENTS) + visits.div_ceil(requests as usize)) as u32
    }

    /// A hundred requests, half of them on fresh connections; the most turns that any of them waits.
    fn slowest_answer(&mut self) -> u32 {
        let mut kept = Raw::connect(self.address);
        let mut slowest = 0;
        for number in 0..HONEST {
            let turns = if number % 2 == 0 {
                self.turns_until_answered(&mut kept)
            } else {
                let mut fresh = Raw::connect(self.address);
                let turns = self.turns_until_answered(&mut fresh);
                fresh.reset();
                turns
            };
            slowest = slowest.max(turns);
        }
        slowest
    }

    /// How many requests of the greedy one wait to be answered.
    fn in_flight(&self) -> u64 {
        let others = (self.readers.len() + HONEST) as u64;
        (self.sent / get("/greedy").len()) as u64 - (self.server.stats().requests - others)
    }
}

/// That of a host that wants short turns, so that there is little that a slow client can cost.
fn budget() -> Budget {
    let mut budget = Budget::default();
    budget.bytes_per_connection = 4 * BYTES_PER_REQUEST;
    budget
}

/// This number of bytes counts as a request.
const BYTES_PER_REQUEST: usize = 8 * 1024;

/// Returns how many bytes a turn may move: 8 KiB for each request that it may answer, and as much again, because what a
/// visit moves beyond its last 8 KiB is not counted. The members of the last wave may exceed that, each by what one
/// connection may move.
fn most_bytes() -> u64 {
    const ONE_READ: usize = 64 * 1024;
    let budget = budget();
    let beyond = budget.wave_size * (budget.bytes_per_connection + ONE_READ);
    (2 * budget.requests as usize * BYTES_PER_REQUEST + beyond) as u64
}

fn begun(address: SocketAddr, begin: &str) -> Raw {
    let client = Raw::connect(address);
    client.send(begin);
    client
}

#[test]
fn among_slow_and_greedy_clients_an_honest_one_is_answered_within_a_few_turns() {
    let _turn = my_turn();
    let mut siege = Siege::lay(500, 2000);
    let slowest = siege.slowest_answer();
    let stats = siege.server.stats();
    say(&format!(
        "100 of 100 honest requests among {} hostile clients: the slowest in {slowest} turns of {} allowed",
        siege.clients(),
        siege.most_turns()
    ));
    assert_eq!((siege.cut_off, stats.errors.iter().sum::<u64>()), (0, 0), "there is room for all of them");
    assert_eq!(stats.closes(Reason::Evicted), 0);
    assert!(siege.in_flight() > 1000, "{} in flight", siege.in_flight());
    let greedy = stats.requests - (siege.readers.len() + HONEST) as u64;
    assert!(greedy <= siege.turns * u64::from(budget().requests_per_connection), "it has had {greedy}");
}

#[test]
fn where_slow_clients_take_more_exchanges_than_there_are_an_honest_one_is_answered_within_a_few_turns() {
    let _turn = my_turn();
    let mut siege = Siege::lay(200, 100);
    let slowest = siege.slowest_answer();
    let stats = siege.server.stats();
    say(&format!(
        "100 of 100 honest requests while {} slow clients were cut off: the slowest in {slowest} turns of {} \
         allowed",
        siege.cut_off,
        siege.most_turns()
    ));
    assert!(stats.errors(503) > 2 * siege.talkers.len() as u64, "they make way again and again");
    assert_eq!(stats.errors(408), 0);
}
