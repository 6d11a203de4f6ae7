//! Requests with descriptors that their clients have passed.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::BorrowedFd;

use super::call::Asked;
use super::need::Attempt;
use super::{body, head};
use crate::exchange::Exchange;
use crate::handler::Handler;
use crate::handler::request::Origin;
use crate::http::refusal::Refusal;
use crate::net::Peer;
use crate::net::descriptors::{Descriptor, Fault, Lent};
use crate::shared::Shared;
use crate::status::ErrorStatus;

/// A client with the descriptors that it has passed.
#[cfg_attr(not(unix), allow(dead_code))]
struct Passer<'a> {
    peer: &'a dyn Peer,
    lent: &'a Lent,
}

impl Peer for Passer<'_> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer.peer_addr()
    }

    #[cfg(unix)]
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.peer.as_fd()
    }

    fn descriptors(&self) -> &[Option<Descriptor>] {
        self.lent.get()
    }
}

/// Attempts to answer the next request.
#[inline(always)]
pub(super) fn attempt<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Attempt, Refusal> {
    if shared.descriptors.are_held() {
        attempt_with_descriptors(exchange, shared, asked)
    } else {
        attempt_without(exchange, shared, asked)
    }
}

#[inline(always)]
fn attempt_without<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Attempt, Refusal> {
    match exchange.in_flight.body {
        Some(_) => body::read(exchange, shared, asked),
        None => head::read(exchange, shared, asked),
    }
}

/// Attempts to answer the next request, and lends its descriptors to the handler. They are closed when the request is
/// answered or refused, also if the handler panics.
#[cold]
#[inline(never)]
fn attempt_with_descriptors<H: Handler + ?Sized>(
    exchange: &mut Exchange<'_>,
    shared: &mut Shared,
    asked: &mut Asked<'_, H>,
) -> Result<Attempt, Refusal> {
    let slot = asked.origin.name.slot;
    let lent = match shared.descriptors.take(slot) {
        None => return attempt_without(exchange, shared, asked),
        Some(Err(fault)) => return Err(refusal(fault)),
        Some(Ok(lent)) => lent,
    };
    let passer = Passer { peer: asked.origin.peer, lent: &lent };
    let origin = Origin { peer: &passer, ..asked.origin };
    let attempted = attempt_without(exchange, shared, &mut Asked { handler: &mut *asked.handler, origin })?;
    if !matches!(attempted, Attempt::Answered) {
        shared.descriptors.put_back(slot, lent);
    }
    Ok(attempted)
}

fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::TooMany => Refusal::bad("too many descriptors came with the request"),
        Fault::Lost => Refusal {
            status: ErrorStatus::ServiceUnavailable,
            why: "the descriptors that came with the request cannot be received now",
        },
    }
}
