//! The body of a request: what the host does with it, and its way from the input to the host.

use std::mem::MaybeUninit;
use std::num::NonZeroU64;

use log::error;

use super::call::{Asked, call, finish_asked, terms};
use super::need::{Attempt, Need};
use crate::config::MAX_HEADERS;
use crate::deferred::RequestId;
use crate::exchange::{Exchange, Incoming, Kept, OnSent, Out};
use crate::handler::request::Request;
use crate::handler::{Handler, Responder};
use crate::http::body::{BodyReader, Collected};
use crate::http::fields::Framing;
use crate::http::head::Head;
use crate::http::refusal::Refusal;
use crate::http::response::{Terms, Writer};
use crate::intake::Intake;
use crate::shared::Shared;

/// The fate of a request with a body once its head has arrived.
pub(super) enum Begun {
    /// It is answered. `seen` is what the host has seen of it, and the next request begins after that if the body has
    /// arrived whole.
    Answered { on_sent: OnSent, seen: Kept, is_whole: bool },
    /// Its body follows.
    Follows(Incoming),
    /// The host says later what becomes of it. `seen` is what it has seen.
    Deferred { on_sent: OnSent, body: Incoming, seen: Kept },
}

/// Asks the host what to do with a body, and answers at once if all of it has arrived.
#[inline(never)]
pub(super) fn begin<H: Handler + ?Sized>(
    head: &Head<'_, '_>,
    arrived: &[u8],
    out: &mut Out<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Begun, Refusal> {
    let serial = shared.deferrals.next_serial();
    let whole = match head.framing {
        Framing::Length(length) if length <= arrived.len() as u64 => Some(&arrived[..length as usize]),
        _ => None,
    };
    let (is_whole, consumed) = (whole.is_some(), head.raw.len() + whole.map_or(0, <[u8]>::len));
    let intake = match ask(head, serial, is_whole, out, shared, asked) {
        Ok(intake) => intake,
        Err(on_sent @ OnSent::AwaitReply(_)) => {
            let body = incoming(head, u64::MAX, Intake::Whole, serial, shared)?;
            // Of a body that is not whole, nothing is left to be read when the request has ended.
            let consumed = if is_whole { consumed } else { head.raw.len() + arrived.len() };
            let seen = Kept::head(head.raw.len(), consumed);
            return Ok(Begun::Deferred { on_sent, body: Incoming { was_deferred: true, ..body }, seen });
        }
        Err(on_sent) => {
            return Ok(Begun::Answered { on_sent, seen: Kept::head(head.raw.len(), consumed), is_whole });
        }
    };
    let most = intake.most(shared.config.limits.body_bytes);
    if let Some(bytes) = whole.filter(|body| !intake.drains() && body.len() as u64 <= most) {
        let id = Some(shared.deferrals.make_current(serial));
        let (head_len, received) = (head.raw.len(), bytes.len() as u64);
        let on_sent = call(head, bytes, received, id, out, shared, asked);
        shared.deferrals.end_current();
        let seen = Kept { head_len, body_end: consumed, consumed, received };
        return Ok(Begun::Answered { on_sent, seen, is_whole });
    }
    Ok(Begun::Follows(incoming(head, most, intake, serial, shared)?))
}

/// Begins a body of at most `most` bytes.
fn incoming(
    head: &Head<'_, '_>,
    most: u64,
    intake: Intake,
    serial: NonZeroU64,
    shared: &Shared,
) -> Result<Incoming, Refusal> {
    let reader = BodyReader::new(head.raw.len(), head.framing, most)?;
    let terms = terms(head, 1, shared);
    Ok(Incoming { reader, intake, serial, terms, is_paused: false, was_deferred: false })
}

/// Asks the host about the body of a request. The error is what follows if it responds instead.
fn ask<H: Handler + ?Sized>(
    head: &Head<'_, '_>,
    serial: NonZeroU64,
    is_whole: bool,
    out: &mut Out<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Intake, OnSent> {
    if !shared.config.close.answers() {
        return Ok(Intake::Whole);
    }
    let terms = terms(head, 1, shared);
    let (id, responder) = responder(serial, terms, is_whole, out, shared);
    let request = Request { head, body: b"", received: 0, id: Some(id), origin: &asked.origin };
    let intake = asked.handler.head(&request, id, responder).ok();
    if let (Some(intake), false) = (intake, has_answered(shared)) {
        return Ok(intake);
    }
    shared.stats.requests += 1;
    Err(finish_asked(&request, out, shared, asked.handler))
}

/// Begins a response that the host may give before the body has been read. If the body has not arrived whole, the
/// response is the connection's last, because the server does not read the rest.
fn responder<'r>(
    serial: NonZeroU64,
    terms: Terms,
    is_whole: bool,
    out: &'r mut Out<'_>,
    shared: &'r mut Shared,
) -> (RequestId, Responder<'r>) {
    let close = terms.close || !is_whole || shared.is_draining();
    shared.draft.begin(Terms { close, unread: !is_whole, ..terms });
    let id = shared.deferrals.make_current(serial);
    (id, Responder::new(Writer::new(out.room()), shared))
}

/// Returns whether the host has used the responder that it was called with, whatever it has returned.
fn has_answered(shared: &mut Shared) -> bool {
    shared.deferrals.end_current();
    let special = shared.draft.special();
    shared.draft.len > 0 || special.dropped || special.refused || shared.deferrals.has_taken()
}

/// Reads on in a body, and answers when it is whole.
#[inline(never)]
pub(super) fn read<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Attempt, Refusal> {
    let Some(incoming) = &mut exchange.in_flight.body else { return Ok(Attempt::NotYet(Need::Head)) };
    if incoming.is_paused {
        return Ok(Attempt::NotYet(Need::Host));
    }
    let collected = incoming.reader.advance(exchange.input.pending_mut(), &shared.config.limits)?;
    let drains = incoming.intake.drains();
    exchange.in_flight.framing += collected.framing();
    match collected {
        _ if drains => drain(exchange, shared, asked, collected),
        Collected::Part { kept, .. } => {
            exchange.input.keep(kept);
            if exchange.lacks_body_buffer() {
                return Ok(Attempt::NotYet(Need::BodyBuffer));
            }
            // There is a buffer for the body now, so the client may send it.
            tell_to_continue(exchange);
            Ok(Attempt::NotYet(Need::Body))
        }
        Collected::Whole { body_end, consumed, .. } => {
            answer(exchange, shared, asked, body_end, consumed);
            Ok(Attempt::Answered)
        }
    }
}

/// Answers a request whose body is whole, or has been taken.
fn answer<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
    body_end: usize,
    consumed: usize,
) {
    let Some(incoming) = exchange.in_flight.body.take() else { return };
    // The slices of the first parse could not be kept while the body was written into the buffer.
    let (head, bytes) = exchange.input.pending()[..body_end].split_at(incoming.reader.head_len());
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let head =
        Head::parse(head, &mut headers, &shared.config.limits).expect("a head that was whole stays whole");
    let id = Some(shared.deferrals.make_current(incoming.serial));
    let (head_len, received) = (incoming.reader.head_len(), incoming.reader.received());
    // It counts once, and `call` counts it.
    shared.stats.requests -= u64::from(incoming.was_deferred);
    let on_sent = call(&head, bytes, received, id, &mut exchange.out, shared, asked);
    exchange.in_flight.follow_with(on_sent, &shared.draft);
    shared.deferrals.end_current();
    exchange.end_request(Kept { head_len, body_end, consumed, received }, true);
}

/// Hands the part of a body that has arrived to the host, or throws it away. The rest stays in the
/// input, after the head.
fn drain<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
    collected: Collected,
) -> Result<Attempt, Refusal> {
    let (end, is_whole) = match collected {
        Collected::Part { kept, .. } => {
            exchange.input.keep(kept);
            (kept, false)
        }
        Collected::Whole { body_end, consumed, .. } => {
            exchange.input.cut(body_end, consumed);
            (body_end, true)
        }
    };
    let Some(incoming) = &mut exchange.in_flight.body else { return Ok(Attempt::NotYet(Need::Head)) };
    let (start, received) = (incoming.reader.head_len(), incoming.reader.received());
    let taken = match incoming.intake {
        Intake::Pieces if end > start => match give_piece(exchange, shared, asked, end, is_whole) {
            Ok(taken) => taken,
            Err(on_sent) => {
                exchange.in_flight.follow_with(on_sent, &shared.draft);
                exchange.end_request(Kept { received, ..Kept::head(start, end) }, is_whole);
                return Ok(Attempt::Answered);
            }
        },
        _ => end - start,
    };
    exchange.input.cut(start, start + taken);
    let Some(incoming) = &mut exchange.in_flight.body else { return Ok(Attempt::NotYet(Need::Head)) };
    incoming.reader.taken(taken);
    if start + taken < end {
        incoming.is_paused = true;
        return Ok(Attempt::NotYet(Need::Host));
    }
    if is_whole {
        answer(exchange, shared, asked, start, start);
        return Ok(Attempt::Answered);
    }
    tell_to_continue(exchange);
    Ok(Attempt::NotYet(Need::Body))
}

/// Calls the host with a piece of a body, which ends at `end`. Returns how much the host has taken. The error is what
/// follows if it responds instead.
fn give_piece<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
    end: usize,
    is_whole: bool,
) -> Result<usize, OnSent> {
    let Some(incoming) = &mut exchange.in_flight.body else { return Ok(0) };
    let (serial, terms, start) = (incoming.serial, incoming.terms, incoming.reader.head_len());
    // If the handler panics, its end is reported once: not by the record as well.
    incoming.intake = Intake::Discard;
    let was_deferred = std::mem::take(&mut incoming.was_deferred);
    shared.deferrals.put_at_stake(serial);
    let bytes = &exchange.input.pending()[start..end];
    let (id, responder) = responder(serial, terms, is_whole, &mut exchange.out, shared);
    let taken = asked.handler.piece(id, bytes, responder).ok();
    shared.deferrals.end_stake();
    if let (Some(taken), false) = (taken, has_answered(shared)) {
        (incoming.intake, incoming.was_deferred) = (Intake::Pieces, was_deferred);
        if taken > bytes.len() {
            error!("the handler has taken {taken} bytes of a piece of {}, so it has taken all", bytes.len());
        }
        return Ok(bytes.len().min(taken));
    }
    shared.stats.requests += u64::from(!was_deferred);
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let head = Head::parse(&exchange.input.pending()[..start], &mut headers, &shared.config.limits)
        .expect("a head that was whole stays whole");
    let request = Request { head: &head, body: b"", received: 0, id: Some(id), origin: &asked.origin };
    Err(finish_asked(&request, &mut exchange.out, shared, asked.handler))
}

/// Sends `100 Continue` if the client waits for it.
fn tell_to_continue(exchange: &mut Exchange<'_>) {
    if std::mem::take(&mut exchange.in_flight.expects_continue) {
        exchange.out.push(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
}
