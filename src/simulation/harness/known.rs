//! What the simulated handler knows of connections that have names.

use std::collections::{BTreeSet, HashMap};

use crate::deferred::RequestId;
use crate::handler::request::Request;
use crate::names::{ConnectionId, ListenerId};
use crate::stats::Reason;

/// What the handler knows of the connections.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) named: BTreeSet<ConnectionId>,
    /// The connection and the listener of each request, in order.
    pub(crate) origins: Vec<(Option<ConnectionId>, Option<ListenerId>)>,
    /// The connections that were reported closed, in order.
    pub(crate) closed: Vec<(ConnectionId, Reason)>,
    /// The connections of the requests that have ids.
    connections: HashMap<RequestId, ConnectionId>,
}

impl Known {
    pub(super) fn note(&mut self, request: &Request<'_>) {
        self.named.extend(request.connection());
        self.origins.push((request.connection(), request.listener()));
    }

    pub(super) fn note_id(&mut self, id: RequestId, request: &Request<'_>) {
        self.connections.extend(request.connection().map(|connection| (id, connection)));
    }

    /// Asserts that the end of a request's connection has not been reported.
    pub(super) fn check_is_open(&self, id: RequestId) {
        let connection = self.connections.get(&id);
        let is_late = self.closed.iter().any(|(closed, _)| Some(closed) == connection);
        assert!(!is_late, "{id:?} is reported after the end of its connection");
    }
}
