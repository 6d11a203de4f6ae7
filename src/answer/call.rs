//! The call of the handler, with a request that is whole.

use log::debug;

use super::finish::finish;
use super::logged::{Named, REQUESTS};
use crate::deferred::RequestId;
use crate::exchange::{OnSent, Out};
use crate::handler::request::{Origin, Request};
use crate::handler::{Handler, Responder};
use crate::http::head::Head;
use crate::http::response::{Terms, Writer};
use crate::http::target::CONNECT;
use crate::shared::Shared;

/// The handler, and the client whose requests it answers.
pub(crate) struct Asked<'a, H: ?Sized> {
    pub(crate) handler: &'a mut H,
    pub(crate) origin: Origin<'a>,
}

/// Lets the handler answer one request. Its body had `received` bytes, which are here unless the host wanted it
/// otherwise.
pub(super) fn call<H: Handler + ?Sized>(
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
        debug!(
            target: REQUESTS,
            kind = "response", slot = shared.deferrals.slot().index(), method = request.method(),
            target = request.target(), dropped = true;
            "{} dropped", Named(&request)
        );
        return OnSent::Drop;
    }
    let terms = terms(head, received, shared);
    shared.draft.begin(terms);
    let responder = Responder::new(Writer::new(out.room()), shared);
    let _reply = asked.handler.request(&request, responder);
    finish_asked(&request, out, shared, asked.handler)
}

/// Returns what a request with a body of `len` bytes demands of its response.
pub(super) fn terms(head: &Head<'_, '_>, len: u64, shared: &Shared) -> Terms {
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
#[inline(always)]
pub(super) fn finish_asked<H: Handler + ?Sized>(
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
