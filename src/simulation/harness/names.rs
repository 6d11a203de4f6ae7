//! Connections that have names: what a host does with them, and what always holds of them.

use super::client::Client;
use super::sim::Sim;
use crate::config::CloseMode;
use crate::deferred::IdError;
use crate::names::ConnectionId;
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;

impl Sim {
    /// Ends a connection from outside of the handler.
    pub(crate) fn close(&mut self, id: ConnectionId, how: CloseMode) -> Result<(), IdError> {
        let now = self.now();
        self.engine.call(Some(now)).close(id, how)
    }

    /// Returns the name of a client's connection.
    pub(crate) fn name(&self, client: &Client) -> ConnectionId {
        let table = self.engine.internals().0;
        let (slot, _) = table.iter().find(|(_, c)| c.socket.stream().id == client.id).expect("it is served");
        self.engine.names().of(slot).expect("it has a name")
    }

    /// Checks that each open connection has a name, if the settings ask for names, and that the handler knows of the end
    /// of each other one. A connection that the host has ended answers no further request.
    pub(super) fn check_names(&self) {
        let ((table, _), config, stats) = (self.engine.internals(), self.engine.config(), self.stats());
        for slot in (0..config.max_connections).map(Slot::new) {
            let has_name = self.engine.names().of(slot).is_some();
            assert_eq!(has_name, config.names && table.get(slot).is_some(), "the name in slot {slot}");
        }
        for reason in Reason::ALL {
            let reported = self.site.known.closed.iter().filter(|&&(_, why)| why == reason).count() as u64;
            assert_eq!(reported, if config.names { stats.closes(reason) } else { 0 }, "{reason:?}");
        }
        for (slot, connection) in table.iter() {
            let may_answer = !matches!(
                connection.state,
                State::Sending | State::Deferred | State::Streaming | State::Closing
            );
            let is_over = connection.socket.is_closed_by_host();
            assert!(
                !(is_over && may_answer),
                "slot {slot} is in {:?} after the host has ended it",
                connection.state
            );
        }
    }
}
