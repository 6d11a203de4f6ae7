//! Deferred requests that the host ends, looks at again, or answers with the request before it.

use std::mem::MaybeUninit;

use log::debug;

use super::finish::respond;
use super::logged::{PeerName, REQUESTS};
use crate::config::{Limits, MAX_HEADERS};
use crate::deferred::{Awaited, RequestId};
use crate::exchange::{InFlight, KeptRequest, OnSent, Out};
use crate::handler::request::{Origin, Request};
use crate::handler::{Reply, Responder};
use crate::http::head::Head;
use crate::net::Peer;
use crate::shared::Shared;

/// Ends a deferred request without a response.
pub(crate) fn cancel(in_flight: &mut InFlight, peer: &dyn Peer) {
    debug!(target: REQUESTS, "{} (deferred) cancelled", PeerName(peer));
    in_flight.on_sent = OnSent::Drop;
}

/// Shows a request that is kept.
pub(crate) fn show<R>(
    kept: KeptRequest<'_>,
    id: RequestId,
    origin: &Origin<'_>,
    limits: &Limits,
    look: impl FnOnce(&Request<'_>) -> R,
) -> R {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let head = Head::parse(kept.head, &mut headers, limits).expect("a head that was whole stays whole");
    look(&Request { head: &head, body: kept.body, received: kept.received, id: Some(id), origin })
}

/// Lets the host respond to a request that is kept.
pub(crate) fn respond_with(
    kept: KeptRequest<'_>,
    id: RequestId,
    origin: &Origin<'_>,
    awaited: Awaited,
    out: Out<'_>,
    shared: &mut Shared,
    answer: impl for<'r> FnOnce(&Request<'_>, Responder<'r>) -> Reply<'r>,
) {
    let limits = shared.config.limits.clone();
    show(kept, id, origin, &limits, |request| {
        let _reply = answer(request, respond(awaited, out, shared));
    });
}
