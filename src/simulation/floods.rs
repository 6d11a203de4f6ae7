//! Floods: hundreds of clients a second take a slot or a buffer, and keep it. During each flood, honest newcomers are
//! served within 30 ms, and honest transfers that are in progress end whole.

use std::collections::VecDeque;
use std::time::Duration;

use super::harness::client::Client;
use super::harness::handler;
use super::harness::sim::Sim;
use crate::config::{CloseMode, Config};
use crate::stats::Reason;

/// The server's slots, in all floods.
const SLOTS: usize = if cfg!(debug_assertions) { 200 } else { 500 };

/// A step of the story.
const STEP: Duration = Duration::from_millis(10);
const STEPS: usize = if cfg!(debug_assertions) { 60 } else { 1_000 };

/// How many uploads are in progress, and how many downloads.
const TRANSFERS: usize = 20;
/// The bytes that each of them moves in a step: 800 KiB a second.
const PIECE: usize = 8 * 1024;

/// The length of an honest upload, which takes nine tenths of the story.
const UPLOAD: usize = PIECE * (STEPS * 9 / 10);

/// A flood: what its clients do, and how many of them connect in each step.
struct Flood {
    name: &'static str,
    clients: usize,
    begin: fn(&Client),
}

fn silent(_: &Client) {}

fn half_head(client: &Client) {
    client.send(b"GET / HTTP/1.1\r\n");
}

fn half_body(client: &Client) {
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
}

fn half_large_body(client: &Client) {
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
}

fn unread_answer(client: &Client) {
    client.stop_reading();
    client.read(30_000);
    client.get("/large");
}

fn unread_copied_answer(client: &Client) {
    client.stop_reading();
    client.get("/copied");
}

fn unread_pipeline(client: &Client) {
    client.stop_reading();
    client.send(&handler::get("/ahead").repeat(500));
}

fn last_answer(client: &Client) {
    client.get("/close");
}

fn large_last_answer(client: &Client) {
    client.get_and_close("/large");
}

fn served_and_idle(client: &Client) {
    client.get("/");
}

const FLOODS: [Flood; 10] = [
    Flood { name: "silent", clients: 15, begin: silent },
    Flood { name: "half heads", clients: 30, begin: half_head },
    Flood { name: "half bodies", clients: 15, begin: half_body },
    Flood { name: "half large bodies", clients: 15, begin: half_large_body },
    Flood { name: "unread answers", clients: 5, begin: unread_answer },
    Flood { name: "unread copied answers", clients: 5, begin: unread_copied_answer },
    Flood { name: "unread pipelines", clients: 5, begin: unread_pipeline },
    Flood { name: "last answers", clients: 15, begin: last_answer },
    Flood { name: "large last answers", clients: 5, begin: large_last_answer },
    Flood { name: "served and idle", clients: 15, begin: served_and_idle },
];

/// Honest transfers that are in progress.
struct Transfers {
    uploads: Vec<Client>,
    downloads: Vec<Client>,
    sent: usize,
}

impl Transfers {
    fn begin(sim: &mut Sim) -> Self {
        let head = format!("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {UPLOAD}\r\n\r\n");
        let uploads: Vec<Client> = (0..TRANSFERS).map(|_| sim.connect()).collect();
        for client in &uploads {
            client.send(head.as_bytes());
        }
        let downloads: Vec<Client> = (0..TRANSFERS).map(|_| sim.connect()).collect();
        for client in &downloads {
            client.stop_reading();
            client.get("/long");
        }
        sim.settle();
        Transfers { uploads, downloads, sent: 0 }
    }

    fn step(&mut self) {
        let piece = vec![b'x'; PIECE.min(UPLOAD - self.sent)];
        self.sent += piece.len();
        for client in self.uploads.iter().filter(|_| !piece.is_empty()) {
            client.send(&piece);
        }
        for client in &self.downloads {
            client.read(PIECE);
        }
    }

    fn check(&self, flood: &str) {
        let whole = self.uploads.iter().filter(|client| client.statuses() == [200]).count();
        assert_eq!(whole, TRANSFERS, "whole uploads during {flood}");
        let least = PIECE * (STEPS - 10);
        let going = self.downloads.iter().filter(|client| client.received_len() >= least).count();
        assert_eq!(going, TRANSFERS, "steady downloads during {flood}");
    }
}

/// Plays a flood, of ten seconds in a release build.
fn tell(flood: &Flood, change: impl FnOnce(&mut Config)) {
    let mut sim = Sim::with(|config| {
        config.max_connections = SLOTS;
        config.limits.body_bytes = UPLOAD;
        change(config);
    });
    let mut transfers = Transfers::begin(&mut sim);
    let mut honest = VecDeque::new();
    for step in 0..STEPS {
        for _ in 0..flood.clients {
            (flood.begin)(&sim.connect());
        }
        transfers.step();
        if step % 5 == 0 {
            // Its request arrives one step after its handshake.
            honest.push_back(sim.connect());
        } else if step % 5 == 1 {
            honest.back().expect("it has come").get_and_close("/honest");
        }
        sim.advance(STEP);
        sim.settle_some(4);
        if step % 5 == 3 {
            let client = honest.pop_front().expect("it has come");
            assert_eq!(client.statuses(), [200], "{} at step {step}: {:?}", flood.name, client.calls());
        }
    }
    sim.settle();
    transfers.check(flood.name);
    assert!(sim.stats().closes(Reason::Evicted) > 0 || sim.stats().errors(503) > 0, "{}", flood.name);
}

#[test]
fn during_each_flood_newcomers_are_served_in_30_ms_and_transfers_go_on() {
    for flood in &FLOODS {
        tell(flood, |_| {});
    }
}

#[test]
fn newcomers_and_transfers_survive_floods_in_close_mode_peer() {
    for flood in FLOODS.iter().filter(|flood| flood.name.contains("last")) {
        tell(flood, |config| config.close = CloseMode::Peer);
    }
}

#[test]
fn newcomers_and_transfers_survive_floods_with_few_buffers() {
    for flood in &FLOODS {
        tell(flood, |config| {
            config.buffers.heads = 60;
            config.buffers.outs = 60;
            config.buffers.bodies = TRANSFERS + 4;
        });
    }
}
