//! The checks at the end of a story: each client has the responses that it must get.

use super::actor::Actor;
use super::requests::{Asked, EXPECT};
use crate::simulation::harness::client::Client;
use crate::simulation::harness::control::RAW_STREAM_LEN;
use crate::simulation::harness::handler::{self, MOST_DISCARDED};
use crate::simulation::harness::responses::Response;
use crate::simulation::harness::script::{self, Script};
use crate::simulation::harness::sim::Sim;
use crate::simulation::harness::socket::Ending;
use crate::state::State;

/// A target whose host informs the client, and responds later.
const INFORM_LATER: &str = "/control/inform-later";

/// A target whose response resets the connection.
const CLOSE_RST: &str = "/control/close-rst";

/// What is known of a story at its end.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) was_calm: bool,
    /// How many interim responses the host has sent to this client.
    pub(super) informed: usize,
    /// Whether the host has closed some connections.
    pub(super) closes_some: bool,
}

impl Actor {
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
    pub(super) fn check(&self, told: Told) {
        let Told { was_calm, .. } = told;
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
                "/control/raw-nothing",
                "/control/announce-long",
                CLOSE_RST,
                "/control/inform-later",
            ];
            may_close.iter().any(|&path| target.starts_with(path)) || cuts(target)
        };
        let is_to_be_whole =
            was_calm && !self.has_harmed && !self.asked.iter().any(|asked| is_lost(&asked.target));
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
        self.check_informed(told.informed, was_calm && !self.has_harmed);
        let last = responses.iter().zip(&self.asked).next_back();
        let is_own = last
            .is_some_and(|(last, asked)| last.is_whole && last.status == 200 && asked.target == CLOSE_RST);
        assert!(
            !is_own || told.closes_some || self.client.ending() == Some(Ending::Reset),
            "the response has a close of its own"
        );
    }

    /// Checks that it has received each interim response that the host has sent to it, which were so many.
    fn check_informed(&self, informed: usize, is_unharmed: bool) {
        let all = self.client.responses();
        let received = all.iter().filter(|response| response.status == 103).count();
        // A reset may take those with it that were not sent yet.
        let may_lose = |target: &str| target.contains("panic") || target.ends_with('p') || cuts(target);
        let is_to_be_whole = is_unharmed && !self.asked.iter().any(|asked| may_lose(&asked.target));
        assert!(
            received <= informed && (received == informed || !is_to_be_whole),
            "{received} of {informed}"
        );
        let (mut at, mut before) = (0, 0);
        for response in &all {
            if is_interim(response) {
                before += usize::from(response.status == 103);
                continue;
            }
            let target = self.asked.get(at).map_or("", |asked| asked.target.as_str());
            match target {
                "/control/inform" => assert!(before == 1 || response.status != 200, "{before} before it"),
                INFORM_LATER => assert!(before > 0 || response.status != 200, "none before it"),
                _ => assert!(before == 0 || is_deferred(target), "{before} before {target}"),
            }
            (at, before) = (at + 1, 0);
        }
    }

    /// What was read ahead of it is what it has sent after its request, as far as the server has read it.
    pub(super) fn check_read_ahead(&self, read_ahead: &[u8]) {
        let upgrades = self.asked.iter().zip(&self.ends).filter(|(asked, _)| asked.target == "/upgrade");
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
    fn check_response(&self, at: usize, response: &Response, is_last: bool) {
        if response.status != 200 {
            let is_possible = match response.status {
                400 => self.passes_too_many() || (self.ends_in_nonsense && at == self.asked.len()),
                101 => self.asked[at].target == "/upgrade",
                401 => self.asked[at].target == "/head",
                413 => ["/most", "/discard-most", "/head-later", "/head-keep"]
                    .contains(&self.asked[at].target.as_str()),
                507 => self.asked[at].target.starts_with("/pieces/until"),
                status => matches!(status, 408 | 500 | 503),
            };
            // The host's own errors can come in the middle.
            let may_go_on = matches!(response.status, 401 | 507) && !response.says_close;
            assert!((is_last || may_go_on) && is_possible, "answer {at} is a {}", response.status);
            return;
        }
        assert!(!response.says_close || is_last, "nothing is answered after the close");
        let Asked { method, target, body: sent } = &self.asked[at];
        let target = target.as_str();
        assert!(response.says_close || !is_last_of(target), "{target} is the last");
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
            "/discard" | "/discard-most" => {
                assert!(
                    target == "/discard" || *sent as u64 <= MOST_DISCARDED,
                    "{sent} bytes were discarded"
                );
                let length = sent.to_string();
                let is_its_own = if response.is_whole {
                    length.as_bytes() == response.body
                } else {
                    length.as_bytes().starts_with(&response.body)
                };
                assert!(is_its_own, "{sent} bytes were discarded");
                return;
            }
            "/control/raw-stream" => {
                assert!(response.announced == Some(RAW_STREAM_LEN) && script::is_begun(&response.body));
                return;
            }
            "/control/announce-long" => {
                assert!(response.announced == Some(100) && b"better late".starts_with(&response.body));
                return;
            }
            "/control/announce-none" => {
                assert!(response.announced.is_none() && b"better late".starts_with(&response.body));
                return;
            }
            _ if ["/control/raw", CLOSE_RST, "/control/inform"].contains(&target) => b"better late",
            "/head-stream" => {
                assert!(response.body.len() <= 155 && script::is_begun(&response.body));
                return;
            }
            _ if *method == "POST" && (target == "/most" || target.starts_with("/pieces")) => {
                // The host may have deferred it.
                let is_later = target.ends_with(['d', 'k']) || target == "/pieces/keep";
                let is_body = response.body.iter().all(|byte| b"bc".contains(byte));
                assert!(is_later || is_body, "{target}");
                return;
            }
            // The host may have taken the body in, and says how long it was, or what it was.
            "/head-later" | "/head-keep" => {
                let text = &response.body;
                let is_length = text.iter().all(u8::is_ascii_digit);
                let is_body = text.iter().all(|byte| b"bc".contains(byte));
                assert!(!(response.is_whole && is_length) || *text == sent.to_string().as_bytes());
                assert!(!(response.is_whole && is_body) || text.len() == *sent);
                return;
            }
            "/later" | "/keep" | INFORM_LATER if response.body.starts_with(b"a") => {
                assert!(response.body.len() <= 5150 && script::is_begun(&response.body));
                return;
            }
            "/later" | "/keep" | INFORM_LATER if !response.body.starts_with(b"r") => b"better late",
            "/later" | "/keep" | INFORM_LATER => {
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

/// Returns whether a response to this target is the last of its connection.
fn is_last_of(target: &str) -> bool {
    let is_own = target.starts_with("/control/") && !target.starts_with("/control/inform");
    is_own || matches!(target, "/close" | "/own-close")
}

/// Returns whether the host responds to this target later, or may do so.
fn is_deferred(target: &str) -> bool {
    let later = ["/later", "/keep", "/head-later", "/head-keep", "/pieces/until", "/pieces/keep"];
    later.iter().any(|&path| target.starts_with(path))
}

/// Returns whether a response is followed by another to the same request.
fn is_interim(response: &Response) -> bool {
    matches!(response.status, 100 | 102..=199)
}

/// Returns all responses but the interim ones.
fn finals(client: &Client) -> Vec<Response> {
    client.responses().into_iter().filter(|response| !is_interim(response)).collect()
}
