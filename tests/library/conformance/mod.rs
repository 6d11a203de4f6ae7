//! RFC 9110 and RFC 9112, section by section. Each row is one MUST or MUST NOT for an origin server, with the response
//! that this server gives. Where the RFCs let a server repair or reject a request, it rejects.
//!
//! Each row is delivered whole and byte by byte. If its response keeps the connection open, another request follows,
//! which has to be answered as well. After the last response of a connection nothing may come.
//! `wire` checks in every response what holds for all of them: the status line (9112 §4), the
//! grammar of header lines (9110 §2.2, §5.5, 9112 §2.2 and §5.2), `Date` (9110 §5.6.7 and §6.6.1),
//! Content-Length and Transfer-Encoding (9110 §8.6, 9112 §6.1 and §6.2), `Connection` (9112 §9.6).
//!
//! The list is complete for the sections of the RFCs as they are numbered, with these exceptions.
//!
//! RFC 9112 has no MUST for an origin server in §1, §2.1, §2.3 (for intermediaries), §3.1, §3.2.1,
//! §3.2.3 and §3.2.4 (for clients and proxies; the forms have rows nevertheless), §5 itself, §7.2 and §7.3
//! (registries), §7.4 (clients), §8 (clients; §6.3 rules incomplete requests), §9.1, §9.2, §9.4 and §9.5,
//! §9.7 and §9.8 (TLS, which is not spoken), §10 (media types), §11 and §12.
//!
//! RFC 9110 has none in §1, §3.1 and §3.2, §3.4 to §3.9, §4.1, §4.2.3, §4.3 (for clients), §5.2, §6.1,
//! §6.3, §6.4, §6.6.2, §7.3, §7.5, §7.6 and §7.7 (for intermediaries), §8.1 to §8.3, §16 to §18.
//! These sections are the business of the handler. It gets whole requests with everything that they need, and makes the
//! responses: §3.3 and §7.4 (whom to trust), §8.4, §8.7 and §8.8 (metadata), §9.2 and §9.3 but for HEAD and
//! CONNECT, §10.1.3 to §10.2, §11 (authentication), §12 (negotiation), §13 (preconditions), §14
//! (ranges), and the headers that §15 asks for with single statuses (206, 304, 401, 405, 426).
//!
//! Malformed requests are in the catalogue `tests/malformed`, each with its section; `refusals` sends them. Elsewhere:
//! requests that hide in others are in `smuggling`, limits of time in `bad_input` and
//! `src/simulation/deadlines.rs`, the end of connections as the kernel sees it in `tests/alone/time_wait.rs`.

mod wire;
mod refusals;
mod messages;
mod targets;
mod fields;
mod bodies;
mod connections;
mod semantics;
mod expectations;

use std::io::{self, ErrorKind, Read, Write};

use crate::common::{ANY_PORT, Client, Host, PATIENCE, big, get_and_close};
use fourway::{Config, Reply, Request, Responder, handler_fn};

/// One MUST, and an input that asks for it.
struct Row {
    /// Where it stands, such as `9112 §3.2`.
    section: &'static str,
    /// What it asks for, in short.
    rule: String,
    request: Vec<u8>,
    answers: Vec<Answer>,
    then: Then,
}

/// One answer: what it has to be, beside what all have to be.
#[derive(Clone)]
struct Answer {
    status: u16,
    /// `None` where it answers HEAD: announced, but not sent.
    body: Option<Vec<u8>>,
    facts: Vec<Fact>,
}

#[derive(Clone)]
enum Fact {
    /// This header, with this value, once.
    Is(&'static str, String),
    /// No such header.
    Lacks(&'static str),
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoesOn,
    Closes,
}

use Fact::{Is, Lacks};
use Then::{Closes, GoesOn};

fn row(
    section: &'static str,
    rule: impl Into<String>,
    request: impl AsRef<[u8]>,
    answers: &[Answer],
    then: Then,
) -> Row {
    Row { section, rule: rule.into(), request: request.as_ref().to_vec(), answers: answers.to_vec(), then }
}

/// It is served with this body, and the connection goes on.
fn served(section: &'static str, rule: &'static str, request: impl AsRef<[u8]>, body: &str) -> Row {
    row(section, rule, request, &[ok(body)], GoesOn)
}

fn ok(body: &str) -> Answer {
    Answer { status: 200, body: Some(body.as_bytes().to_vec()), facts: Vec::new() }
}

/// Its page begins with the status; what else it says is prose.
fn error(status: u16) -> Answer {
    Answer { status, body: Some(format!("{status} ").into_bytes()), facts: Vec::new() }
}

impl Answer {
    fn with(mut self, fact: Fact) -> Answer {
        self.facts.push(fact);
        self
    }

    /// To a HEAD of the same.
    fn for_head(mut self) -> Answer {
        self.body = None;
        self
    }
}

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: test\r\n{lines}\r\n")
}

fn post(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{lines}\r\n{body}")
}

fn post_chunked(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}

/// Says back what it was asked; under `/status/` with that status, under `/field/` with headers.
fn echo<'r>(request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
    let text = format!("{} {} {}", request.method(), request.target(), request.body().escape_ascii());
    let path = request.path();
    if let Some(status) = path.strip_prefix("/status/") {
        return responder.status(status.parse().expect("a number")).send(text.as_bytes());
    }
    if let Some(name) = path.strip_prefix("/field/") {
        let values: Vec<String> = request
            .headers()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.escape_ascii().to_string())
            .collect();
        return responder.send(200, "text/plain", values.join("|").as_bytes());
    }
    if let Some(length) = path.strip_prefix("/written/") {
        let body = "w".repeat(length.parse().expect("a number"));
        return responder.body_with(200, "text/plain", |out| out.write_str(&body));
    }
    match path {
        "/field-with-lf" => responder.status(200).header("X", "a\nb").send(b"split"),
        "/field-with-cr" => responder.status(200).header("X", "a\rb").send(b"split"),
        "/field-with-nul" => responder.status(200).header("X", "a\0b").send(b"split"),
        "/name-with-blank" => responder.status(200).header("X Y", "a").send(b"split"),
        "/own-length" => responder.status(200).header("Content-Length", "5").send(b"own"),
        "/own-coding" => responder.status(200).header("Transfer-Encoding", "chunked").send(b"own"),
        "/host" => responder.send(200, "text/plain", request.host().as_bytes()),
        "/interim" => responder.status(100).send(b"no"),
        "/close" => responder.status(200).close_after().send(text.as_bytes()),
        "/long" => responder.status(200).body(big()),
        "/written" => responder.body_with(200, "text/plain", |body| body.write_all(b"written")),
        _ => responder.send(200, "text/plain", text.as_bytes()),
    }
}

fn host() -> Host {
    let mut config = Config::default();
    config.timeouts.head = PATIENCE;
    config.timeouts.body = PATIENCE;
    config.timeouts.linger = PATIENCE;
    Host::start_with(ANY_PORT, config, handler_fn(echo)).expect("a server on a free port")
}

/// Longer ones are sent whole only.
const CHEAP: usize = 1000;

fn check(rows: &[Row]) {
    assert!(!rows.is_empty());
    let host = host();
    let mut wrong = Vec::new();
    for row in rows {
        for piece in [usize::MAX, 1] {
            if piece == 1 && row.request.len() > CHEAP {
                continue;
            }
            if let Err(what) = conforms(&host, row, piece) {
                let shown: String = row.request.escape_ascii().to_string().chars().take(200).collect();
                wrong.push(format!("{}: {}: {what}\n    {shown}", row.section, row.rule));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Sends a row in pieces, and reads to the end of input.
fn conforms(host: &Host, row: &Row, piece: usize) -> Result<(), String> {
    let mut answers = row.answers.clone();
    let mut bytes = row.request.clone();
    if row.then == GoesOn {
        bytes.extend_from_slice(get_and_close("/next").as_bytes());
        answers.push(ok("GET /next "));
    } else {
        // Never answered.
        bytes.extend_from_slice(get_and_close("/never").as_bytes());
    }
    let client = Client::connect(host.address);
    let sent = bytes.chunks(piece).try_for_each(|piece| client.socket().write_all(piece));
    let mut received = Vec::new();
    let end = client.socket().read_to_end(&mut received);
    // A client that sends more after its last request may meet a reset, which may take the answer away. The kernel
    // reports a reset once: to a read, or to an earlier write.
    let deaf = piece == 1 && row.then == Closes && row.answers.iter().all(|answer| answer.status < 400);
    let is_reset =
        |error: &io::Error| matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    if deaf && (sent.is_err_and(|error| is_reset(&error)) || end.as_ref().is_err_and(is_reset)) {
        let may_be_lost = received.is_empty() || answers.len() > 1;
        return if may_be_lost { Ok(()) } else { wire::check(&received, &answers) };
    }
    end.map_err(|error| format!("not closed by a FIN: {error}"))?;
    // There are thousands, and none is to stay in TIME_WAIT.
    client.reset();
    wire::check(&received, &answers)
}
