//! Stories made up from a seed or from bytes: many clients, any order, any fault.
//!
//! A story has no expectations of its own. What holds in all of them is checked after every turn
//! ([`Sim`]), and at the end: a client's answers are those to its requests, in order; when all
//! clients are gone, nothing is left of them.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::Token;

use super::harness::client::Client;
use super::harness::entropy::Chance;
use super::harness::handler;
use super::harness::kernel::RUN_OUT;
use super::harness::sim::Sim;
use super::harness::socket::{Arrival, Ending};
use crate::config::{AtCapacity, CloseMode, IdleInDrain};
use crate::deferred::RequestId;
use crate::net::Readiness;
use crate::state::State;
use crate::stats::Reason;

/// A client with all that it is going to send.
struct Actor {
    client: Client,
    script: Vec<u8>,
    sent: usize,
    /// What its requests ask, and how many bytes it has sent when each of them is whole.
    asked: Vec<(&'static str, String)>,
    ends: Vec<usize>,
    /// Whether what follows the requests is none.
    ends_in_nonsense: bool,
    /// Whether the server did not let it in, or the client or the network have done something that may cost it an
    /// answer. To send more after a request that asks for the close is no such thing.
    has_harmed: bool,
}

impl Actor {
    fn new(sim: &mut Sim, chance: &mut Chance) -> Self {
        let (client, welcome) = if chance.one_in(6) { sim.adopt() } else { (sim.connect(), Ok(())) };
        let (mut script, mut asked, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let longest = sim.engine.config().limits.body_bytes;
        let has_harmed = welcome.is_err();
        // A few ask for so much at once that it does not fit into one read.
        let requests = if chance.one_in(24) { 60 } else { chance.below(6) };
        for n in 0..requests {
            let own = format!("/client-{}-request-{n}", client.id);
            let target = chance.pick(&[
                own.as_str(),
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
            let how = chance.below(4);
            asked.push((if matches!(how, 0 | 2) { "POST" } else { "GET" }, target.to_string()));
            match how {
                0 => {
                    // Some do not fit behind their heads.
                    let sizes = [0, 1, 100, 3000, 3999, 4080, 4200, 4500, 9000, 20_000, 20_400, 40_000];
                    let body = vec![b'b'; chance.pick(&sizes).min(longest)];
                    let expect = if chance.one_in(3) { EXPECT } else { "" };
                    let length = body.len();
                    let head = format!(
                        "POST {target} HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {length}\r\n\r\n"
                    );
                    script.extend([head.as_bytes(), &body].concat());
                }
                1 if chance.one_in(2) => script.extend(handler::get_and_close(target)),
                2 => {
                    let expect = if chance.one_in(3) { EXPECT } else { "" };
                    let head = format!(
                        "POST {target} HTTP/1.1\r\nHost: x\r\n{expect}Transfer-Encoding: chunked\r\n\r\n"
                    );
                    script.extend([head.into_bytes(), any_chunks(chance, longest)].concat());
                }
                _ => script.extend(handler::get(target)),
            }
            ends.push(script.len());
        }
        if chance.one_in(3) {
            let last = format!("/client-{}-last", client.id);
            script.extend(handler::get_and_close(&last));
            asked.push(("GET", last));
            ends.push(script.len());
        }
        let ends_in_nonsense = chance.one_in(8);
        if ends_in_nonsense {
            script.extend_from_slice(b"nonsense\r\n\r\n");
        }
        Actor { client, script, sent: 0, asked, ends, ends_in_nonsense, has_harmed }
    }

    fn piece(&mut self, chance: &mut Chance) -> Vec<u8> {
        let left = self.script.len() - self.sent;
        let most = chance.pick(&[60, 60, 5000]);
        let len = if chance.one_in(3) { left } else { left.min(1 + chance.below(most)) };
        self.sent += len;
        self.script[self.sent - len..self.sent].to_vec()
    }

    fn act(&mut self, sim: &Sim, chance: &mut Chance) {
        let kinds = [ErrorKind::Interrupted, ErrorKind::WouldBlock];
        let what = chance.below(40);
        self.has_harmed |= matches!(what, 21..=27 | 35..=37);
        match what {
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
            38 => {
                // All that is left, and a line break right behind the read that takes it.
                self.client.send(&self.script[self.sent..]);
                self.sent = self.script.len();
                self.client.send_later(b"\r\n");
            }
            _ => {}
        }
    }

    /// Whom the server takes for idle has got an answer to each request that is whole.
    fn check_idle(&self, sim: &Sim) {
        let is_idle = self.client.is_served() && sim.state(&self.client) == State::Idle;
        if is_idle && self.client.has_nothing_to_come() {
            let whole = self.ends.iter().filter(|&&end| end <= self.sent).count();
            let responses = finals(&self.client);
            assert_eq!(responses.len(), whole, "answers to client {}", self.client.id);
            assert!(responses.iter().all(|response| response.is_whole));
        }
    }

    /// Its answers are those to its requests; only the last can be an error, or cut off, and that only
    /// if there was a reason.
    fn check(&self, was_calm: bool) {
        // The host closes instead of answering later, now and then.
        let is_lost = |target: &str| matches!(target, "/panic" | "/drop" | "/later-panic" | "/later");
        let is_to_be_whole =
            was_calm && !self.has_harmed && !self.asked.iter().any(|(_, target)| is_lost(target));
        assert!(
            !is_to_be_whole || self.client.ending() != Some(Ending::Reset),
            "client {} is reset without a reason: {:?}",
            self.client.id,
            self.client.calls()
        );
        let responses = finals(&self.client);
        let expecting = self.script.windows(EXPECT.len()).filter(|part| *part == EXPECT.as_bytes()).count();
        assert!(
            self.client.responses().len() - responses.len() <= expecting,
            "each is told once to continue"
        );
        let whole = self.ends.iter().filter(|&&end| end <= self.sent).count();
        let says_close = responses.last().is_some_and(|last| last.says_close);
        assert!(
            !is_to_be_whole || !self.client.is_gone() || says_close || responses.len() >= whole,
            "client {} has lost an answer: {:?}",
            self.client.id,
            self.client.calls()
        );
        for (at, response) in responses.iter().enumerate() {
            let is_last = at + 1 == responses.len();
            assert!(response.is_whole || (is_last && !is_to_be_whole), "answer {at} is cut off");
            if response.status != 200 {
                let is_possible = match response.status {
                    400 => self.ends_in_nonsense && at == self.asked.len(),
                    status => matches!(status, 408 | 500 | 503),
                };
                assert!(is_last && is_possible, "answer {at} is a {}", response.status);
                continue;
            }
            assert!(!response.says_close || is_last, "nothing is answered after the close");
            let (method, target) = (self.asked[at].0, self.asked[at].1.as_str());
            if response.body.is_empty() {
                continue;
            }
            let expected: &[u8] = match target {
                "/large" => &handler::LARGE,
                "/copied" => &handler::LARGE[..handler::COPIED],
                "/close" => b"the last",
                "/later" if !response.body.starts_with(b"r") => b"better late",
                "/later" => {
                    assert!(response.body.iter().zip(handler::PAGE.iter().cycle()).all(|(a, b)| a == b));
                    continue;
                }
                _ => {
                    let text = String::from_utf8_lossy(&response.body);
                    let own = format!("{method} {target}");
                    let is_its_own = if response.is_whole { text == own } else { own.starts_with(&*text) };
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

const EXPECT: &str = "Expect: 100-continue\r\n";

/// A chunked body of at most this length.
fn any_chunks(chance: &mut Chance, mut longest: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..chance.below(6) {
        let size = chance.pick(&[1, 5, 100, 900, 4000, 4096, 8000, 16_000]).min(longest);
        if size > 0 {
            longest -= size;
            body.extend(format!("{size:x}\r\n").into_bytes());
            body.extend([&vec![b'c'; size][..], b"\r\n"].concat());
        }
    }
    body.extend(b"0\r\n\r\n");
    body
}

/// All responses but those that only tell a client to continue.
fn finals(client: &Client) -> Vec<handler::Response> {
    client.responses().into_iter().filter(|response| response.status != 100).collect()
}

fn any_sim(chance: &mut Chance, clients: usize) -> Sim {
    let small = |chance: &mut Chance| 1 + chance.below(4);
    let mut sim = Sim::with(|config| {
        config.max_connections = 1 + chance.below(clients.max(8));
        let any = |chance: &mut Chance| {
            if chance.one_in(3) { small(chance) } else { 1 + chance.below(clients.max(32)) }
        };
        config.exchanges = any(chance);
        config.buffers.heads = any(chance);
        config.buffers.outs = any(chance);
        config.buffers.bodies = any(chance);
        config.close =
            chance.pick(&[CloseMode::Fin, CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop]);
        config.keep_alive = !chance.one_in(8);
        config.idle_in_drain = chance.pick(&[IdleInDrain::Close, IdleInDrain::LastRequest]);
        config.at_capacity = chance.pick(&[AtCapacity::Evict, AtCapacity::Pause]);
        config.timeouts.linger_total = Duration::from_secs(chance.pick(&[1, 30]));
        config.limits.body_bytes = chance.pick(&[4000, 4095, 4096, 20_000, 60_000]);
        config.limits.head_bytes = chance.pick(&[200, 200, 16 * 1024]);
        config.limits.out_bytes = chance.pick(&[41_000, 64 * 1024]);
        config.budget.wave_size = chance.pick(&[1, 2, 16]);
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
    if chance.one_in(4) {
        sim.world().descriptors = small(chance);
    }
    sim.world().write_limit = chance.pick(&[700, 20_000, usize::MAX]);
    sim.turn();
    sim
}

/// Of one connection, of the system, of a signal.
fn accept_fault(which: usize) -> io::Error {
    // EPERM of a firewall, EPROTO, EHOSTUNREACH.
    const OF_ONE: [i32; 3] = [1, 71, 113];
    match which {
        0 => ErrorKind::Interrupted.into(),
        1 => ErrorKind::ConnectionAborted.into(),
        2..=4 => io::Error::from_raw_os_error(OF_ONE[which - 2]),
        _ => io::Error::from_raw_os_error(RUN_OUT[which - 5]),
    }
}

/// Whether the server has ended no connection before its client was served.
fn was_calm(sim: &Sim) -> bool {
    use Reason::*;
    let stats = sim.stats();
    let is_gentle = matches!(sim.engine.config().close, CloseMode::Fin | CloseMode::Peer);
    let reasons = [IdleTimeout, WriteTimeout, LingerTimeout, LingerLimit, Evicted, Shutdown, Unpollable];
    is_gentle && reasons.iter().all(|&reason| stats.closes(reason) == 0)
}

/// The host answers all that it has deferred at once.
fn answer_all(sim: &mut Sim, chance: &mut Chance, answered: &mut Vec<RequestId>) {
    for id in sim.site.parked.clone() {
        let is_over = answered.contains(&id) || sim.site.gone.iter().any(|&(gone, _)| gone == id);
        let text = handler::PAGE.repeat(chance.pick(&[1, 700, 4000]));
        let answer = match chance.below(6) {
            0 => {
                let now = sim.now();
                let again = sim.engine.call(Some(now)).respond(id).map(|responder| responder.defer().0);
                again.map(|id| sim.site.parked.push(id))
            }
            1 => sim.respond(id, |responder| responder.close()),
            2 => sim.respond(id, |responder| responder.status(200).body(handler::repeated(70_000))),
            _ => sim.respond(id, |responder| responder.send(200, "text/plain", &text)),
        };
        assert!(answer.is_err() || !is_over);
        answered.extend(answer.is_ok().then_some(id));
    }
    if chance.one_in(12) {
        sim.engine.call(None).abort();
    }
}

/// A story of so many clients at most, that ends early if its numbers do.
fn tell(mut chance: Chance, clients: usize) {
    let mut sim = any_sim(&mut chance, clients);
    let mut actors: Vec<Actor> = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut answered = Vec::new();
    let length = 50 + chance.below(150) + 4 * clients;
    let drained_at = if chance.one_in(4) { chance.below(length) } else { usize::MAX };
    for step in 0..length {
        if chance.is_used_up() {
            break;
        }
        // They come one by one; in the middle of the story, all who have not come yet.
        while actors.len() < clients && (actors.is_empty() || step == length / 2 || chance.one_in(12)) {
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
            let fault = accept_fault(chance.below(9));
            sim.world().accept_faults.push_back(fault);
        }
        if chance.one_in(10) {
            sim.advance(Duration::from_millis(chance.pick(&[1, 99, 100, 3000, 10_000, 30_000])));
        }
        if step == drained_at {
            let now = sim.now();
            sim.engine.call(Some(now)).drain(Duration::from_secs(chance.below(20) as u64));
        }
        if !sim.site.parked.is_empty() && chance.one_in(3) {
            // Any of them, and some more than once: who was answered, or told of, stays so.
            let id = chance.pick(&sim.site.parked);
            let is_over = answered.contains(&id) || sim.site.gone.iter().any(|&(gone, _)| gone == id);
            let answer = match chance.below(8) {
                0 => sim.respond(id, |responder| responder.close()),
                1 => {
                    let now = sim.now();
                    sim.engine.call(Some(now)).respond(id).map(drop)
                }
                2 => {
                    let now = sim.now();
                    let again = sim.engine.call(Some(now)).respond(id).map(|responder| responder.defer().0);
                    again.map(|id| sim.site.parked.push(id))
                }
                3..=5 => {
                    let body = handler::repeated(chance.pick(&[0, 1, 5000, 70_000]));
                    sim.respond(id, |responder| responder.status(200).body(body))
                }
                _ => sim.respond(id, |responder| responder.send(200, "text/plain", b"better late")),
            };
            assert!(answer.is_err() || !is_over);
            answered.extend(answer.is_ok().then_some(id));
        }
        if sim.site.parked.len() > 2 && chance.one_in(8) {
            answer_all(&mut sim, &mut chance, &mut answered);
        }
        match chance.below(5) {
            0 => {}
            // The poller's batch was full: what has just happened comes with the next.
            1 => drop(sim.process()),
            2 => drop(sim.settle()),
            _ => drop(sim.turn()),
        }
    }
    actors.iter().for_each(|actor| actor.client.read(usize::MAX));
    sim.settle();
    actors.iter().for_each(|actor| actor.check_idle(&sim));
    actors.iter().for_each(|actor| actor.client.fin());
    // Where there is one slot, they may have to wait for each other.
    sim.pass(Duration::from_secs(100 * (1 + actors.len() as u64)));
    sim.assert_empty();
    for id in &sim.site.parked {
        let told = sim.site.gone.iter().filter(|(gone, _)| gone == id).count();
        assert_eq!(told, usize::from(!answered.contains(id)), "{id:?} ends once");
    }
    let was_calm = was_calm(&sim);
    actors.iter().for_each(|actor| actor.check(was_calm));
}

/// A story of sixteen clients at most that bytes decide.
pub(super) fn tell_by(bytes: &[u8]) {
    let mut chance = Chance::of(bytes);
    let clients = 1 + chance.below(16);
    tell(chance, clients);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says which seed failed.
    struct Telling(u64, usize);

    impl Drop for Telling {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let Telling(seed, clients) = self;
                eprintln!(
                    "the story of seed {seed} went wrong: run it alone with `tell_of({seed}, {clients})`"
                );
            }
        }
    }

    fn tell_of(seed: u64, clients: usize) {
        let _telling = Telling(seed, clients);
        tell(Chance::new(seed), clients);
    }

    fn seeds(unless_set: u64) -> u64 {
        std::env::var("SIM_SEEDS").map_or(unless_set, |seeds| seeds.parse().expect("SIM_SEEDS is a number"))
    }

    /// `SIM_SEEDS` sets how many; 300 without it.
    #[test]
    fn in_any_story_the_books_agree_and_in_the_end_nothing_is_left() {
        // Mostly few clients, who come upon each other more often.
        (0..seeds(300)).for_each(|seed| tell_of(seed, if seed % 8 == 0 { 64 } else { 16 }));
    }

    /// One of a hundred for each hundred of `SIM_SEEDS`, and one without it.
    #[test]
    fn in_any_story_of_two_thousand_clients_they_do_as_well() {
        (0..seeds(100) / 100).for_each(|seed| tell_of(seed, 2_000));
    }
}
