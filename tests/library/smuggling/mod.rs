//! Requests that hide in others: inputs that two servers could read in two ways have one safe
//! reading, and the handler sees that and nothing else.

pub mod corpus;

use std::io::{self, Read, Write};
use std::time::Instant;

use self::corpus::{Family, HIDDEN, Row, Then};
use crate::common::witness::{Asked, Witness, answers};
use crate::common::{Client, PATIENCE, Response, expect_alive, get_and_close};
use fourway::Config;

/// How a row's bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Whole,
    ByteByByte,
}

/// Longer ones are sent whole only.
const CHEAP: usize = 1000;

/// A server whose timeouts are not what answers.
fn witness() -> Witness {
    let mut config = Config::default();
    config.timeouts.head = PATIENCE;
    config.timeouts.body = PATIENCE;
    config.timeouts.linger = PATIENCE;
    Witness::start(config)
}

/// All rows of a family, in both ways of delivery.
fn each_is_read_in_the_one_safe_way(name: &str) {
    let families = corpus::families();
    let family = families.into_iter().find(|family| family.name == name).expect("a family of this name");
    check(&family);
}

fn check(family: &Family) {
    let witness = witness();
    let mut wrong = Vec::new();
    for row in &family.rows {
        for delivery in [Delivery::Whole, Delivery::ByteByByte] {
            if delivery == Delivery::Whole || row.bytes.len() <= CHEAP {
                let start = Instant::now();
                if let Err(what) = read_as_expected(&witness, row, delivery) {
                    wrong.push(format!("{} ({delivery:?}): {what}", row.name));
                }
                // Others may hang as well, each as long.
                assert!(start.elapsed() < PATIENCE, "nothing came for long:\n{}", wrong.join("\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), family.rows.len(), wrong.join("\n"));
    let found = witness.seen().into_iter().find(|seen| seen.asked.target == HIDDEN);
    assert!(found.is_none(), "the hidden request was answered: {found:?}");
    expect_alive(witness.address());
}

/// What the handler is to see, and what the client, behind which nothing may come.
fn read_as_expected(witness: &Witness, row: &Row, delivery: Delivery) -> Result<(), String> {
    let mut asked = row.asked.clone();
    let mut bytes = row.bytes.clone();
    if row.then == Then::GoesOn {
        asked.push(Asked::new("GET", "/next", ""));
        bytes.extend_from_slice(get_and_close("/next").as_bytes());
    }
    let before = witness.count();
    let (received, end) = exchange(witness, &bytes, delivery);
    let seen = witness.seen_after(before);
    if seen != asked {
        return Err(format!("the handler saw {seen:?} instead of {asked:?}"));
    }
    // A client that sends more although nothing is read any more may meet a reset, and lose the answer.
    let deaf = row.then == Then::Closes && delivery == Delivery::ByteByByte;
    match end {
        Err(_) if deaf && (received.is_empty() || asked.len() > 1) => return Ok(()),
        Err(_) if deaf => {}
        Err(error) => return Err(format!("not closed by a FIN: {error}")),
        Ok(()) => {}
    }
    let methods: Vec<&str> = asked.iter().map(|asked| asked.method.as_str()).collect();
    let refused_head = row.asked.is_empty() && row.bytes.starts_with(b"HEAD ");
    let is_head = |at: usize, _: &Response| methods.get(at).map_or(refused_head, |method| *method == "HEAD");
    let (answers, rest) = answers(&received, is_head);
    if !rest.is_empty() {
        return Err(format!("this is no response: {}", rest.escape_ascii()));
    }
    answered_as_expected(&answers, &asked, row.then)
}

fn answered_as_expected(answers: &[Response], asked: &[Asked], then: Then) -> Result<(), String> {
    let mut expected: Vec<(u16, String)> = asked.iter().map(|asked| (200, asked.target.clone())).collect();
    if let Then::Refused(status) = then {
        expected.push((status, status.to_string()));
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    if statuses != expected.iter().map(|(status, _)| *status).collect::<Vec<_>>() {
        return Err(format!("answered by {statuses:?} instead of {expected:?}"));
    }
    for (answer, (_, body)) in answers.iter().zip(expected) {
        if !answer.body.is_empty() && !answer.body.starts_with(body.as_bytes()) {
            return Err(format!("{body} is answered by {}", answer.body.escape_ascii()));
        }
    }
    match answers.last().and_then(|last| last.header("Connection")) {
        Some("close") => Ok(()),
        other => Err(format!("the last answer says Connection: {other:?}")),
    }
}

/// Sends the bytes and reads to the end of input. The result is an error if that was not a FIN. The kernel reports a
/// reset once: to a read, or to an earlier write.
fn exchange(witness: &Witness, bytes: &[u8], delivery: Delivery) -> (Vec<u8>, io::Result<()>) {
    let client = Client::connect(witness.address());
    let piece = if delivery == Delivery::Whole { bytes.len() } else { 1 };
    let sent = bytes.chunks(piece).try_for_each(|piece| client.socket().write_all(piece));
    let mut received = Vec::new();
    let end = client.socket().read_to_end(&mut received).map(drop);
    // There are thousands, and none is to stay in TIME_WAIT.
    client.reset();
    (received, end.and(sent))
}

#[test]
fn a_coding_beside_a_length_is_refused_however_it_is_written() {
    each_is_read_in_the_one_safe_way("CL.TE");
}

#[test]
fn a_length_after_a_coding_is_refused_however_the_coding_is_written() {
    each_is_read_in_the_one_safe_way("TE.CL");
}

#[test]
fn a_coding_is_chunked_or_refused_however_it_is_written() {
    each_is_read_in_the_one_safe_way("TE.TE");
}

#[test]
fn headers_that_look_like_a_coding_do_not_count() {
    each_is_read_in_the_one_safe_way("other headers");
}

#[test]
fn a_length_is_digits_that_fit_or_refused() {
    each_is_read_in_the_one_safe_way("lengths");
}

#[test]
fn a_chunk_size_is_hexadecimal_digits_that_fit_or_refused() {
    each_is_read_in_the_one_safe_way("chunk sizes");
}

#[test]
fn a_chunk_extension_ends_at_the_one_end_of_its_line() {
    each_is_read_in_the_one_safe_way("chunk extensions");
}

#[test]
fn chunks_and_bodies_end_with_crlf_alone() {
    each_is_read_in_the_one_safe_way("chunk ends");
}

#[test]
fn trailers_are_headers_that_change_nothing() {
    each_is_read_in_the_one_safe_way("trailers");
}

#[test]
fn lines_and_heads_end_with_crlf_alone() {
    each_is_read_in_the_one_safe_way("lines");
}

#[test]
fn targets_and_hosts_have_one_meaning_or_none() {
    each_is_read_in_the_one_safe_way("targets and hosts");
}

#[test]
fn a_request_beyond_a_limit_or_with_two_errors_hides_nothing() {
    each_is_read_in_the_one_safe_way("limits");
}

#[test]
fn nothing_is_read_after_the_last_answer() {
    each_is_read_in_the_one_safe_way("behind the last");
}

#[test]
fn no_row_is_lost_that_the_readme_counts() {
    let families = corpus::families().into_iter().chain([corpus::honest()]);
    let rows: Vec<usize> = families.map(|family| family.rows.len()).collect();
    assert_eq!((rows.len(), rows.iter().sum::<usize>()), (14, 1598), "{rows:?}");
}

#[test]
fn honest_requests_are_read_as_they_are() {
    check(&corpus::honest());
}
