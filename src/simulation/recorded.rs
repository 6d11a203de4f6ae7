//! The recorded stories: short scenes of the simulation, kept as traces in `docs/stories/`, for people to step through.
//!
//! The test plays each of them again, and compares. This command records them anew, after a change of the server:
//!
//! ```text
//! FOURWAY_RECORD=1 cargo test --lib simulation::recorded
//! ```

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use super::drain::drain;
use super::harness::client::Client;
use super::harness::recorder::{self, Header};
use super::harness::sim::Sim;
use crate::config::{AtCapacity, Config};
use crate::net::Readiness;
use crate::state::State;
use crate::stats::{Phase, Reason};

/// A scene, and what a reader may look for in it.
struct Story {
    name: &'static str,
    title: &'static str,
    text: &'static str,
    config: fn(&mut Config),
    play: fn(&mut Sim),
}

const STORIES: [Story; 16] = [
    Story {
        name: "request-whole",
        title: "A request whole",
        text: "The request is there when the connection is accepted. So it is read and answered before the poller \
               hears of the connection. The read is short, so the socket is empty, and no second read is made. Then \
               the client closes, and an event brings the end.",
        config: |_| {},
        play: request_whole,
    },
    Story {
        name: "split-at-every-byte",
        title: "A request split at every byte",
        text: "Each byte arrives alone, and each raises an edge of its own. Between two of them the connection waits \
               in Head, and keeps a head buffer. Its deadline goes on from the first byte: a byte now and then does \
               not buy time.",
        config: |_| {},
        play: split_at_every_byte,
    },
    Story {
        name: "pipelined",
        title: "Three requests in one segment",
        text: "One read takes three requests. The handler answers all of them, and one write sends all responses.",
        config: |_| {},
        play: pipelined,
    },
    Story {
        name: "read-until-would-block",
        title: "Read until WouldBlock",
        text: "On this socket a short read proves nothing, as on a Unix socket. So the server reads again after each \
               request, and only WouldBlock clears the readable bit. Compare it with the story request-whole.",
        config: |_| {},
        play: read_until_would_block,
    },
    Story {
        name: "slow-loris",
        title: "A slow-loris client expires",
        text: "The client sends a byte of its head every four seconds. The deadline of the state Head was armed by \
               the first byte, and no later byte arms it anew. After 10 s it fires: the client gets a 408, and the \
               server closes.",
        config: |_| {},
        play: slow_loris,
    },
    Story {
        name: "slow-reader",
        title: "A client that reads slowly",
        text: "The response has 200,000 bytes, and the client has space for a part of them. The write is short, and \
               the next one returns WouldBlock. Only now the poller watches for output, too. Each edge tells that \
               there is space again.",
        config: |_| {},
        play: slow_reader,
    },
    Story {
        name: "half-close",
        title: "A client closes its half",
        text: "The client sends a request and its FIN, and goes on reading. The event has the hint read-closed, which \
               is believed only when a read returns 0. The client still gets its whole response.",
        config: |_| {},
        play: half_close,
    },
    Story {
        name: "reset-in-mid-answer",
        title: "A reset in the middle of an answer",
        text: "The client takes a part of a large response, and resets the connection. The event only hints at it. \
               The failing write ends the connection.",
        config: |_| {},
        play: reset_in_mid_answer,
    },
    Story {
        name: "out-of-descriptors",
        title: "No descriptor is left, and accepting recovers",
        text: "The process may have two sockets, and three clients come. The third accept fails with EMFILE. No event \
               will ever report that there are descriptors again. So accepting is tried again when a connection \
               ends, and every 100 ms.",
        config: |_| {},
        play: out_of_descriptors,
    },
    Story {
        name: "eviction",
        title: "A newcomer evicts an idle connection",
        text: "All three slots are in use when a fourth client comes. The connection that has been idle longest gives \
               way.",
        config: |config| {
            config.max_connections = 3;
            config.at_capacity = AtCapacity::Evict;
        },
        play: eviction,
    },
    Story {
        name: "drain",
        title: "A drain with a grace period",
        text: "The host ends the server while one client is idle, and another is in the middle of its request. The \
               idle one is closed at once. The other is answered, and the response says that it is the last.",
        config: |_| {},
        play: drained,
    },
    Story {
        name: "two-clients-one-turn",
        title: "Two clients in one turn",
        text: "Two requests arrive between two turns. The events only mark their connections. The turn serves both in \
               one wave: both receive, both are answered, both send.",
        config: |_| {},
        play: two_clients_one_turn,
    },
    Story {
        name: "stale-event",
        title: "A stale event for a slot that is in use again",
        text: "A connection ends, and its slot goes to the next client. Then an event arrives that was meant for the \
               first. Its token has the old generation, so it is counted and ignored.",
        config: |config| config.max_connections = 1,
        play: stale_event,
    },
    Story {
        name: "false-event",
        title: "An event says readable, and nothing is there",
        text: "The poller reports a socket to which nobody has sent anything. The server sets the ready bit and \
               queues the connection. Then recv returns WouldBlock, which clears the bit. The state and the deadline \
               stay as they were. The next request is answered as usual.",
        config: |_| {},
        play: false_event,
    },
    Story {
        name: "quota-used-up",
        title: "A client uses up its quota",
        text: "A turn answers at most four requests of a client here, by default 32. One client sends ten at once, \
               and then another sends one. After four the first goes to the end of the ready queue, and the other has \
               its turn. There is more work at the end of such a turn, so the host does not sleep. No further event \
               comes, and all ten are answered.",
        config: |config| config.budget.requests_per_connection = 4,
        play: quota_used_up,
    },
    Story {
        name: "wave-of-sixteen",
        title: "A wave of sixteen",
        text: "Sixteen clients send their requests at the same time. First all of them receive, then all are \
               answered, then all send. So each step finds its code in the processor's cache.",
        config: |config| config.budget.wave_size = 16,
        play: wave_of_sixteen,
    },
];

// --- the scenes ---

const SECOND: Duration = Duration::from_secs(1);

fn request_whole(sim: &mut Sim) {
    let client = sim.connect();
    client.get("/");
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    sim.pass(SECOND);
    client.close();
    sim.settle();
    assert!(client.is_gone());
}

fn split_at_every_byte(sim: &mut Sim) {
    let client = sim.connect_idle();
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".chunks(1) {
        client.send(byte);
        sim.settle();
        sim.pass(Duration::from_millis(10));
    }
    assert_eq!(client.statuses(), [200]);
    client.close();
    sim.settle();
}

fn pipelined(sim: &mut Sim) {
    let client = sim.connect_idle();
    let requests = ["/a", "/b", "/c"].map(|target| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    client.send(requests.concat().as_bytes());
    sim.settle();
    assert_eq!(client.statuses(), [200; 3]);
    client.close();
    sim.settle();
}

fn read_until_would_block(sim: &mut Sim) {
    sim.world().short_read_drains = false;
    let client = sim.connect_idle();
    for target in ["/first", "/second"] {
        client.get(target);
        sim.settle();
        sim.pass(SECOND);
    }
    assert_eq!(client.statuses(), [200; 2]);
    client.close();
    sim.settle();
}

fn slow_loris(sim: &mut Sim) {
    let client = sim.connect_idle();
    for byte in [b"G", b"E", b"T"] {
        client.send(byte);
        sim.pass(4 * SECOND);
    }
    assert_eq!(client.statuses(), [408]);
    client.close();
    sim.settle();
    assert!(client.is_gone());
}

fn slow_reader(sim: &mut Sim) {
    let client = sim.connect_idle();
    client.stop_reading();
    client.read(60_000);
    client.get("/large");
    sim.settle();
    for _ in 0..3 {
        sim.pass(SECOND);
        client.read(60_000);
        sim.settle();
    }
    assert_eq!(client.statuses(), [200]);
    client.close();
    sim.settle();
}

fn half_close(sim: &mut Sim) {
    let client = sim.connect_idle();
    client.get("/");
    client.fin();
    sim.settle();
    assert_eq!(client.statuses(), [200]);
    assert!(client.is_gone());
}

fn reset_in_mid_answer(sim: &mut Sim) {
    let client = sim.connect_idle();
    client.stop_reading();
    client.read(10_000);
    client.get("/large");
    sim.settle();
    sim.pass(SECOND);
    client.reset();
    sim.settle();
    assert_eq!(sim.stats().closes(Reason::PeerReset), 1);
}

fn out_of_descriptors(sim: &mut Sim) {
    recorder::kernel("allows two open sockets");
    sim.world().descriptors = 2;
    let clients: Vec<Client> = (0..3).map(|_| sim.connect()).collect();
    clients[0].get("/");
    sim.settle();
    assert!(!clients[2].is_served());
    // The first try again is in vain.
    sim.pass(Duration::from_millis(150));
    clients[0].close();
    sim.settle();
    clients[2].get("/");
    sim.settle();
    assert_eq!(clients[2].statuses(), [200]);
}

fn eviction(sim: &mut Sim) {
    let clients: Vec<Client> = (0..3).map(|_| sim.connect_idle()).collect();
    sim.pass(SECOND);
    clients[0].get("/");
    sim.settle();
    sim.pass(SECOND);
    let new = sim.connect();
    new.get("/");
    sim.settle();
    assert!(clients[1].is_gone());
    assert_eq!(new.statuses(), [200]);
}

fn drained(sim: &mut Sim) {
    let (idle, busy) = (sim.connect_idle(), sim.connect_idle());
    busy.send(b"GET / HTTP/1.1\r\n");
    sim.settle();
    recorder::host("drains, with a grace period of 3 s");
    drain(sim);
    sim.settle();
    assert!(idle.is_gone() && busy.is_served());
    sim.pass(SECOND);
    busy.send(b"Host: x\r\n\r\n");
    sim.settle();
    assert!(busy.responses()[0].says_close);
    busy.close();
    sim.settle();
    assert_eq!(sim.engine.phase(), Phase::Closed);
}

fn two_clients_one_turn(sim: &mut Sim) {
    let clients = [sim.connect_idle(), sim.connect_idle()];
    for client in &clients {
        client.get("/");
    }
    sim.turn();
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    sim.settle();
}

fn stale_event(sim: &mut Sim) {
    let old = sim.connect_idle();
    let token = sim.token(&old);
    old.close();
    sim.settle();
    let new = sim.connect_idle();
    recorder::kernel("still has an event for the first connection");
    sim.handle(token, Readiness { readable: true, ..Readiness::default() });
    sim.settle();
    new.get("/");
    sim.settle();
    assert_eq!((sim.stats().stale_events, new.statuses()), (1, vec![200]));
}

fn false_event(sim: &mut Sim) {
    let client = sim.connect_idle();
    sim.pass(SECOND);
    recorder::kernel("reports an event, and nothing has arrived");
    let before = sim.timeout();
    sim.handle(sim.token(&client), Readiness { readable: true, ..Readiness::default() });
    sim.settle();
    assert_eq!((sim.state(&client), sim.timeout()), (State::Idle, before));
    client.get("/");
    sim.settle();
    assert_eq!(client.statuses(), [200]);
}

fn quota_used_up(sim: &mut Sim) {
    let [greedy, other] = [sim.connect_idle(), sim.connect_idle()];
    greedy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(10).as_bytes());
    other.get("/");
    assert!(sim.turn().more);
    assert_eq!((greedy.statuses(), other.statuses()), (vec![200; 4], vec![200]));
    sim.settle();
    assert_eq!(greedy.statuses(), [200; 10]);
}

fn wave_of_sixteen(sim: &mut Sim) {
    let clients: Vec<Client> = (0..16).map(|_| sim.connect_idle()).collect();
    for client in &clients {
        client.get("/");
    }
    sim.turn();
    assert!(clients.iter().all(|client| client.statuses() == [200]));
    sim.settle();
}

// --- the recording ---

/// Plays a story. Returns its trace.
fn record(story: &Story) -> String {
    recorder::begin();
    let mut sim = Sim::with(story.config);
    (story.play)(&mut sim);
    let lines = recorder::end();
    format!("{}{lines}", header(story, sim.engine.config()))
}

fn header(story: &Story, config: &Config) -> String {
    let budget = &config.budget;
    let limits = [
        ("slots", config.max_connections as u64),
        ("wave", budget.wave_size as u64),
        ("accepts", budget.accepts.into()),
        ("requests", budget.requests.into()),
        ("requests_per_connection", budget.requests_per_connection.into()),
        ("bytes_per_connection", budget.bytes_per_connection as u64),
    ];
    let names: Vec<String> = State::WAITING.iter().map(|state| format!("{state:?}")).collect();
    let times = State::WAITING.map(|state| config.timeouts.of(state).as_millis() as u64);
    let timeouts: Vec<_> = names.iter().map(String::as_str).zip(times).collect();
    let Story { title, text, .. } = *story;
    let source = "simulation";
    Header { source, title, story: text, every: 1, limits: &limits, timeouts: &timeouts }.to_string()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/stories").join(name).with_extension("trace")
}

#[test]
fn each_recorded_story_is_what_the_server_does_today() {
    const COMMAND: &str = "FOURWAY_RECORD=1 cargo test --lib simulation::recorded";
    let mut changed = Vec::new();
    for story in &STORIES {
        let trace = record(story);
        assert_eq!(trace, record(story), "{}: it is the same each time", story.name);
        if env::var_os("FOURWAY_RECORD").is_some() {
            fs::write(path(story.name), trace).expect("docs/stories can be written");
        } else {
            let kept = fs::read_to_string(path(story.name)).unwrap_or_default();
            let difference = trace.lines().zip(kept.lines()).find(|(now, kept)| now != kept);
            if trace != kept {
                changed
                    .push((story.name, difference.map(|(now, kept)| format!("{now}\n instead of\n{kept}"))));
            }
        }
    }
    assert!(changed.is_empty(), "{changed:#?}\nlook at them, and then record them anew: {COMMAND}");
}

#[test]
fn no_other_stories_are_kept() {
    let folder = fs::read_dir(path("x").with_file_name("")).expect("the folder of the stories");
    let mut kept: Vec<String> =
        folder.map(|file| file.expect("a file").file_name().into_string().expect("a name")).collect();
    kept.sort();
    let mut told: Vec<String> = STORIES.iter().map(|story| format!("{}.trace", story.name)).collect();
    told.sort();
    assert_eq!(kept, told);
}
