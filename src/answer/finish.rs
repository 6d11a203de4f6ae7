//! The end of a response: what is sent, and what follows it.

use std::num::NonZeroU64;

use log::{Level, debug, error, log_enabled};

use super::logged::{Logged, PeerName, REQUESTS};
use crate::body::Body;
use crate::deferred::{Awaited, GoneReason};
use crate::exchange::{Exchange, Incoming, OnSent, Out};
use crate::handler::Responder;
use crate::http::date::DateLine;
use crate::http::refusal::Refusal;
use crate::http::response::handover::NO_TUNNEL;
use crate::http::response::{self, Draft, Rest, Terms, Writer};
use crate::net::Peer;
use crate::shared::Shared;
use crate::slot::Slot;
use crate::stats::{Reason, Stats};
use crate::status::ErrorStatus;

/// Begins the response to a deferred request.
pub(crate) fn respond<'r>(awaited: Awaited, out: Out<'r>, shared: &'r mut Shared) -> Responder<'r> {
    let close = awaited.terms.close || shared.is_draining();
    shared.draft.begin(Terms { close, ..awaited.terms });
    Responder::new(Writer::new(out.into_room()), shared)
}

/// Finishes the response that was begun last. Appends it to the bytes to send, or a 500 if it cannot be sent. Returns
/// what follows it.
///
/// It is inlined because every request passes here, and a call costs as many instructions as the rest.
#[inline(always)]
pub(crate) fn finish(out: &mut Out<'_>, shared: &mut Shared, request: &dyn Logged) -> OnSent {
    let Shared { stats, clock, date, draft, deferrals, .. } = shared;
    let mut taken = None;
    if draft.is_special {
        taken = deferrals.take_serial();
        if let Some(on_sent) = finish_special(taken, deferrals.slot(), draft, out, request) {
            if let (OnSent::Drop, Some(serial)) = (on_sent, taken) {
                deferrals.note_gone_here(serial, GoneReason::Ended(Reason::Dropped));
            }
            return on_sent;
        }
        if draft.special().refused {
            own_page(out, draft, stats, date.line(clock.now()), REFUSED);
        }
    } else if draft.len == 0 {
        draft.fault = Some("the responder was dropped");
    }
    if let Some(fault) = draft.fault {
        log_fault(fault, request);
        stats.handler_errors += 1;
        own_page(out, draft, stats, date.line(clock.now()), CANNOT_BE_SENT);
    }
    if log_enabled!(target: REQUESTS, Level::Debug) {
        log_response(draft, deferrals.slot(), request);
    }
    stats.count_response(draft.status);
    out.commit(draft.len);
    if !draft.tail.is_empty() {
        out.append(std::mem::take(&mut draft.tail));
    }
    if let Some(serial) = taken {
        return begin_rest(serial, shared);
    }
    OnSent::after(draft)
}

#[cold]
fn log_fault(fault: &str, request: &dyn Logged) {
    error!("the handler's response to {request} cannot be sent: {fault}");
}

#[cold]
fn log_response(draft: &Draft, slot: Slot, request: &dyn Logged) {
    let bytes = draft.tail.len().saturating_add(draft.len as u64);
    debug!(
        target: REQUESTS,
        kind = "response", slot = slot.index(), method = request.method(), target = request.target(),
        status = draft.status, bytes = bytes;
        "{request} {} {bytes} bytes", draft.status
    );
}

/// Looks at what is special about a response. Returns what follows it, if there is nothing to finish.
#[cold]
fn finish_special(
    taken: Option<NonZeroU64>,
    slot: Slot,
    draft: &mut Draft,
    out: &mut Out<'_>,
    request: &dyn Logged,
) -> Option<OnSent> {
    let special = draft.special();
    let is_deferred = special.rest == Rest::None && draft.fault.is_none();
    if let Some(serial) = taken.filter(|_| is_deferred) {
        // An interim response that was written before is sent now.
        out.commit(draft.len);
        debug!(
            target: REQUESTS,
            kind = "response", slot = slot.index(), method = request.method(), target = request.target(),
            later = true;
            "{request} deferred"
        );
        return Some(OnSent::AwaitReply(Awaited { serial, terms: draft.terms, keeps: special.keeps }));
    }
    if special.dropped {
        draft.tail = Body::EMPTY;
        debug!(
            target: REQUESTS,
            kind = "response", slot = slot.index(), method = request.method(), target = request.target(),
            dropped = true;
            "{request} dropped"
        );
        return Some(OnSent::Drop);
    }
    if draft.begins_tunnel() && special.rest != Rest::Handover {
        draft.fault = Some(NO_TUNNEL);
    }
    if draft.len == 0 && special.rest == Rest::None && !special.refused {
        draft.fault = Some("the responder was dropped");
    }
    None
}

/// Returns what follows the head of a response that the host goes on with. If the client gets no body, a stream is over.
#[cold]
fn begin_rest(serial: NonZeroU64, shared: &mut Shared) -> OnSent {
    let Shared { draft, deferrals, .. } = shared;
    let over = if draft.fault.is_some() {
        GoneReason::Unsendable
    } else if draft.special().rest == Rest::Handover {
        return OnSent::HandOver(serial);
    } else if draft.has_body() {
        return OnSent::AskMore(serial);
    } else {
        GoneReason::NoBody
    };
    deferrals.note_gone_here(serial, over);
    OnSent::after(draft)
}

/// The page for a request that the handler refuses.
const REFUSED: Refusal =
    Refusal { status: ErrorStatus::ServiceUnavailable, why: "there is no response to this request now" };

/// The page for a response that cannot be sent.
pub(super) const CANNOT_BE_SENT: Refusal =
    Refusal { status: ErrorStatus::InternalServerError, why: "the response cannot be sent" };

/// Writes the server's own error page in place of the handler's response.
#[cold]
fn own_page(out: &mut Out<'_>, draft: &mut Draft, stats: &mut Stats, date: &DateLine, refusal: Refusal) {
    stats.count_error(refusal.status);
    draft.len = response::error_page(out.room(), date, refusal, draft.terms.head_only);
    (draft.status, draft.terms.close, draft.tail) = (refusal.status.code(), true, Body::EMPTY);
}

/// Writes the server's own error page. The connection closes after it.
#[cold]
pub(crate) fn refuse(exchange: &mut Exchange<'_>, shared: &mut Shared, peer: &dyn Peer, refusal: Refusal) {
    let head_only = match exchange.in_flight.on_sent.awaited() {
        Some(awaited) => awaited.terms.head_only,
        None => exchange.input.pending().starts_with(b"HEAD "),
    };
    if let Some(serial) = exchange.in_flight.body.as_ref().and_then(Incoming::held_serial) {
        shared.deferrals.note_gone_here(serial, GoneReason::Refused(refusal.status.code()));
    }
    exchange.input.clear();
    exchange.in_flight.end_body();
    shared.stats.count_error(refusal.status);
    if !shared.config.close.answers() {
        exchange.in_flight.on_sent = OnSent::Drop;
        return;
    }
    let date = shared.date.line(shared.clock.now());
    let len = response::error_page(exchange.out.room(), date, refusal, head_only);
    exchange.out.commit(len);
    shared.stats.count_response(refusal.status.code());
    let (status, why) = (refusal.status.code(), refusal.why);
    debug!(
        target: REQUESTS,
        kind = "response", slot = shared.deferrals.slot().index(), status = status, bytes = len, why = why;
        "{} (refused: {why}) {status} {len} bytes", PeerName(peer)
    );
    exchange.in_flight.on_sent = OnSent::CLOSE;
}
