//! The head of a request, and its way from the input to the handler.

use std::mem::MaybeUninit;

use super::body::{self, Begun};
use super::call::{Asked, call};
use super::need::{Attempt, Need};
use crate::config::{Limits, MAX_HEADERS};
use crate::exchange::{Exchange, Input, Kept};
use crate::handler::Handler;
use crate::http::fields::Framing;
use crate::http::head::Head;
use crate::http::refusal::Refusal;
use crate::shared::Shared;

/// Parses the head at the front of the input, and answers at once if its body has arrived as well.
// Not inlined, because the driver's own frame would have to hold the headers each time.
#[inline(never)]
pub(super) fn read<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Attempt, Refusal> {
    let limits = &shared.config.limits;
    let input = &mut exchange.input;
    skip_empty_lines(input);
    if input.is_empty() {
        return Ok(Attempt::NotYet(Need::Head));
    }
    // A head that has arrived in one piece is parsed at once. The bytes of any other are scanned as they arrive.
    let is_first_look = input.nothing_seen();
    if !is_first_look && !input.scan(limits)? {
        return Ok(Attempt::NotYet(Need::Head));
    }
    let bytes = exchange.input.pending();
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let Some(head) = Head::parse(bytes, &mut headers, limits) else {
        return if is_first_look { scan(&mut exchange.input, limits) } else { Err(NO_REQUEST) };
    };
    if let Framing::Length(0) = head.framing {
        let on_sent = call(&head, b"", 0, None, &mut exchange.out, shared, asked);
        exchange.in_flight.follow_with(on_sent, &shared.draft);
        let len = head.raw.len();
        if !exchange.keep_request(Kept::head(len, len)) {
            exchange.input.consume(len);
        }
        return Ok(Attempt::Answered);
    }
    let arrived = &bytes[head.raw.len()..];
    let expects_continue = head.expects_continue && arrived.is_empty() && shared.config.close.answers();
    match body::begin(&head, arrived, &mut exchange.out, shared, asked)? {
        Begun::Answered { on_sent, seen, is_whole } => {
            exchange.in_flight.follow_with(on_sent, &shared.draft);
            exchange.end_request(seen, is_whole);
            Ok(Attempt::Answered)
        }
        Begun::Follows(incoming) => {
            exchange.in_flight.expects_continue = expects_continue;
            exchange.in_flight.body = Some(incoming);
            Ok(Attempt::BodyFollows)
        }
        Begun::Deferred { on_sent, body, seen } => {
            exchange.in_flight.expects_continue = expects_continue;
            exchange.in_flight.defer_at_head(on_sent, body, seen);
            Ok(Attempt::BodyFollows)
        }
    }
}

/// The refusal if the parser rejects a head that the scan has found sound. No such head is known.
const NO_REQUEST: Refusal = Refusal::bad("this is not an HTTP request");

/// Begins to scan a head byte by byte, because it is not whole or not sound.
#[cold]
fn scan(input: &mut Input<'_>, limits: &Limits) -> Result<Attempt, Refusal> {
    Ok(if input.scan(limits)? { Attempt::Again } else { Attempt::NotYet(Need::Head) })
}

/// Skips empty lines before a request. Some clients end a body with a line break that its length leaves out
/// (RFC 9112 §2.2).
fn skip_empty_lines(input: &mut Input<'_>) {
    while input.pending().starts_with(b"\r\n") {
        input.consume(2);
    }
}
