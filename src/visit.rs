//! What a connection is lent for the length of one visit, and how a visit ends.

use mio::Token;

use crate::exchange::Exchange;
use crate::service::Service;
use crate::stats::Reason;

/// All that one connection may use while it is being driven.
pub(crate) struct Visit<'a, N, H: ?Sized> {
    pub(crate) net: &'a mut N,
    pub(crate) token: Token,
    pub(crate) slot: u32,
    pub(crate) exchange: Exchange<'a>,
    pub(crate) handler: &'a mut H,
    pub(crate) service: &'a mut Service,
    /// Requests it may still answer in this visit.
    pub(crate) requests: u32,
    /// Bytes it may still read or write in this visit.
    pub(crate) bytes: usize,
    /// Whether its deadline starts anew: its state was entered, or enough has moved.
    pub(crate) rearm: bool,
}

/// How a visit ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its system calls said `WouldBlock`; an event or a deadline comes next.
    Wait,
    /// It could go on, but the others have their turn first.
    Yield,
    Gone(Reason),
}

impl<N, H: ?Sized> Visit<'_, N, H> {
    /// What the visit has cost of a turn's budget of requests: at least one, and as many for all
    /// its bytes as for all its requests.
    pub(crate) fn used(&self, requests: u32) -> u32 {
        let budget = &self.service.config.budget;
        let moved = budget.bytes_per_connection - self.bytes;
        let per_request = budget.bytes_per_connection / budget.requests_per_connection as usize;
        let for_bytes = if moved <= per_request { 1 } else { moved / per_request.max(1) };
        (requests - self.requests).max(u32::try_from(for_bytes).unwrap_or(u32::MAX))
    }
}
