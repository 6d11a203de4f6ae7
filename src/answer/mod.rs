//! The policy between bytes and the handler: which request is answered, with what, and what follows.
//!
//! [`answer`] takes the bytes that have arrived, and appends the responses to send. The driver calls it again when more
//! bytes have arrived, or when the responses have been sent. *Not yet* is a value that it returns, never an error.

mod body;
mod later;
mod passed;
mod pieces;

use std::fmt;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;

use log::{Level, debug, error, log_enabled};

use crate::body::Body;
use crate::config::{Limits, MAX_HEADERS, OUT_BATCH};
use crate::deferred::{Awaited, GoneReason, RequestId};
use crate::exchange::{Exchange, Incoming, Input, Kept, OnSent, Out};
use crate::handler::request::{Origin, Request};
use crate::handler::{Handler, Responder};
use crate::http::date::DateLine;
use crate::http::fields::Framing;
use crate::http::head::Head;
use crate::http::refusal::Refusal;
use crate::http::response::handover::NO_TUNNEL;
use crate::http::response::{self, Draft, Rest, Terms, Writer};
use crate::http::target::CONNECT;
use crate::net::Peer;
use crate::shared::Shared;
use crate::stats::{Reason, Stats};
use crate::status::ErrorStatus;

use body::Begun;
pub(crate) use later::{cancel, respond_with, show};
pub(crate) use pieces::{Given, ask_for_piece};

/// The log target of one line per request.
const REQUESTS: &str = "fourway::request";

/// The need that has to be met before the next request can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// More of a head has to arrive, or a first byte.
    Head,
    /// A body buffer has to be lent.
    BodyBuffer,
    /// More of a body has to arrive.
    Body,
    /// The host has to take the rest of a piece of a body.
    Host,
    /// The responses have to be sent: the buffer is full, the budget is used, or this was the last response.
    Sending,
}

impl Need {
    /// Returns the need in a few words, for the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Need::Head => "more of the head has to arrive",
            Need::BodyBuffer => "the body needs a buffer",
            Need::Body => "more of the body has to arrive",
            Need::Host => "the host takes the rest later",
            Need::Sending => "the request waits for its turn",
        }
    }
}

/// The handler, and the client whose requests it answers.
pub(crate) struct Asked<'a, H: ?Sized> {
    pub(crate) handler: &'a mut H,
    pub(crate) origin: Origin<'a>,
}

/// Answers the requests that have arrived whole, in order, and at most `budget` of them.
pub(crate) fn answer<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
    budget: &mut u32,
) -> Need {
    loop {
        let out = &exchange.out;
        if exchange.in_flight.on_sent != OnSent::KeepAlive || out.copied() > OUT_BATCH || out.has_tail() {
            return Need::Sending;
        }
        if *budget == 0 && !exchange.input.is_empty() {
            return Need::Sending;
        }
        match passed::attempt(exchange, shared, asked) {
            Ok(Attempt::Answered) => {
                *budget -= 1;
                if exchange.input.is_empty() {
                    return Need::Head;
                }
            }
            Ok(Attempt::BodyFollows | Attempt::Again) => {}
            Ok(Attempt::NotYet(need)) => return need,
            Err(refusal) => refuse(exchange, shared, asked.origin.peer, refusal),
        }
    }
}

/// The result of an attempt to answer the next request.
enum Attempt {
    Answered,
    BodyFollows,
    /// The head has to be parsed again.
    Again,
    NotYet(Need),
}

/// Parses the head at the front of the input, and answers at once if its body has arrived as well.
// Not inlined, because the driver's own frame would have to hold the headers each time.
#[inline(never)]
fn read_head<H: Handler + ?Sized>(
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

/// Lets the handler answer one request. Its body had `received` bytes, which are here unless the host wanted it
/// otherwise.
fn call<H: Handler + ?Sized>(
    head: &Head<'_, '_>,
    body: &[u8],
    received: u64,
    id: Option<RequestId>,
    out: &mut Out<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> OnSent {
    shared.stats.requests += 1;
    let request = Request { head, body, received, id, origin: &asked.origin };
    if !shared.config.close.answers() {
        debug!(target: REQUESTS, "{} dropped", Named(&request));
        return OnSent::Drop;
    }
    let terms = terms(head, received, shared);
    shared.draft.begin(terms);
    let responder = Responder::new(Writer::new(out.room()), shared);
    let _reply = asked.handler.request(&request, responder);
    finish_asked(&request, out, shared, asked.handler)
}

/// Returns what a request with a body of `len` bytes demands of its response.
fn terms(head: &Head<'_, '_>, len: u64, shared: &Shared) -> Terms {
    Terms {
        head_only: head.is_head_request(),
        http10: head.minor == 0,
        close: !head.keep_alive || !shared.config.keep_alive || shared.is_draining(),
        // Some clients send a line break after a body (RFC 9112 §2.2), so a client that asked for the close may
        // still send two bytes after a body.
        client_closes: !head.keep_alive && len == 0,
        connects: shared.config.limits.connect && head.method == CONNECT,
        unread: false,
    }
}

/// Finishes the response that the handler has just given.
fn finish_asked<H: Handler + ?Sized>(
    request: &Request<'_>,
    out: &mut Out<'_>,
    shared: &mut Shared,
    handler: &mut H,
) -> OnSent {
    let on_sent = finish(out, shared, &Named(request));
    if shared.draft.is_special {
        // A stream that is over already has no record in which its end could wait to be told.
        while let Some((id, why)) = shared.deferrals.next_gone() {
            handler.gone(id, why);
        }
    }
    on_sent
}

/// Begins the response to a deferred request.
pub(crate) fn respond<'r>(awaited: Awaited, out: Out<'r>, shared: &'r mut Shared) -> Responder<'r> {
    let close = awaited.terms.close || shared.is_draining();
    shared.draft.begin(Terms { close, ..awaited.terms });
    Responder::new(Writer::new(out.into_room()), shared)
}

/// Finishes the response that was begun last. Appends it to the bytes to send, or a 500 if it cannot be sent. Returns
/// what follows it.
pub(crate) fn finish(out: &mut Out<'_>, shared: &mut Shared, request: &dyn fmt::Display) -> OnSent {
    let Shared { stats, clock, date, draft, deferrals, .. } = shared;
    let mut taken = None;
    if draft.is_special {
        taken = deferrals.take_serial();
        if let Some(on_sent) = finish_special(taken, draft, out, request) {
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
        error!("the handler's response to {request} cannot be sent: {fault}");
        stats.handler_errors += 1;
        own_page(out, draft, stats, date.line(clock.now()), CANNOT_BE_SENT);
    }
    if log_enabled!(target: REQUESTS, Level::Debug) {
        let bytes = draft.tail.len().saturating_add(draft.len as u64);
        debug!(target: REQUESTS, "{request} {} {bytes} bytes", draft.status);
    }
    out.commit(draft.len);
    if !draft.tail.is_empty() {
        out.append(std::mem::take(&mut draft.tail));
    }
    if let Some(serial) = taken {
        return begin_rest(serial, shared);
    }
    OnSent::after(draft)
}

/// Looks at what is special about a response. Returns what follows it, if there is nothing to finish.
#[cold]
fn finish_special(
    taken: Option<NonZeroU64>,
    draft: &mut Draft,
    out: &mut Out<'_>,
    request: &dyn fmt::Display,
) -> Option<OnSent> {
    let special = draft.special();
    let is_deferred = special.rest == Rest::None && draft.fault.is_none();
    if let Some(serial) = taken.filter(|_| is_deferred) {
        // An interim response that was written before is sent now.
        out.commit(draft.len);
        debug!(target: REQUESTS, "{request} deferred");
        return Some(OnSent::AwaitReply(Awaited { serial, terms: draft.terms, keeps: special.keeps }));
    }
    if special.dropped {
        draft.tail = Body::EMPTY;
        debug!(target: REQUESTS, "{request} dropped");
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
const CANNOT_BE_SENT: Refusal =
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
    let (status, why) = (refusal.status.code(), refusal.why);
    debug!(target: REQUESTS, "{} (refused: {why}) {status} {len} bytes", PeerName(peer));
    exchange.in_flight.on_sent = OnSent::CLOSE;
}

/// A request with its client's address, for the log.
struct Named<'a>(&'a Request<'a>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Named(request) = self;
        write!(f, "{} {request:?}", PeerName(request.origin.peer))
    }
}

/// A client's address for the log. It costs a system call only if it is printed.
pub(crate) struct PeerName<'a>(pub(crate) &'a dyn Peer);

impl fmt::Display for PeerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.peer_addr() {
            Ok(address) => write!(f, "{address}"),
            Err(error) if error.kind() == ErrorKind::Unsupported => f.write_str("(unix)"),
            Err(_) => f.write_str("(gone)"),
        }
    }
}
