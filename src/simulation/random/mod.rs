//! Stories that are made from a seed or from bytes: many clients, any order, any fault.
//!
//! A story has no expectations of its own. [`Sim`] checks after every turn what holds in all stories. At the end, each
//! client's responses must be those to its requests, in order. When all clients are gone, nothing may be left of them.

mod actor;
mod checks;
mod requests;

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::Token;

use super::harness::control::RAW;
use super::harness::entropy::Chance;
use super::harness::figures::check_received;
use super::harness::handler;
use super::harness::kernel::RUN_OUT;
use super::harness::overdue::Overdue;
use super::harness::sim::Sim;
use crate::config::{AtCapacity, CloseMode, IdleInDrain};
use crate::deferred::{GoneReason, IdError, RequestId};
use crate::intake::Intake;
use crate::names::ConnectionId;
use crate::net::Readiness;
use crate::stats::Reason;

use actor::{Actor, DESCRIPTORS};
use checks::Told;

fn any_sim(chance: &mut Chance, clients: usize) -> Sim {
    let small = |chance: &mut Chance| 1 + chance.below(4);
    let mut sim = Sim::with(|config| {
        config.max_connections = 1 + chance.below(clients.max(8));
        let any = |chance: &mut Chance| {
            if chance.one_in(3) { small(chance) } else { 1 + chance.below(clients.max(32)) }
        };
        config.exchanges = any(chance);
        config.timeouts.stream = Duration::from_secs(40);
        config.buffers.heads = any(chance);
        config.buffers.outs = any(chance);
        config.buffers.bodies = any(chance);
        config.close =
            chance.pick(&[CloseMode::Fin, CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop]);
        config.keep_alive = !chance.one_in(8);
        config.half_close = !chance.one_in(3);
        config.names = chance.one_in(2);
        config.idle_in_drain = chance.pick(&[IdleInDrain::Close, IdleInDrain::LastRequest]);
        config.at_capacity = chance.pick(&[AtCapacity::Evict, AtCapacity::Pause]);
        config.timeouts.linger_total = Duration::from_secs(chance.pick(&[1, 30]));
        config.limits.body_bytes = chance.pick(&[4000, 4095, 4096, 20_000, 60_000]);
        config.limits.head_bytes = chance.pick(&[200, 200, 16 * 1024]);
        config.limits.out_bytes = chance.pick(&[41_000, 64 * 1024]);
        config.limits.descriptors = DESCRIPTORS;
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
        sim.world().receivable = chance.pick(&[usize::MAX, usize::MAX, usize::MAX, 1]);
    }
    if chance.one_in(4) {
        sim.world().descriptors = small(chance);
    }
    sim.world().write_limit = chance.pick(&[700, 20_000, usize::MAX]);
    sim.turn();
    sim
}

/// Returns an error of accept: of a signal, of one connection, or of the system.
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

/// Returns whether the server has ended no connection before its client was served.
fn was_calm(sim: &Sim) -> bool {
    use Reason::*;
    let stats = sim.stats();
    let is_gentle = matches!(sim.engine.config().close, CloseMode::Fin | CloseMode::Peer);
    let reasons = [
        IdleTimeout,
        WriteTimeout,
        StreamTimeout,
        LingerTimeout,
        LingerLimit,
        Evicted,
        ClosedByHost,
        Shutdown,
        Unpollable,
    ];
    let has_ended_at_fin = !sim.engine.config().half_close && stats.closes(PeerClosedEarly) > 0;
    is_gentle && !has_ended_at_fin && reasons.iter().all(|&reason| stats.closes(reason) == 0)
}

/// Returns whether a deferred request was answered, by the host or when it was overdue, or was reported gone.
fn is_over(sim: &Sim, answered: &[RequestId], id: RequestId) -> bool {
    let is_gone = sim.site.gone.iter().any(|&(gone, _)| gone == id);
    let is_taken_in = sim.site.unread.is_taken_in(id);
    is_gone || is_taken_in || answered.contains(&id) || sim.site.ended_late.contains(&id)
}

/// The host answers one of the deferred requests in some way.
fn answer_one(sim: &mut Sim, chance: &mut Chance, answered: &mut Vec<RequestId>) {
    // Any of them, and some more than once: who was answered, or told of, stays so.
    let id = chance.pick(&sim.site.parked);
    let is_over = is_over(sim, answered, id);
    if sim.site.unread.waiting.contains(&id) && chance.one_in(2) {
        let discard = Intake::DiscardAtMost(1000);
        let ways = [Intake::Whole, Intake::AtMost(1000), Intake::Discard, discard, Intake::Pieces];
        let intake = chance.pick(&ways);
        assert!(sim.take_in(id, intake).is_err() || !is_over);
        return;
    }
    let answer = match chance.below(11) {
        0 if chance.one_in(2) => sim.cancel(id),
        0 => sim.respond(id, |responder| responder.close()),
        6 => {
            let mode = chance.pick(&[CloseMode::Fin, CloseMode::Peer, CloseMode::Rst, CloseMode::Drop]);
            sim.respond(id, |responder| responder.status(200).close_with(mode).send(b"better late"))
        }
        7 => sim.stream(id, "/stream/chunked/100a,50l,5000e"),
        1 if chance.one_in(2) => sim.inform(id, chance.one_in(2)),
        8 => sim.respond(id, |responder| responder.raw(RAW)),
        9 => {
            let length = chance.pick(&[None, Some(11), Some(100)]);
            sim.respond(id, |responder| responder.status(200).announce(length).send(b"better late"))
        }
        10 => sim.raw_stream(id),
        1 => sim.drop_responder(id),
        2 => sim.defer_again(id, chance.one_in(2)).map(drop),
        3 | 4 => {
            let is_kept = sim.site.kept.contains_key(&id);
            let answer = sim.respond_with(id, |responder| responder.send(200, "text/plain", b"better late"));
            assert!(answer != Err(IdError::NotKept) || !(is_kept || is_over));
            answer
        }
        5 if chance.one_in(2) => {
            let body = handler::repeated(chance.pick(&[0, 1, 5000, 70_000]));
            sim.respond(id, |responder| responder.status(200).body(body))
        }
        _ => sim.respond(id, |responder| responder.send(200, "text/plain", b"better late")),
    };
    assert!(answer.is_err() || !is_over);
    answered.extend(answer.is_ok().then_some(id));
}

/// The host answers all that it has deferred at once.
fn answer_all(sim: &mut Sim, chance: &mut Chance, answered: &mut Vec<RequestId>) {
    for id in sim.site.parked.clone() {
        let is_over = is_over(sim, answered, id);
        let text = handler::PAGE.repeat(chance.pick(&[1, 700, 4000]));
        let answer = match chance.below(6) {
            0 => sim.defer_again(id, chance.one_in(2)).map(drop),
            3 if chance.one_in(2) => {
                sim.respond_with(id, |responder| responder.send(200, "text/plain", &text))
            }
            1 if chance.one_in(2) => sim.cancel(id),
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

/// The host closes one of the open connections, or tries to close one that has ended.
fn close_one(sim: &mut Sim, chance: &mut Chance) {
    let is_over = chance.one_in(8);
    let names: Vec<ConnectionId> = if is_over {
        sim.site.known.closed.iter().map(|&(name, _)| name).collect()
    } else {
        let connections = sim.engine.internals().0.iter();
        connections.filter_map(|(slot, _)| sim.engine.names().of(slot)).collect()
    };
    if !names.is_empty() {
        let name = chance.pick(&names);
        sim.site.known.named.insert(name);
        let how = chance.pick(&[CloseMode::Drop, CloseMode::Rst, CloseMode::Peer, CloseMode::Fin]);
        assert!(sim.close(name, how).is_err() || !is_over);
    }
}

/// Plays a story of at most this number of clients. It ends early if its bytes do.
pub(super) fn tell(mut chance: Chance, clients: usize) {
    let mut sim = any_sim(&mut chance, clients);
    sim.site.overdue = Overdue::Any;
    let mut actors: Vec<Actor> = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut answered = Vec::new();
    let length = 50 + chance.below(150) + 4 * clients;
    let closes_some = sim.engine.config().names && chance.one_in(2);
    let drained_at = if chance.one_in(4) { chance.below(length) } else { usize::MAX };
    for step in 0..length {
        if chance.is_used_up() {
            break;
        }
        // Clients connect one by one. In the middle of the story, all others connect.
        while actors.len() < clients && (actors.is_empty() || step == length / 2 || chance.one_in(12)) {
            actors.push(Actor::new(&mut sim, &mut chance));
        }
        let at = chance.below(actors.len());
        actors[at].act(&sim, &mut chance);
        if actors[at].client.is_served() {
            tokens.push(sim.token(&actors[at].client));
        }
        if !tokens.is_empty() && chance.one_in(6) {
            // An event for any connection, of now or of long ago.
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
        if chance.one_in(20) {
            sim.engine.pause_accepting();
        } else if chance.one_in(6) {
            sim.engine.resume_accepting();
        }
        if step == drained_at {
            let now = sim.now();
            sim.engine.call(Some(now)).drain(Duration::from_secs(chance.below(20) as u64));
        }
        if !sim.site.parked.is_empty() && chance.one_in(3) {
            answer_one(&mut sim, &mut chance, &mut answered);
        }
        if !sim.site.streams.is_empty() && chance.one_in(2) {
            let at = chance.below(sim.site.streams.len());
            let id = sim.site.streams[at].0;
            // Its connection may have ended since the last turn.
            let is_over = sim.resume_of(id).is_err();
            assert!(!is_over || sim.timeout() == Some(Duration::ZERO), "{id:?} is over, and nobody is told");
        }
        if !sim.site.bodies.is_empty() && chance.one_in(2) {
            let id = sim.site.bodies[chance.below(sim.site.bodies.len())].0;
            let is_over = sim.resume_of(id).is_err();
            assert!(!is_over || sim.timeout() == Some(Duration::ZERO), "{id:?} is over, and nobody is told");
        }
        if sim.site.parked.len() > 2 && chance.one_in(8) {
            answer_all(&mut sim, &mut chance, &mut answered);
        }
        if closes_some && chance.one_in(12) {
            close_one(&mut sim, &mut chance);
        }
        match chance.below(5) {
            0 => {}
            // The poller's batch was full, so the latest events come with the next one.
            1 => drop(sim.process()),
            2 => drop(sim.settle()),
            _ => drop(sim.turn()),
        }
    }
    end(&mut sim, &actors, &answered);
}

/// All clients leave. Then each has its responses, and the server has nothing left of them.
fn end(sim: &mut Sim, actors: &[Actor], answered: &[RequestId]) {
    sim.engine.resume_accepting();
    for actor in actors {
        actor.client.read(usize::MAX);
    }
    sim.settle();
    for actor in actors {
        actor.check_idle(sim);
    }
    for actor in actors {
        actor.client.fin();
    }
    for (_, stream, read_ahead) in sim.site.taken.drain(..) {
        let actor = actors.iter().find(|actor| actor.client.id == stream.id).expect("it has a client");
        actor.check_read_ahead(&read_ahead);
    }
    // If there is only one slot, they may have to wait for each other.
    sim.pass(Duration::from_secs(100 * (1 + actors.len() as u64)));
    sim.assert_empty();
    assert!(sim.site.upgrades.is_empty(), "each connection is taken over, or its end is told");
    assert!(sim.site.bodies.is_empty(), "no body is taken without its client");
    assert!(sim.site.streams.is_empty(), "no stream goes on without its client");
    let mut over: Vec<_> = sim.site.ended.iter().chain(sim.site.gone.iter().map(|gone| &gone.0)).collect();
    over.sort_unstable();
    assert!(over.windows(2).all(|two| two[0] != two[1]), "each id ends once");
    let waits_for_half_closed = sim.engine.config().half_close;
    for (id, why) in sim.site.gone.iter().filter(|gone| sim.site.parked.contains(&gone.0)) {
        let is_by_fin = *why == GoneReason::Ended(Reason::PeerClosedEarly);
        let is_cut = waits_for_half_closed && is_by_fin && !sim.site.unread.is_taken_in(*id);
        assert!(!is_cut, "{id:?} is gone although its client may still read");
    }
    for id in &sim.site.parked {
        let told = sim.site.gone.iter().filter(|(gone, _)| gone == id).count();
        let site = &sim.site;
        let over = answered.iter().chain(&site.ended_late).chain(&site.unread.went_on);
        let responded = over.filter(|&it| it == id).count();
        assert_eq!(told + responded, 1, "{id:?} ends once");
    }
    for name in &sim.site.known.named {
        let told = sim.site.known.closed.iter().filter(|(closed, _)| closed == name).count();
        assert_eq!(told, 1, "{name:?} is closed once");
    }
    check_received(&sim.stats(), actors.iter().map(|actor| actor.client.received()));
    let (was_calm, closes_some) = (was_calm(sim), sim.stats().closes(Reason::ClosedByHost) > 0);
    for actor in actors {
        let informed = sim.site.informed.iter().filter(|&&client| client == actor.client.id).count();
        actor.check(Told { was_calm, informed, closes_some });
    }
}

/// Plays a story of at most sixteen clients that bytes decide.
pub(super) fn tell_by(bytes: &[u8]) {
    let mut chance = Chance::of(bytes);
    let clients = 1 + chance.below(16);
    tell(chance, clients);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints which seed has failed.
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

    /// `SIM_SEEDS` sets the number of stories, which is 300 by default.
    #[test]
    fn in_any_story_the_books_agree_and_in_the_end_nothing_is_left() {
        // Most stories have few clients, because those meet each other more often.
        for seed in 0..seeds(300) {
            tell_of(seed, if seed % 8 == 0 { 64 } else { 16 });
        }
    }

    /// `SIM_SEEDS` sets the number of stories: one for each hundred, and one by default.
    #[test]
    fn in_any_story_of_two_thousand_clients_the_books_agree() {
        for seed in 0..seeds(100) / 100 {
            tell_of(seed, 2_000);
        }
    }
}
