//! What the author of a host relies on: a loop that is shared with others, a table that is full, and
//! mistakes that are seen at once.
//!
//! The mistakes that hosts of such servers have made elsewhere, and what shows that they are
//! harmless here, or impossible, or seen at once:
//!
//! | mistake | shown by |
//! | --- | --- |
//! | The timeout is ignored: dead timers | `a_timeout_that_is_ignored_shows_in_the_statistics` |
//! | The timeout is ignored: work left undone | `while_there_is_work_the_timeout_is_zero`, `simulation/pipelining.rs`: `ten_thousand_requests_of_a_client_that_goes_silent_are_all_answered_in_order` |
//! | An edge is lost because a pass left data unread | `simulation/readiness.rs`: `input_in_any_pieces_around_any_read_is_never_forgotten`, `a_read_that_fills_its_buffer_is_followed_by_another` |
//! | The library blocks inside the host's loop | `in_a_crowded_loop_everything_is_answered_whatever_a_batch_holds`; `lifecycle.rs`: `an_adopted_blocking_stream_of_std_does_not_block_the_server` |
//! | −1, 0, none and never are confused; `Option::min` | `the_lesser_of_two_options_is_not_the_earlier_timeout`, the example of `earliest` |
//! | Something is destroyed from inside a callback | the example of `Handler` that does not compile |
//! | Tokens clash with a sentinel or with fixed ones | `a_range_that_is_too_small_or_touches_the_last_token_is_refused`, `storms.rs`: `tokens_around_a_range_are_not_claimed` |
//! | Whether something is queued cannot be known | `while_there_is_work_the_timeout_is_zero` |
//! | `process` is forgotten | `without_process_nothing_happens_and_the_timeout_stays_zero` |
//! | The reply is lost at exit | `lifecycle.rs`: `a_drain_lets_a_slow_reader_have_its_whole_response`; `simulation/drain.rs`: `an_answer_on_its_way_when_the_drain_begins_leaves_whole` |
//! | A reply is never produced | the examples of `Reply`; `deferred.rs`: `a_deferred_request_that_times_out_is_a_503_and_is_reported`, `a_responder_that_is_dropped_answers_500` |
//! | The hint of an end is taken for the end | `simulation/client_closes.rs`: `a_half_closed_client_gets_its_whole_answer`; `deferred.rs`: `a_client_that_closes_its_half_still_gets_its_deferred_answer` |
//! | One client's error is everybody's end | `simulation/faults.rs`: `a_broken_socket_ends_its_own_connection_only_in_every_state`; `storms.rs`: `in_a_storm_of_false_readiness_each_client_gets_its_own_answers` |
//! | Events are replayed, or come for sockets that are gone | `storms.rs`: `a_batch_that_is_handled_again_reaches_no_newcomer`, `storms.rs`: `in_a_storm_of_false_readiness_each_client_gets_its_own_answers` |
//! | A taken connection's first bytes are forgotten | they are an argument of `taken`; `take_over.rs`: `bytes_that_came_with_the_request_are_given_to_the_host` |
//! | Events of a taken connection still come | `take_over.rs`: `events_of_the_old_token_that_come_late_are_ignored`, `the_servers_poller_tells_nothing_more_about_it` |
//! | Two servers have the same tokens in one poller | `two_servers_with_the_same_tokens_show_in_the_statistics_of_the_first` |
//! | Accepting is paused: the loop spins, or clients are forgotten | `lifecycle.rs`: `clients_that_connect_during_a_pause_are_served_after_it_and_nobody_spins`, `simulation/pausing.rs` |
//! | The headers of another server's response are passed on | `own_headers.rs` |
//! | A part is not within its whole | `bodies.rs`: `a_part_beyond_its_whole_is_a_500` |
//! | A wrapped handler loses a method that has a default | `forwarding.rs` |

use std::net::UdpSocket as Sender;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::embed::{Loop, Rig, World};
use crate::common::{ANY_PORT, Client, PATIENCE, get};
use fourway::mio::net::UdpSocket;
use fourway::mio::{Interest, Token, Waker};
use fourway::{AtCapacity, Config, Reason, Server, SetupError, TokenRange, earliest};

// --- a crowded loop ---

const TICK: Duration = Duration::from_millis(10);
const UDP: Token = Token(0);
const SECOND_UDP: Token = Token(1);
const WAKER: Token = Token(usize::MAX);
const DATAGRAMS: usize = 50;
const WAKE_UPS: usize = 50;
const CLIENTS: usize = 4;
const REQUESTS: usize = 2000;

/// Requests that are written by one thread and read by another.
fn pipeline(address: std::net::SocketAddr, name: &'static str) {
    let mut client = Client::connect(address);
    let mut writer = client.socket().try_clone().expect("a second handle");
    thread::scope(|scope| {
        scope.spawn(move || {
            let all: String = (0..REQUESTS).map(|number| get(&format!("/{name}-{number}"))).collect();
            std::io::Write::write_all(&mut writer, all.as_bytes()).expect("the server takes all of it");
        });
        for number in 0..REQUESTS {
            assert_eq!(client.response().body, format!("/{name}-{number}").as_bytes());
        }
    });
}

/// Sends datagrams one by one, each after the echo of the one before.
fn expect_echoes(to: std::net::SocketAddr) {
    let socket = Sender::bind(ANY_PORT).expect("a free port");
    socket.connect(to).expect("an address");
    socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
    for number in 0..DATAGRAMS {
        let sent = number.to_string();
        socket.send(sent.as_bytes()).expect("a datagram");
        let mut echo = [0; 100];
        let len = socket.recv(&mut echo).expect("its echo");
        assert_eq!(&echo[..len], sent.as_bytes());
    }
}

fn echo(socket: &UdpSocket) {
    let mut datagram = [0; 1500];
    while let Ok((len, from)) = socket.recv_from(&mut datagram) {
        socket.send_to(&datagram[..len], from).expect("room for a datagram");
    }
}

/// Two servers, two sockets of the host's, its waker and its tick in one loop, with room for `capacity`
/// events at a time; both servers have more to do than their budget allows.
fn crowded(capacity: usize) {
    let mut config = Config::default();
    config.budget.requests = 50;
    config.budget.requests_per_connection = 20;
    let budget = config.budget.requests;
    let mut host = Loop::new(capacity);
    let (mut first, mut second) = (host.server(0, config.clone()), host.server(1, config));
    let at = |server: &mut Server| {
        let listener = server.listen(ANY_PORT).expect("a free port");
        server.local_addr(listener).expect("it listens")
    };
    let addresses = [(at(&mut first), "first"), (at(&mut second), "second")];
    let mut sockets = [(); 2].map(|()| UdpSocket::bind(ANY_PORT).expect("a free port"));
    for (socket, token) in sockets.iter_mut().zip([UDP, SECOND_UDP]) {
        host.poll.registry().register(socket, token, Interest::READABLE).expect("a source of the host's");
    }
    let waker = Arc::new(Waker::new(host.poll.registry(), WAKER).expect("the host's waker"));

    let mut clients = Vec::new();
    for (address, name) in addresses {
        clients.extend((0..CLIENTS).map(|_| thread::spawn(move || pipeline(address, name))));
    }
    for socket in &sockets {
        let to = socket.local_addr().expect("it is bound");
        clients.push(thread::spawn(move || expect_echoes(to)));
    }
    // A waker that is dropped takes its event with it.
    let other_end = waker.clone();
    clients.push(thread::spawn(move || {
        for _ in 0..WAKE_UPS {
            other_end.wake().expect("the host's waker");
            thread::yield_now();
        }
    }));

    let (mut worlds, mut used_up, mut wake_ups) = ([World::default(), World::default()], 0, 0);
    let (start, mut tick, mut ticks) = (Instant::now(), Instant::now() + TICK, 0);
    while clients.iter().any(|client| !client.is_finished()) || wake_ups == 0 || ticks == 0 {
        assert!(start.elapsed() < PATIENCE, "{wake_ups} wake-ups, {ticks} ticks, {first:?}, {second:?}");
        let now = Instant::now();
        let until_tick = tick.saturating_duration_since(now);
        let servers = earliest(first.next_timeout(now), second.next_timeout(now));
        host.wait(earliest(Some(until_tick), servers));
        for event in &host.events {
            let (token, is_first, is_second) =
                (event.token(), first.handle_event(event), second.handle_event(event));
            let is_own = [UDP, SECOND_UDP, WAKER].contains(&token);
            let claims = [is_first, is_second, is_own].iter().filter(|claims| **claims).count();
            assert_eq!(claims, 1, "{token:?} is one's, not two's and not nobody's");
            match token {
                UDP => echo(&sockets[0]),
                SECOND_UDP => echo(&sockets[1]),
                WAKER => wake_ups += 1,
                _ => {}
            }
        }
        if Instant::now() >= tick {
            (tick, ticks) = (tick + TICK, ticks + 1);
        }
        for (server, world) in [&mut first, &mut second].into_iter().zip(&mut worlds) {
            let progress = server.process(Instant::now(), world);
            assert!(progress.requests <= budget, "{progress:?}");
            used_up += usize::from(progress.requests == budget);
        }
    }
    drop(waker);
    clients.into_iter().for_each(|client| client.join().expect("each client has got its answers"));
    for (world, name) in worlds.iter().zip(["first", "second"]) {
        assert_eq!(world.asked.len(), CLIENTS * REQUESTS);
        assert!(world.asked.iter().all(|target| target[1..].starts_with(name)), "a request went astray");
    }
    assert_eq!((first.stats().stale_events, second.stats().stale_events), (0, 0));
    assert!(used_up > 0, "the servers were never saturated");
}

#[test]
fn in_a_crowded_loop_everything_is_answered_one_event_at_a_time() {
    crowded(1);
}

#[test]
fn in_a_crowded_loop_everything_is_answered_a_few_events_at_a_time() {
    crowded(4);
}

#[test]
fn in_a_crowded_loop_everything_is_answered_whatever_a_batch_holds() {
    crowded(1024);
}

// --- a full table ---

/// Ten connections that are kept alive, which is all that the server can have.
fn full(at_capacity: AtCapacity) -> (Rig, Vec<Client>) {
    let mut config = Config::default();
    config.max_connections = 10;
    config.at_capacity = at_capacity;
    let mut rig = Rig::new(config);
    let mut idle: Vec<Client> = (0..10).map(|_| rig.asking("/idle")).collect();
    rig.settle();
    idle.iter_mut().for_each(|client| drop(client.response()));
    assert_eq!(rig.server.stats().idle, 10);
    (rig, idle)
}

#[test]
fn beside_ten_idle_connections_of_ten_the_eleventh_is_served_at_once() {
    let (mut rig, mut idle) = full(AtCapacity::Evict);
    let mut eleventh = Client::connect(rig.address);
    eleventh.send(get("/eleventh"));
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), []);
    let progress = rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!((progress.accepted, progress.closed), (1, 1));
    rig.until_asked(11);
    rig.settle();
    assert_eq!(eleventh.response().body, b"/eleventh");
    idle.remove(0).expect_end();
    for client in &mut idle {
        rig.ask(client, "/still-here");
        rig.settle();
        assert_eq!(client.response().body, b"/still-here");
    }
}

#[test]
fn a_server_that_pauses_serves_the_eleventh_when_one_closes_without_any_new_event() {
    let (mut rig, idle) = full(AtCapacity::Pause);
    let mut eleventh = Client::connect(rig.address);
    eleventh.send(get("/eleventh"));
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), []);
    let progress = rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!((progress.accepted, progress.more, rig.server.stats().full), (0, false, 1));
    let wait = rig.server.next_timeout(Instant::now()).expect("the ten are timed");
    assert!(wait > Duration::from_secs(60), "it does not spin: {wait:?}");
    // The idle time of the first is over: no event tells of that, and none of the eleventh.
    let end = Instant::now() + wait;
    let progress = rig.server.process(end, &mut rig.world);
    assert!(progress.closed > 0 && progress.more, "{progress:?}");
    assert_eq!(rig.server.next_timeout(end), Some(Duration::ZERO), "there is a place for the eleventh");
    rig.server.process(end, &mut rig.world);
    assert_eq!(eleventh.response().body, b"/eleventh");
    drop(idle);
}

#[test]
fn a_server_that_pauses_serves_the_eleventh_in_the_turn_in_which_a_client_closes() {
    let (mut rig, mut idle) = full(AtCapacity::Pause);
    let mut eleventh = Client::connect(rig.address);
    eleventh.send(get("/eleventh"));
    rig.settle();
    assert_eq!(rig.world.asked.len(), 10, "it waits");
    drop(idle.swap_remove(4));
    assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), []);
    assert_eq!(rig.host.events.iter().count(), 1, "of the one that closes, and of no listener");
    let progress = rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!((progress.closed, progress.accepted, progress.requests), (1, 1, 1));
    assert_eq!(eleventh.response().body, b"/eleventh");
}

// --- mistakes of hosts ---

#[test]
fn a_timeout_that_is_ignored_shows_in_the_statistics() {
    let mut rig = Rig::new(Config::default());
    let mut client = rig.asking("/");
    rig.settle();
    client.response();
    let now = Instant::now();
    let due = now + rig.server.next_timeout(now).expect("it is timed");
    let late = Duration::from_secs(100);
    rig.server.process(due + late, &mut rig.world);
    assert_eq!(rig.server.stats().closes(Reason::IdleTimeout), 1);
    assert_eq!(rig.server.stats().max_lateness, late);
}

#[test]
fn while_there_is_work_the_timeout_is_zero() {
    let mut config = Config::default();
    config.budget.requests = 10;
    config.budget.requests_per_connection = 10;
    let mut rig = Rig::new(config);
    let mut client = Client::connect(rig.address);
    client.send(get("/").repeat(95));
    rig.until("the first ten are answered", |_, world| !world.asked.is_empty());
    let mut turns = 1;
    while rig.server.next_timeout(Instant::now()) == Some(Duration::ZERO) {
        // No event comes any more.
        let progress = rig.server.process(Instant::now(), &mut rig.world);
        assert!(progress.requests <= 10);
        assert_eq!(progress.more, rig.server.next_timeout(Instant::now()) == Some(Duration::ZERO));
        turns += 1;
    }
    assert_eq!((rig.world.asked.len(), turns >= 10), (95, true));
    for _ in 0..95 {
        client.response();
    }
}

#[test]
fn the_lesser_of_two_options_is_not_the_earlier_timeout() {
    let rig = Rig::new(Config::default());
    let server = rig.server.next_timeout(Instant::now());
    assert_eq!(server, None, "without a connection nothing is timed");
    assert_eq!(server.min(Some(TICK)), None, "a loop with this misses its tick");
    assert_eq!(earliest(server, Some(TICK)), Some(TICK));
    assert_eq!(earliest(Some(TICK), server), Some(TICK));
    assert_eq!(earliest(None, None), None);
}

const START: usize = 1000;
const RANGE: usize = 1 << 11;

#[test]
fn a_range_that_is_too_small_or_touches_the_last_token_is_refused() {
    assert_eq!(TokenRange::new(usize::MAX, 1), None);
    assert_eq!(TokenRange::new(usize::MAX - RANGE + 1, RANGE), None);
    assert_eq!(TokenRange::new(START, 0), None);
    let last = TokenRange::new(usize::MAX - RANGE, RANGE).expect("it ends in front of the last");
    assert!(last.contains(Token(usize::MAX - 1)) && !last.contains(WAKER));

    let host = Loop::new(1);
    let mut config = Config::default();
    config.max_connections = 1000;
    let small = TokenRange::new(START, 1000).expect("a range");
    let error = Server::new(host.poll.registry(), small, config.clone()).expect_err("it is too small");
    let SetupError::TokenRangeTooSmall { need, have } = error else { panic!("{error}") };
    assert_eq!(have, 1000);
    let one_less = TokenRange::new(START, need - 1).expect("a range");
    assert!(Server::new(host.poll.registry(), one_less, config.clone()).is_err());
    let enough = TokenRange::new(START, need).expect("a range");
    assert!(Server::new(host.poll.registry(), enough, config).is_ok());
}

#[test]
fn two_servers_with_the_same_tokens_show_in_the_statistics_of_the_first() {
    let mut rig = Rig::new(Config::default());
    let mut second = rig.host.server(0, Config::default());
    let listener = second.listen(ANY_PORT).expect("a free port");
    let mut own = Client::connect(rig.address);
    let _other = Client::connect(second.local_addr(listener).expect("it listens"));
    // The first takes all events, because their tokens are in its range. It has not given out the tokens of the second.
    rig.until("the event of the other's listener is seen", |server, _| server.stats().stale_events > 0);
    rig.ask(&mut own, "/first");
    assert_eq!(rig.server.stats().accepted, 1);
}

#[test]
fn without_process_nothing_happens_and_the_timeout_stays_zero() {
    let mut rig = Rig::new(Config::default());
    let mut client = Client::connect(rig.address);
    client.send(get("/"));
    for _ in 0..100 {
        assert_eq!(rig.host.gather(&mut rig.server, PATIENCE), []);
        assert_eq!(rig.server.next_timeout(Instant::now()), Some(Duration::ZERO));
    }
    assert_eq!((rig.server.stats().accepted, rig.world.asked.len()), (0, 0));
    rig.settle();
    assert_eq!(client.response().body, b"/");
}

#[test]
fn extra_calls_of_anything_are_harmless() {
    let mut rig = Rig::new(Config::default());
    let mut client = rig.asking("/");
    rig.settle();
    let before = Instant::now() - Duration::from_secs(1);
    for _ in 0..100 {
        let progress = rig.server.process(before, &mut rig.world);
        assert_eq!((progress.accepted, progress.requests, progress.closed, progress.more), (0, 0, 0, false));
        let _ = rig.server.next_timeout(before);
        for event in &rig.host.events {
            rig.server.handle_event(event);
        }
    }
    rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!(client.response().body, b"/");
    rig.server.drain(Instant::now(), PATIENCE);
    rig.server.drain(Instant::now(), PATIENCE);
    rig.settle();
    rig.server.abort();
    rig.server.abort();
    rig.server.drain(Instant::now(), PATIENCE);
    assert_eq!(rig.server.phase(), fourway::Phase::Closed);
    let progress = rig.server.process(Instant::now(), &mut rig.world);
    assert_eq!((progress.more, rig.server.next_timeout(Instant::now())), (false, None));
}
