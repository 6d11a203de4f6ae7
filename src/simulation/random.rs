//! Stories made up from a seed: many clients, any order, any fault.
//!
//! A story has no expectations of its own. What holds in all of them is checked after every turn
//! ([`Sim`]), and at the end: a client's answers are those to its requests, in order; when all
//! clients are gone, nothing is left of them.

use std::io::ErrorKind;
use std::time::Duration;

use mio::Token;

use super::client::Client;
use super::kernel::Arrival;
use super::sim::Sim;
use super::site::{self, Response};
use crate::config::{AtCapacity, CloseMode};
use crate::net::Readiness;

/// A generator of Marsaglia's (xorshift64*): the same numbers for the same seed, everywhere.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Says which seed failed.
struct Telling(u64);

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the story of seed {} went wrong: run it alone with `tell({0})`", self.0);
        }
    }
}

/// A client with all that it is going to send.
struct Actor {
    client: Client,
    script: Vec<u8>,
    sent: usize,
    /// The targets of its requests.
    asked: Vec<String>,
}

impl Actor {
    fn new(sim: &mut Sim, chance: &mut Chance) -> Self {
        let client = if chance.one_in(6) { sim.adopt().0 } else { sim.connect() };
        let (mut script, mut asked) = (Vec::new(), Vec::new());
        for n in 0..chance.below(6) {
            let own = format!("/client-{}-request-{n}", client.id);
            let target = chance.pick(&[
                &own,
                &own,
                &own,
                &own,
                "/large",
                "/copied",
                "/close",
                "/drop",
                "/panic",
                "/later",
                "/later",
                "/later-panic",
            ]);
            asked.push(target.to_string());
            match chance.below(4) {
                0 => {
                    let body = vec![b'b'; chance.below(3000)];
                    let head = format!(
                        "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    script.extend([head.as_bytes(), &body].concat());
                }
                1 if chance.one_in(4) => script.extend(site::get_and_close(target)),
                2 => {
                    let head =
                        format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
                    script.extend([head.as_bytes(), b"5\r\nabcde\r\n0\r\n\r\n"].concat());
                }
                _ => script.extend(site::get(target)),
            }
        }
        if chance.one_in(8) {
            script.extend_from_slice(b"nonsense\r\n\r\n");
        }
        Actor { client, script, sent: 0, asked }
    }

    fn piece(&mut self, chance: &mut Chance) -> Vec<u8> {
        let left = self.script.len() - self.sent;
        let len = if chance.one_in(3) { left } else { left.min(1 + chance.below(60)) };
        self.sent += len;
        self.script[self.sent - len..self.sent].to_vec()
    }

    fn act(&mut self, sim: &Sim, chance: &mut Chance) {
        let kinds = [ErrorKind::Interrupted, ErrorKind::WouldBlock];
        match chance.below(40) {
            0..=15 => {
                let piece = self.piece(chance);
                self.client.send(&piece);
            }
            16..=19 => {
                let piece = self.piece(chance);
                self.client.send_later(&piece);
            }
            20 => self.client.send_urgent(),
            21 => self.client.fin(),
            22 => self.client.later(Arrival::Fin),
            23 => self.client.close(),
            24 if chance.one_in(3) => self.client.reset(),
            25 if chance.one_in(3) => self.client.later(Arrival::Reset),
            26 | 27 => self.client.stop_reading(),
            28..=32 => self.client.read(chance.pick(&[1, 100, 5000, 100_000, usize::MAX])),
            33 => self.client.fail_read(chance.pick(&kinds)),
            34 => self.client.fail_write(chance.pick(&kinds)),
            35 if chance.one_in(4) => self.client.fail_read(ErrorKind::ConnectionReset),
            36 if chance.one_in(4) => self.client.fail_write(ErrorKind::BrokenPipe),
            37 if self.client.is_served() && chance.one_in(2) => {
                sim.world().watch_faults.push_back(ErrorKind::StorageFull);
            }
            _ => {}
        }
    }

    /// Its answers are those to its requests; only the last can be an error, or cut off.
    fn check(&self) {
        let responses: Vec<Response> = self.client.responses().into_iter().collect();
        for (at, response) in responses.iter().enumerate() {
            let is_last = at + 1 == responses.len();
            assert!(response.is_whole || is_last);
            if response.status != 200 {
                assert!(is_last && matches!(response.status, 400 | 408 | 500 | 503), "{}", response.status);
                continue;
            }
            assert!(!response.says_close || is_last, "nothing is answered after the close");
            let target = self.asked[at].as_str();
            if response.body.is_empty() {
                continue;
            }
            let expected: &[u8] = match target {
                "/large" => &site::LARGE,
                "/copied" => &site::LARGE[..site::COPIED],
                "/close" => b"the last",
                "/later" if !response.body.starts_with(b"r") => b"better late",
                "/later" => {
                    assert!(response.body.iter().zip(site::PAGE.iter().cycle()).all(|(a, b)| a == b));
                    continue;
                }
                _ => {
                    let text = String::from_utf8_lossy(&response.body);
                    let path = text.split_once(' ').map_or("", |(_, path)| path);
                    let is_its_own =
                        if response.is_whole { path == target } else { target.starts_with(path) };
                    assert!(
                        is_its_own,
                        "{text} and not {target} as answer {at} to client {}",
                        self.client.id
                    );
                    continue;
                }
            };
            assert!(
                expected.starts_with(&response.body)
                    && (!response.is_whole || response.body.len() == expected.len())
            );
        }
    }
}

fn any_sim(chance: &mut Chance) -> Sim {
    let small = |chance: &mut Chance| 1 + chance.below(4);
    let mut sim = Sim::with(|config| {
        config.max_connections = 1 + chance.below(8);
        config.exchanges = small(chance);
        config.close =
            chance.pick(&[CloseMode::Fin, CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop]);
        config.keep_alive = !chance.one_in(8);
        config.at_capacity = chance.pick(&[AtCapacity::EvictIdle, AtCapacity::Pause]);
        config.limits.linger_bytes = chance.pick(&[100, 1 << 20]);
        config.limits.body_bytes = 4000;
        config.budget.together = chance.pick(&[1, 2, 16]);
        if chance.one_in(2) {
            config.budget.accepts = small(chance) as u32;
            config.budget.requests = small(chance) as u32;
            config.budget.requests_per_connection = small(chance) as u32;
            config.budget.bytes_per_connection = chance.pick(&[400, 5000, 100_000]);
        }
    });
    if chance.one_in(2) {
        sim.world().short_read_drains = false;
        sim.world().read_limit = chance.pick(&[1, 50, usize::MAX]);
    }
    sim.world().write_limit = chance.pick(&[700, 20_000, usize::MAX]);
    sim.turn();
    sim
}

fn tell(seed: u64) {
    let _telling = Telling(seed);
    let mut chance = Chance::new(seed);
    let mut sim = any_sim(&mut chance);
    let mut actors: Vec<Actor> = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut answered = Vec::new();
    let length = 50 + chance.below(150);
    let drained_at = if chance.one_in(4) { chance.below(length) } else { usize::MAX };
    for step in 0..length {
        if actors.is_empty() || chance.one_in(12) {
            actors.push(Actor::new(&mut sim, &mut chance));
        }
        let at = chance.below(actors.len());
        actors[at].act(&sim, &mut chance);
        if actors[at].client.is_served() {
            tokens.push(sim.token(&actors[at].client));
        }
        if !tokens.is_empty() && chance.one_in(6) {
            // For whom it may concern: of now or of long ago.
            let (token, readable, error) = (chance.pick(&tokens), chance.one_in(2), chance.one_in(2));
            assert!(sim.handle(token, Readiness { readable, error, ..Readiness::default() }));
        }
        if chance.one_in(25) {
            let kind = chance.pick(&[ErrorKind::Interrupted, ErrorKind::ConnectionAborted, ErrorKind::Other]);
            sim.world().accept_faults.push_back(kind.into());
        }
        if chance.one_in(10) {
            sim.advance(Duration::from_millis(chance.pick(&[1, 99, 100, 3000, 10_000, 30_000])));
        }
        if step == drained_at {
            let now = sim.now();
            sim.core.drain(now, Duration::from_secs(chance.below(20) as u64));
        }
        if !sim.site.parked.is_empty() && chance.one_in(3) {
            // Any of them, and some more than once: who was answered, or told of, stays so.
            let id = chance.pick(&sim.site.parked);
            let is_over = answered.contains(&id) || sim.site.gone.iter().any(|&(gone, _)| gone == id);
            let answer = match chance.below(8) {
                0 => sim.respond(id, |responder| responder.close()),
                1 => {
                    let now = sim.now();
                    sim.core.respond(id, now).map(drop)
                }
                2 => {
                    let now = sim.now();
                    let again = sim.core.respond(id, now).map(|responder| responder.defer().0);
                    again.map(|id| sim.site.parked.push(id))
                }
                3..=5 => {
                    let body = site::repeated(chance.pick(&[0, 1, 5000, 70_000]));
                    sim.respond(id, |responder| responder.head(200).body(body))
                }
                _ => sim.respond(id, |responder| responder.send(200, "text/plain", b"better late")),
            };
            assert!(answer.is_err() || !is_over);
            answered.extend(answer.is_ok().then_some(id));
        }
        match chance.below(5) {
            0 => {}
            // The poller's batch was full: what has just happened comes with the next.
            1 => drop(sim.process()),
            2 => drop(sim.settle()),
            _ => drop(sim.turn()),
        }
    }
    for actor in &actors {
        actor.client.read(usize::MAX);
        actor.client.fin();
    }
    // Where there is one slot, they may have to wait for each other.
    sim.pass(Duration::from_secs(100 * (1 + actors.len() as u64)));
    sim.assert_empty();
    for id in &sim.site.parked {
        let told = sim.site.gone.iter().filter(|(gone, _)| gone == id).count();
        assert_eq!(told, usize::from(!answered.contains(id)), "{id:?} ends once");
    }
    actors.iter().for_each(Actor::check);
}

/// `SIM_SEEDS` sets how many; 300 without it.
#[test]
fn in_any_story_the_books_agree_and_in_the_end_nothing_is_left() {
    let seeds = std::env::var("SIM_SEEDS").map_or(300, |seeds| seeds.parse().expect("SIM_SEEDS is a number"));
    (0..seeds).for_each(tell);
}
