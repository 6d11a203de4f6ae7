//! The same bytes are the same requests and get the same answers, wherever the network cuts them.
//!
//! Nothing is known of the bytes. What is heard and answered when they come at once is compared with what is when
//! they come in pieces; and whatever they are, no limit is passed and nothing is answered that was not asked.

use std::fmt;

use super::harness::client::Client;
use super::harness::fixtures::{BODY_BYTES, HEAD_BYTES, HEADERS, TARGET_BYTES};
use super::harness::handler::{self, Heard};
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::state::State;

/// Stand among the bytes, and are not sent: where the client waits until nothing moves any more, where it goes on
/// right after the read that has taken all in front, and where it sends an urgent byte. To the server each of them
/// would be what the other bytes beyond ASCII are.
const PAUSE: u8 = 0xff;
const DURING_READ: u8 = 0xfe;
const URGENT: u8 = 0xfd;

/// Comes behind the bytes. A head is looked at once more when a line of it ends, so what is wrong with the last line
/// is told then at the latest.
const END: &[u8] = b"\r\n\r\n";

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A server with the limits that the fixtures are made for.
pub(super) fn limited(short_read_drains: bool) -> Sim {
    let sim = Sim::with(|config| {
        config.max_connections = 2;
        config.limits.head_bytes = HEAD_BYTES;
        config.limits.target_bytes = TARGET_BYTES;
        config.limits.body_bytes = BODY_BYTES;
        config.limits.headers = HEADERS;
        config.limits.out_bytes = 512;
    });
    sim.world().short_read_drains = short_read_drains;
    sim
}

/// Whether it is sent depends on whether the body is there already.
pub(super) fn without_continue(bytes: &[u8]) -> Vec<u8> {
    match bytes.windows(CONTINUE.len()).position(|window| window == CONTINUE) {
        Some(at) => [&bytes[..at], &without_continue(&bytes[at + CONTINUE.len()..])].concat(),
        None => bytes.to_vec(),
    }
}

/// Bytes that are printed as text.
#[derive(PartialEq, Eq)]
struct Escaped(Vec<u8>);

impl fmt::Debug for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// What came of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    heard: Vec<Heard>,
    answers: Escaped,
    /// By something else than bytes behind its last request, which find a socket that is closed.
    is_reset: bool,
    /// What the connection waits for, unless it ends.
    waits: Option<State>,
}

/// Delivers bytes in each of the ways, and compares.
pub(super) fn check(input: &[u8]) {
    let bytes: Vec<u8> = input.iter().copied().filter(|byte| !is_mark(byte)).collect();
    let at_once = |_: &mut Sim, client: &Client| client.send(&[&bytes, END].concat());
    let whole = outcome(limited(true), at_once);
    whole.check(&bytes);

    let by_byte = limited(false);
    by_byte.world().read_limit = 1;
    compare(&whole, outcome(by_byte, at_once), "read byte by byte");
    for drains in [true, false] {
        let cut = outcome(limited(drains), |sim, client| deliver(sim, client, input));
        compare(&whole, cut, "cut where it says");
    }
}

fn is_mark(byte: &u8) -> bool {
    matches!(*byte, PAUSE | DURING_READ | URGENT)
}

/// Delivers the bytes between the marks as the marks say.
fn deliver(sim: &mut Sim, client: &Client, input: &[u8]) {
    let mut is_later = false;
    for part in input.split_inclusive(is_mark) {
        let (mark, piece) = match part.split_last() {
            Some((mark, piece)) if is_mark(mark) => (*mark, piece),
            _ => (PAUSE, part),
        };
        if is_later {
            client.send_later(piece)
        } else {
            client.send(piece)
        }
        match mark {
            PAUSE => serve(sim),
            URGENT => client.send_urgent(),
            _ => {}
        }
        is_later = mark == DURING_READ;
    }
    client.send(END);
}

/// Until nothing moves any more; what the handler has deferred is answered.
fn serve(sim: &mut Sim) {
    sim.settle();
    while !sim.site.parked.is_empty() {
        // One whose handler then panicked is gone.
        let _ = sim.answer("better late");
        sim.settle();
    }
}

fn outcome(mut sim: Sim, deliver: impl FnOnce(&mut Sim, &Client)) -> Outcome {
    sim.site.heard = Some(Vec::new());
    let client = sim.connect();
    deliver(&mut sim, &client);
    serve(&mut sim);
    let state = client.is_served().then(|| sim.state(&client)).filter(|&state| state != State::Closing);
    let heard = sim.site.heard.take().unwrap_or_default();
    let may_be_reset =
        heard.last().is_some_and(|last| last.is_panic() || last.is_drop() || last.asks_for_close);
    let answers = client.received();
    let outcome = Outcome {
        heard,
        answers: Escaped(without_continue(&answers)),
        is_reset: client.ending() == Some(Ending::Reset) && !may_be_reset,
        waits: state,
    };
    client.close();
    sim.settle();
    sim.assert_empty();
    outcome
}

fn compare(whole: &Outcome, other: Outcome, way: &str) {
    if whole.heard.iter().any(Heard::is_panic) {
        // The answers in front of it may have left before, or go down with it.
        assert_eq!(whole.heard, other.heard, "{way}");
        return;
    }
    assert_eq!(*whole, other, "{way}");
}

impl Outcome {
    /// What holds for any bytes.
    fn check(&self, bytes: &[u8]) {
        for heard in &self.heard {
            let head: usize = heard.headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
            assert!(heard.method.len() + heard.target.len() + head < HEAD_BYTES);
            assert!(heard.target.len() <= TARGET_BYTES && heard.headers.len() <= HEADERS);
            assert!(heard.body.len() <= BODY_BYTES);
        }
        let heads = bytes.windows(7).filter(|window| window == b"HTTP/1.").count();
        assert!(self.heard.len() <= heads, "more is heard than was asked");
        if self.heard.iter().any(Heard::is_panic) {
            return;
        }
        assert!(!self.is_reset, "a reset without a reason");
        self.check_answers();
    }

    /// One for each that was heard, and one to what could not be understood.
    fn check_answers(&self) {
        let asked: Vec<&Heard> = self.heard.iter().filter(|heard| !heard.is_drop()).collect();
        let answers = handler::responses_to(&self.answers.0, |at| {
            asked.get(at).is_some_and(|heard| heard.method == "HEAD")
        });
        let extra = answers.len().checked_sub(asked.len()).expect("each is answered");
        assert!(extra <= 1, "an answer that nobody asked for");
        for (at, answer) in answers.iter().enumerate() {
            let (is_last, is_extra) = (at + 1 == answers.len(), at >= asked.len());
            assert!(is_last || !answer.says_close, "nothing is answered behind the close");
            assert!(answer.is_whole || (is_extra && answer.body.is_empty()), "answer {at} is cut off");
            assert!(!is_extra || (answer.status >= 400 && answer.says_close));
        }
        let ends = answers.last().is_some_and(|last| last.says_close) || asked.len() < self.heard.len();
        assert_eq!(self.waits.is_none(), ends, "it closes when it says so");
    }
}
