//! A client of a story: what it sends and when, and the responses that it must get.

use std::io::ErrorKind;

use super::requests::{EXPECT, any_request, any_target};
use crate::simulation::harness::client::Client;
use crate::simulation::harness::entropy::Chance;
use crate::simulation::harness::handler;
use crate::simulation::harness::script::{self, Script};
use crate::simulation::harness::sim::Sim;
use crate::simulation::harness::socket::{Arrival, Ending};
use crate::state::State;

/// How many descriptors a request may have.
pub(super) const DESCRIPTORS: usize = 2;

/// A client with everything that it is going to send.
pub(super) struct Actor {
    pub(super) client: Client,
    pub(super) script: Vec<u8>,
    pub(super) sent: usize,
    /// The methods and targets of its requests, and how many bytes it has sent when each request is whole.
    pub(super) asked: Vec<(&'static str, String)>,
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
            let (method, target, request) = any_request(chance, target, longest);
            asked.push((method, target));
            script.extend(request);
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

    fn passes_too_many(&self) -> bool {
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

    /// Checks that a client whose connection is idle has received a response to each whole request.
    pub(super) fn check_idle(&self, sim: &Sim) {
        let is_idle = self.client.is_served() && sim.state(&self.client) == State::Idle;
        if is_idle && self.client.has_nothing_to_come() {
            let whole = self.ends.iter().filter(|&&end| end <= self.sent).count();
            let responses = finals(&self.client);
            assert_eq!(responses.len(), whole, "responses to client {}", self.client.id);
            assert!(responses.iter().all(|response| response.is_whole));
        }
    }

    /// Checks that its responses are those to its requests. Only the last may be an error, or cut off, and only if
    /// there was a reason.
    pub(super) fn check(&self, was_calm: bool) {
        // The host sometimes closes a deferred request instead of responding.
        let is_lost = |target: &str| {
            let may_close = [
                "/panic",
                "/drop",
                "/later",
                "/keep",
                "/head-later",
                "/head-keep",
                "/head-panic",
                "/pieces/until",
                "/pieces/keep",
                "/upgrade",
            ];
            may_close.iter().any(|&path| target.starts_with(path)) || cuts(target)
        };
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
            self.client.responses().iter().filter(|response| response.status == 100).count() <= expecting,
            "each expecting request gets one 100 Continue"
        );
        let whole = self.ends.iter().filter(|&&end| end <= self.sent).count();
        let says_close = responses.last().is_some_and(|last| last.says_close);
        assert!(
            !is_to_be_whole || !self.client.is_gone() || says_close || responses.len() >= whole,
            "client {} has lost a response: {:?}",
            self.client.id,
            self.client.calls()
        );
        for (at, response) in responses.iter().enumerate() {
            let is_last = at + 1 == responses.len();
            assert!(response.is_whole || (is_last && !is_to_be_whole), "answer {at} is cut off");
            self.check_response(at, response, is_last);
        }
    }

    /// What was read ahead of it is what it has sent after its request, as far as the server has read it.
    pub(super) fn check_read_ahead(&self, read_ahead: &[u8]) {
        let upgrades = self.asked.iter().zip(&self.ends).filter(|(asked, _)| asked.1 == "/upgrade");
        // Any number of line breaks may follow the script, see `act`.
        let breaks = b"\r\n".repeat(read_ahead.len());
        let sent = |end: usize| [&self.script[end..self.sent], &breaks].concat();
        let begins = |end: usize| end <= self.sent && sent(end).starts_with(read_ahead);
        assert!(upgrades.into_iter().any(|(_, &end)| begins(end)), "{}", read_ahead.escape_ascii());
        let has_read_all = self.client.has_nothing_left();
        let is_whole = |end: usize| self.sent - end <= read_ahead.len();
        assert!(!has_read_all || self.ends.iter().any(|&end| end <= self.sent && is_whole(end)));
    }

    /// A response is the one to its request. Only the last can be an error.
    fn check_response(&self, at: usize, response: &handler::Response, is_last: bool) {
        if response.status != 200 {
            let is_possible = match response.status {
                400 => self.passes_too_many() || (self.ends_in_nonsense && at == self.asked.len()),
                101 => self.asked[at].1 == "/upgrade",
                401 => self.asked[at].1 == "/head",
                413 => self.asked[at].1 == "/most",
                507 => self.asked[at].1.starts_with("/pieces/until"),
                status => matches!(status, 408 | 500 | 503),
            };
            // The host's own errors can come in the middle.
            let may_go_on = matches!(response.status, 401 | 507) && !response.says_close;
            assert!((is_last || may_go_on) && is_possible, "answer {at} is a {}", response.status);
            return;
        }
        assert!(!response.says_close || is_last, "nothing is answered after the close");
        let (method, target) = (self.asked[at].0, self.asked[at].1.as_str());
        assert!(response.says_close || !matches!(target, "/close" | "/own-close"), "{target} is the last");
        if response.body.is_empty() {
            return;
        }
        let own = format!("{method} {target}");
        let expected: &[u8] = match target {
            // A body of no bytes is none, so the host was not asked about it.
            "/head-stream" | "/head-later" | "/head-keep" | "/pieces"
                if own.as_bytes().starts_with(&response.body) =>
            {
                return;
            }
            _ if target.starts_with("/pieces/") && own.as_bytes().starts_with(&response.body) => return,
            "/large" | "/owned" => &handler::LARGE,
            "/part" => &handler::LARGE[handler::PART],
            "/copied" => &handler::LARGE[..handler::COPIED],
            "/close" | "/own-close" => b"the last",
            _ if target.starts_with("/stream/") => {
                let script = Script::of(target).expect("it has a script");
                let (len, is_sound) = script.whole();
                let (body, len) = (&response.body, script.len.map_or(len, |len| len as usize));
                assert!(body.len() <= len && script::is_begun(body), "{target}");
                // The host may go wrong only after the last byte of a length that it has announced.
                let may_be_whole = body.len() == len && (is_sound || script.len.is_some());
                assert!(!response.is_whole || may_be_whole, "{target}");
                return;
            }
            "/discard" => {
                assert!(response.body.iter().all(u8::is_ascii_digit));
                return;
            }
            "/head-stream" => {
                assert!(response.body.len() <= 155 && script::is_begun(&response.body));
                return;
            }
            _ if method == "POST" && (target == "/most" || target.starts_with("/pieces")) => {
                // The host may have deferred it.
                let is_later = target.ends_with(['d', 'k']) || target == "/pieces/keep";
                let is_body = response.body.iter().all(|byte| b"bc".contains(byte));
                assert!(is_later || is_body, "{target}");
                return;
            }
            "/head-later" | "/head-keep" => return,
            "/later" | "/keep" if response.body.starts_with(b"a") => {
                assert!(response.body.len() <= 5150 && script::is_begun(&response.body));
                return;
            }
            "/later" | "/keep" if !response.body.starts_with(b"r") => b"better late",
            "/later" | "/keep" => {
                assert!(response.body.iter().zip(handler::PAGE.iter().cycle()).all(|(a, b)| a == b));
                return;
            }
            _ => {
                let text = String::from_utf8_lossy(&response.body);
                let is_its_own = if response.is_whole { text == own } else { own.starts_with(&*text) };
                assert!(is_its_own, "{text} and not {target} as answer {at} to client {}", self.client.id);
                return;
            }
        };
        assert!(
            expected.starts_with(&response.body)
                && (!response.is_whole || response.body.len() == expected.len())
        );
    }
}

/// Returns whether a target is a stream that does not end as it should.
fn cuts(target: &str) -> bool {
    Script::of(target).is_some_and(|script| !script.whole().1)
}

/// Returns whether a response is followed by another to the same request.
fn is_interim(response: &handler::Response) -> bool {
    matches!(response.status, 100 | 102..=199)
}

/// Returns all responses but the interim ones.
fn finals(client: &Client) -> Vec<handler::Response> {
    client.responses().into_iter().filter(|response| !is_interim(response)).collect()
}
