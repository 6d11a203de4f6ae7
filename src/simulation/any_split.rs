//! The same bytes are the same requests and get the same responses, wherever the network cuts them.
//!
//! The test knows nothing of the bytes. It delivers them at once and in pieces, and compares the requests and the
//! responses of both. For any bytes, no limit may be exceeded, and there may be no response without a request.

use std::fmt;

use super::harness::client::Client;
use super::harness::fixtures::{BODY_BYTES, HEAD_BYTES, HEADERS, TARGET_BYTES};
use super::harness::handler::{self, Heard};
use super::harness::sim::Sim;
use super::harness::socket::Ending;
use crate::state::State;

/// Marks among the bytes, which are not sent. At `PAUSE` the client waits until nothing moves any more. At
/// `DURING_READ` it goes on right after the read that takes everything before. At `URGENT` it sends an urgent byte. No
/// case is lost, because the server would treat each of them like any other byte beyond ASCII.
const PAUSE: u8 = 0xff;
const DURING_READ: u8 = 0xfe;
const URGENT: u8 = 0xfd;

/// Follows the bytes. The server examines each line of a head again when the line ends. So it finds what is wrong with
/// the last line here at the latest.
const END: &[u8] = b"\r\n\r\n";

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Creates a server with the limits that the fixtures are made for.
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

/// Removes each `100 Continue`. The server sends it only if the body has not arrived yet.
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

/// The result of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    heard: Vec<Heard>,
    answers: Escaped,
    /// Whether the connection was reset, but not because bytes after its last request met a closed socket.
    is_reset: bool,
    /// The state in which the connection waits, unless it has ended.
    waits: Option<State>,
}

/// Delivers the bytes in each of the ways, and compares the results.
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

/// Turns until nothing moves any more, and answers what the handler has deferred.
fn serve(sim: &mut Sim) {
    sim.settle();
    while !sim.site.parked.is_empty() {
        // The request is gone if its handler panicked after deferring it.
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
        // The responses before the panic may have left already, or are lost with the connection.
        assert_eq!(whole.heard, other.heard, "{way}");
        return;
    }
    assert_eq!(*whole, other, "{way}");
}

impl Outcome {
    /// Checks what holds for any bytes.
    fn check(&self, bytes: &[u8]) {
        for heard in &self.heard {
            let head: usize = heard.headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
            assert!(heard.method.len() + heard.target.len() + head < HEAD_BYTES);
            assert!(heard.target.len() <= TARGET_BYTES && heard.headers.len() <= HEADERS);
            assert!(heard.body.len() <= BODY_BYTES);
        }
        let heads = bytes.windows(7).filter(|window| window == b"HTTP/1.").count();
        assert!(self.heard.len() <= heads, "the handler gets more requests than were sent");
        if self.heard.iter().any(Heard::is_panic) {
            return;
        }
        assert!(!self.is_reset, "a reset without a reason");
        self.check_answers();
    }

    /// Checks that there is one response for each request of the handler, and at most one error page.
    fn check_answers(&self) {
        let asked: Vec<&Heard> = self.heard.iter().filter(|heard| !heard.is_drop()).collect();
        let answers = handler::responses_to(&self.answers.0, |at| {
            asked.get(at).is_some_and(|heard| heard.method == "HEAD")
        });
        let extra = answers.len().checked_sub(asked.len()).expect("each request gets a response");
        assert!(extra <= 1, "a response without a request");
        for (at, answer) in answers.iter().enumerate() {
            let (is_last, is_extra) = (at + 1 == answers.len(), at >= asked.len());
            assert!(is_last || !answer.says_close, "no response follows the close");
            assert!(answer.is_whole || (is_extra && answer.body.is_empty()), "response {at} is cut off");
            assert!(!is_extra || (answer.status >= 400 && answer.says_close));
        }
        let ends = answers.last().is_some_and(|last| last.says_close) || asked.len() < self.heard.len();
        assert_eq!(self.waits.is_none(), ends, "the server closes exactly if it says so");
    }
}
