//! The queues of the listeners: no client may be forgotten there.

use super::kernel::World;
use super::sim::Sim;

impl World {
    /// Returns how many clients wait in the queues of listeners that are watched.
    pub(crate) fn waiting_clients(&self) -> usize {
        self.queues().map(|clients| clients.len()).sum()
    }
}

impl Sim {
    /// Checks, when nothing moves, that the server has accepted all that it can. So no edge of a listener was lost.
    pub(super) fn check_listeners(&self) {
        let waiting = self.world().waiting_clients();
        assert!(waiting == 0 || !self.engine.awaits_clients(), "{waiting} clients are forgotten in a queue");
    }
}
