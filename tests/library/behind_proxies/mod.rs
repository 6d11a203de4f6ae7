//! Behind the proxies that stand in front of most servers: front and back agree on where each message
//! ends, whatever is sent to the front.
//!
//! Each input that hides a request, and each honest one, goes through nginx and HAProxy, strict and
//! lax. The front's log says what it forwarded and which answer it took for the answer to that; the
//! handler says what it saw. The client compares both with what it got.

mod fronts;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use crate::common::witness::{self, Asked, NUMBER, Seen, Witness};
use crate::common::{Client, PATIENCE, Response, expect_alive, get_and_close};
use crate::smuggling::corpus::{self, HIDDEN, PUBLIC, Row, Then};
use fourway::Config;
use fronts::{Entry, Front, Nginx};

/// One row through a front: what each of the three has seen.
struct Journey {
    /// What the handler saw.
    seen: Vec<Seen>,
    /// What the front noted down.
    forwarded: Vec<Entry>,
    /// What the client of the row got, and what is left behind the last whole response.
    answers: Vec<Response>,
    rest: Vec<u8>,
    /// What another client got that asked afterwards.
    afterwards: Vec<Response>,
    /// Under which targets the row's requests, the hidden one, the honest one on the same connection
    /// and the one on the next were sent.
    targets: [String; 4],
}

fn witness() -> Witness {
    let mut config = Config::default();
    config.timeouts.head = PATIENCE;
    config.timeouts.body = PATIENCE;
    config.timeouts.idle = PATIENCE;
    Witness::start(config)
}

/// Sends a row under targets of its own, then an honest request on the same connection, then one on
/// another.
fn journey(witness: &Witness, front: &Front, row: &Row, number: usize) -> Journey {
    // As long as what they replace, so that lengths stay right.
    let targets = ['p', 'h', 'b', 'n'].map(|letter| format!("/{letter}{number:05}"));
    let [public, hidden, behind, next] = &targets;
    let mut bytes = replaced(&replaced(&row.bytes, PUBLIC, public), HIDDEN, hidden);
    bytes.extend_from_slice(get_and_close(behind).as_bytes());
    let before = witness.count();
    let received = exchange(front, &bytes, row.then != Then::GoesOn);
    let received_next = exchange(front, get_and_close(next).as_bytes(), false);
    let seen: Vec<Seen> = witness.seen().split_off(before);
    let answered: Vec<usize> = seen.iter().map(|seen| seen.number).collect();
    let forwarded = front.noted_up_to(next, &answered);
    let is_to_head = |_: usize, response: &Response| match number_of(response) {
        Some(number) => seen.iter().any(|seen| seen.number == number && seen.asked.method == "HEAD"),
        // HAProxy's own pages have no date, and they are sent with a body to a HEAD that it cannot read.
        None => row.bytes.starts_with(b"HEAD ") && response.header("Date").is_some(),
    };
    let (answers, rest) = witness::answers(&received, is_to_head);
    let (afterwards, _) = witness::answers(&received_next, |_, _| false);
    Journey { forwarded, answers, rest: rest.to_vec(), afterwards, targets, seen }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// Sends it all, and reads to the end of input. A front may wait for the rest of what is not whole,
/// unless it hears that none will come; one that hears it early may leave out what is.
fn exchange(front: &Front, bytes: &[u8], finish: bool) -> Vec<u8> {
    let mut client = Client::connect(front.address);
    // A front that has refused the beginning may have closed meanwhile, even by a reset.
    let _ = client.socket().write_all(bytes);
    if finish {
        let _ = client.socket().shutdown(Shutdown::Write);
    }
    let mut received = Vec::new();
    let end = client.stream.read_to_end(&mut received).map_err(|error| error.kind());
    assert_ne!(end, Err(ErrorKind::WouldBlock), "nothing came for long: {}", bytes.escape_ascii());
    // There are thousands, and none is to stay in TIME_WAIT.
    client.reset();
    received
}

fn number_of(response: &Response) -> Option<usize> {
    response.header(NUMBER).map(|number| number.parse().expect("the handler's own number"))
}

impl Journey {
    /// What is wrong with it, whatever was sent.
    fn faults(&self, row: &Row) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |is_so: bool, what: String| {
            if !is_so {
                faults.push(what)
            }
        };
        let seen: Vec<_> = self.seen.iter().map(|seen| (Some(seen.number), &seen.asked)).collect();
        let agrees = |(entry, (number, asked)): (&Entry, &(Option<usize>, &Asked))| {
            entry.number == *number && entry.method == asked.method && entry.target == asked.target
        };
        let forwarded: Vec<_> = self.forwarded.iter().filter(|entry| entry.number.is_some()).collect();
        let agree = forwarded.len() == seen.len() && forwarded.iter().copied().zip(&seen).all(agrees);
        expect(agree, format!("the front forwarded {forwarded:?}, the handler saw {seen:?}"));
        let all: Vec<_> = self.answers.iter().chain(&self.afterwards).collect();
        let numbers: Vec<_> = all.iter().map(|answer| number_of(answer)).filter(Option::is_some).collect();
        let expected: Vec<_> = seen.iter().map(|seen| seen.0).collect();
        expect(numbers == expected, format!("the clients got {numbers:?} of {seen:?}"));
        for answer in all {
            let own = seen.iter().find(|seen| seen.0 == number_of(answer));
            let is_own = |asked: &Asked| answer.body == asked.target.as_bytes() || asked.method == "HEAD";
            let is_own = own.is_none_or(|seen| is_own(seen.1));
            expect(is_own, format!("{own:?} is answered by {}", answer.body.escape_ascii()));
        }
        // What nginx takes for HTTP/0.9 is answered without a head; here by an error page.
        let is_page = self.answers.is_empty() && self.rest.starts_with(b"400 Bad Request: ");
        expect(self.rest.is_empty() || is_page, format!("no response: {}", self.rest.escape_ascii()));
        let next: Vec<&[u8]> = self.afterwards.iter().map(|answer| answer.body.as_slice()).collect();
        expect(next == [self.targets[3].as_bytes()], format!("the next request got {next:?}"));
        let found = seen.iter().any(|seen| seen.1.target == self.targets[1]);
        expect(!(found && row.then == Then::GoesOn), "a body was taken for a request".to_owned());
        faults
    }

    /// Whether a row's request and the next client's came over one connection to the server.
    fn shares_a_connection(&self) -> Option<bool> {
        let (next, others) = self.seen.split_last()?;
        Some(others.first()?.from == next.from)
    }

    /// What an honest row has to bring to the handler.
    fn arrived(&self, row: &Row) -> bool {
        let [public, _, behind, next] = &self.targets;
        let mut expected = row.asked.clone();
        expected.iter_mut().for_each(|asked| asked.target = asked.target.replace(PUBLIC, public));
        expected.extend([behind, next].map(|target| Asked::new("GET", target, "")));
        self.seen.iter().map(|seen| &seen.asked).eq(&expected)
    }
}

/// All rows through one front, in front of one server.
fn agree(front: impl Fn(SocketAddr) -> Option<Front>) {
    let witness = witness();
    let Some(front) = front(witness.address()) else { return };
    let mut wrong = Vec::new();
    let (mut shared, mut own) = (0, 0);
    let mut number = 0;
    for family in corpus::families().into_iter().chain([corpus::honest()]) {
        for row in &family.rows {
            number += 1;
            let journey = journey(&witness, &front, row, number);
            let mut faults = journey.faults(row);
            if family.name == corpus::HONEST && !journey.arrived(row) {
                faults.push(format!("it did not arrive: {:?}", journey.seen));
            }
            wrong.extend(faults.iter().map(|fault| format!("{}: {}: {fault}", family.name, row.name)));
            match journey.shares_a_connection() {
                Some(true) => shared += 1,
                Some(false) => own += 1,
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} faults in {number} rows:\n{}", wrong.len(), wrong.join("\n"));
    assert!(shared > own, "the front keeps its connections: {shared} rows shared one, {own} did not");
    expect_alive(witness.address());
}

#[test]
fn nginx_that_buffers_bodies_and_fourway_agree() {
    agree(|back| fronts::nginx(back, &Nginx { buffers: true, lax: false }));
}

#[test]
fn nginx_that_streams_bodies_and_fourway_agree() {
    agree(|back| fronts::nginx(back, &Nginx { buffers: false, lax: false }));
}

#[test]
fn nginx_that_streams_bodies_and_passes_odd_headers_and_fourway_agree() {
    agree(|back| fronts::nginx(back, &Nginx { buffers: false, lax: true }));
}

#[test]
fn haproxy_and_fourway_agree() {
    agree(|back| fronts::haproxy(back, false));
}

#[test]
fn haproxy_that_passes_malformed_requests_and_fourway_agree() {
    agree(|back| fronts::haproxy(back, true));
}
