//! Readiness that is true, false, stale, or of another socket, in any order. It never reaches a connection that it was not
//! for, and it does no harm.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::common::embed::{Loop, Rig, World};
use crate::common::{ANY_PORT, Client, PATIENCE, get};
use fourway::mio::Token;
use fourway::{AtCapacity, Config, Readiness, Server, TokenRange};

/// Numbers that only look random, the same for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    fn readiness(&mut self) -> Readiness {
        let bits = self.below(32);
        Readiness {
            readable: bits & 1 != 0,
            writable: bits & 2 != 0,
            read_closed: bits & 4 != 0,
            priority: bits & 8 != 0,
            error: bits & 16 != 0,
        }
    }
}

const START: usize = 1000;
const RANGE: usize = 1 << 11;

/// A server in the smallest range that it can have: 64 listeners and 6 connections, 16 generations.
fn in_a_small_range() -> Rig {
    let mut config = Config::default();
    config.max_connections = 6;
    // Nobody is to be forced out.
    config.at_capacity = AtCapacity::Pause;
    let host = Loop::new(64);
    let range = TokenRange::new(START, RANGE).expect("a range");
    let mut server = Server::new(host.poll.registry(), range, config).expect("it is large enough");
    let listener = server.listen(ANY_PORT).expect("a free port");
    let address = server.local_addr(listener).expect("it listens");
    Rig { host, server, world: World::default(), address }
}

#[test]
fn tokens_around_a_range_are_not_claimed() {
    let mut rig = in_a_small_range();
    let ready = Readiness { readable: true, writable: true, ..Readiness::default() };
    for token in [0, 1, START - 1, START + RANGE, START + RANGE + 1, usize::MAX - 1, usize::MAX] {
        assert!(!rig.server.handle_readiness(Token(token), ready), "{token}");
    }
    assert_eq!(rig.server.stats().stale_events, 0);
    assert_eq!(rig.server.next_timeout(Instant::now()), None, "nothing was done to it");
}

#[test]
fn of_all_tokens_in_a_range_only_those_of_open_sockets_are_not_stale() {
    let mut rig = in_a_small_range();
    let clients: Vec<Client> = (0..4).map(|_| rig.asking("/")).collect();
    rig.settle();
    let before = rig.server.stats().stale_events;
    for token in START..START + RANGE {
        assert!(rig.server.handle_readiness(Token(token), Readiness::default()), "{token}");
    }
    // One listener and four connections.
    assert_eq!(rig.server.stats().stale_events - before, RANGE as u64 - 5);
    rig.settle();
    assert_eq!((rig.server.stats().open, rig.world.asked.len()), (4, 4));
    drop(clients);
}

/// A client, and what it has asked for and has not read.
type Asking = (Client, Vec<String>);

/// Clients come, ask, leave by a close or a reset, and are answered at once or later, while
/// readiness of any token comes in any order, before and between the calls of `process`.
fn storm(seed: u64) {
    let mut random = Random(seed);
    let mut rig = in_a_small_range();
    let mut clients: HashMap<usize, Asking> = HashMap::new();
    let mut answered = 0;
    for step in 0..400 {
        for _ in 0..random.below(64) {
            let token = START - 8 + random.below(RANGE + 16);
            let is_ours = (START..START + RANGE).contains(&token);
            assert_eq!(rig.server.handle_readiness(Token(token), random.readiness()), is_ours);
        }
        let name = any(&clients, &mut random);
        match (random.below(6), name) {
            (0 | 1, _) if clients.len() < 6 => {
                clients.insert(step, (Client::connect(rig.address), Vec::new()));
            }
            (2, Some(name)) => {
                let (client, _) = clients.remove(&name).expect("it is there");
                if random.below(2) == 0 { client.reset() } else { drop(client) }
            }
            (3 | 4, Some(name)) => {
                let (client, asked) = clients.get_mut(&name).expect("it is there");
                // No other request has this target.
                let target = format!("{}/{name}/{step}", ["", "/later"][random.below(2)]);
                client.send(get(&target));
                asked.push(target);
            }
            (5, _) => answered += answer_parked(&mut rig.server, &mut rig.world),
            _ => {}
        }
        rig.turn(Duration::ZERO);
    }
    rig.until("all clients that stayed are served", |server, world| {
        answered += answer_parked(server, world);
        let targets = clients.values().flat_map(|(_, asked)| asked);
        targets.into_iter().all(|target| world.asked.contains(target)) && server.stats().deferred == 0
    });
    rig.settle();
    for (client, asked) in clients.values_mut() {
        for target in asked {
            assert_eq!(client.response().body, target.as_bytes());
        }
    }
    let names: HashMap<_, _> = rig.world.gone.iter().copied().collect();
    assert_eq!(names.len(), rig.world.gone.len(), "nobody is told twice");
    let deferred = rig.world.asked.iter().filter(|target| target.starts_with("/later")).count();
    assert_eq!(answered + names.len(), deferred, "each has one end");
    drop(clients);
    rig.until("all are let go", |server, _| server.stats().open == 0);
    let stats = rig.server.stats();
    assert!(stats.stale_events > 0);
    assert_eq!((stats.handler_errors, stats.errors.iter().sum::<u64>()), (0, 0), "nobody was refused");
}

/// Answers what waits with its own target; how many that are.
fn answer_parked(server: &mut Server, world: &mut World) -> usize {
    let targets = world.asked.iter().filter(|target| target.starts_with("/later"));
    let mut answered = 0;
    for (id, target) in world.parked.iter().zip(targets) {
        if let Ok(responder) = server.respond(*id, Instant::now()) {
            responder.send(200, "text/plain", target.as_bytes());
            answered += 1;
        }
    }
    answered
}

fn any(clients: &HashMap<usize, Asking>, random: &mut Random) -> Option<usize> {
    let mut names: Vec<usize> = clients.keys().copied().collect();
    names.sort_unstable();
    (!names.is_empty()).then(|| names[random.below(names.len())])
}

#[test]
fn in_a_storm_of_false_readiness_each_client_gets_its_own_answers() {
    let given = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = given.map_or(1..=40, |seed| seed..=seed);
    for seed in seeds {
        let result = std::panic::catch_unwind(|| storm(seed));
        if let Err(panic) = result {
            eprintln!("STORM_SEED={seed} repeats this");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn readiness_of_every_generation_of_a_place_reaches_only_its_owner() {
    let mut rig = in_a_small_range();
    let mut clients: Vec<Client> = (0..6).map(|number| rig.asking(&format!("/{number}"))).collect();
    rig.settle();
    let before = rig.server.stats().stale_events;
    let all = Readiness { readable: true, writable: true, read_closed: true, priority: true, error: true };
    for generation in 0..16 {
        for slot in 64..70 {
            assert!(rig.server.handle_readiness(Token(START + generation * (RANGE / 16) + slot), all));
        }
    }
    assert_eq!(rig.server.stats().stale_events - before, 15 * 6);
    rig.settle();
    assert_eq!(rig.server.stats().open, 6);
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().body, format!("/{number}").as_bytes());
        rig.ask(client, "/again");
        rig.settle();
        assert_eq!(client.response().body, b"/again");
    }
}

#[test]
fn a_batch_that_is_handled_again_reaches_no_newcomer() {
    let mut rig = in_a_small_range();
    let mut old: Vec<Client> = (0..6).map(|_| rig.asking("/old")).collect();
    rig.settle();
    old.iter_mut().for_each(|client| drop(client.response()));
    old.into_iter().for_each(Client::reset);
    let mut new: Vec<Client> = (0..6).map(|_| Client::connect(rig.address)).collect();
    new.iter_mut().for_each(|client| client.send(get("/new")));
    // The ends of the old ones and the sign of the new ones.
    let mut batch = HashMap::new();
    while batch.len() < 7 {
        rig.host.wait(Some(PATIENCE));
        batch.extend(rig.host.events.iter().map(|event| (event.token(), Readiness::from(event))));
    }
    let handle = |server: &mut Server| {
        for (token, readiness) in &batch {
            assert!(server.handle_readiness(*token, *readiness));
        }
        server.stats().stale_events
    };
    assert_eq!(handle(&mut rig.server), 0);
    let progress = rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(progress.closed, 6);
    rig.until("the new ones have the places of the old", |server, _| server.stats().open == 6);
    assert_eq!(handle(&mut rig.server), 6, "all but the listener are gone");
    rig.until_asked(12);
    rig.settle();
    assert_eq!(rig.server.stats().open, 6);
    for client in &mut new {
        assert_eq!(client.response().body, b"/new");
    }
}
