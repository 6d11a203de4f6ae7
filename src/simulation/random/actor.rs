//! A client of a story: what it sends, and when.

use std::io::ErrorKind;

use super::requests::{Asked, any_request, any_target};
use crate::simulation::harness::client::Client;
use crate::simulation::harness::entropy::Chance;
use crate::simulation::harness::handler;
use crate::simulation::harness::sim::Sim;
use crate::simulation::harness::socket::Arrival;

/// How many descriptors a request may have.
pub(super) const DESCRIPTORS: usize = 2;

/// A client with everything that it is going to send.
pub(super) struct Actor {
    pub(super) client: Client,
    pub(super) script: Vec<u8>,
    pub(super) sent: usize,
    /// Its requests, and how many bytes it has sent when each request is whole.
    pub(super) asked: Vec<Asked>,
    pub(super) ends: Vec<usize>,
    /// Whether nonsense follows the requests.
    pub(super) ends_in_nonsense: bool,
    /// How many descriptors it has passed, which may be too many for one request.
    pub(super) passed: usize,
    /// Whether it may lose a response: the server did not take its stream, or the client or the network has done harm.
    /// Sending more after a request that asks for the close does no harm.
    pub(super) has_harmed: bool,
}

impl Actor {
    pub(super) fn new(sim: &mut Sim, chance: &mut Chance) -> Self {
        let (client, welcome) = if chance.one_in(6) { sim.adopt() } else { (sim.connect(), Ok(())) };
        let (mut script, mut asked, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        let longest = sim.engine.config().limits.body_bytes;
        let has_harmed = welcome.is_err();
        // A few send more requests at once than fit into one read.
        let requests = if chance.one_in(24) { 60 } else { chance.below(6) };
        for n in 0..requests {
            let own = format!("/client-{}-request-{n}", client.id);
            let target = any_target(chance, &own);
            let (request, bytes) = any_request(chance, target, longest);
            asked.push(request);
            script.extend(bytes);
            ends.push(script.len());
        }
        if chance.one_in(3) {
            let last = format!("/client-{}-last", client.id);
            script.extend(handler::get_and_close(&last));
            asked.push(Asked { method: "GET", target: last, body: 0 });
            ends.push(script.len());
        }
        let ends_in_nonsense = chance.one_in(8);
        if ends_in_nonsense {
            script.extend_from_slice(b"nonsense\r\n\r\n");
        }
        Actor { client, script, sent: 0, asked, ends, ends_in_nonsense, passed: 0, has_harmed }
    }

    fn piece(&mut self, chance: &mut Chance) -> Vec<u8> {
        let left = self.script.len() - self.sent;
        let most = chance.pick(&[60, 60, 5000]);
        let len = if chance.one_in(3) { left } else { left.min(1 + chance.below(most)) };
        self.sent += len;
        self.script[self.sent - len..self.sent].to_vec()
    }

    /// Sends descriptors with a piece, unless real ones may run out.
    fn pass(&mut self, piece: &[u8], sim: &Sim, chance: &mut Chance) {
        let is_scarce = sim.world().open_descriptors() > 60;
        let count = if is_scarce { 0 } else { chance.below(3) };
        self.passed += count;
        self.has_harmed |= self.passes_too_many() || count > sim.world().receivable;
        self.client.pass(piece, count);
    }

    pub(super) fn passes_too_many(&self) -> bool {
        self.passed > DESCRIPTORS
    }

    pub(super) fn act(&mut self, sim: &Sim, chance: &mut Chance) {
        let kinds = [ErrorKind::Interrupted, ErrorKind::WouldBlock];
        let what = chance.below(40);
        self.has_harmed |= matches!(what, 21..=27 | 35..=37);
        match what {
            0..=15 => {
                let piece = self.piece(chance);
                if !piece.is_empty() && !sim.world().short_read_drains && chance.one_in(4) {
                    self.pass(&piece, sim, chance);
                } else {
                    self.client.send(&piece);
                }
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
                // It sends the rest, and a line break right after the read that takes it.
                self.client.send(&self.script[self.sent..]);
                self.sent = self.script.len();
                self.client.send_later(b"\r\n");
            }
            _ => {}
        }
    }
}
