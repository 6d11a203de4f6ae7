//! Connections that have names: naming them, and ending them for the host.

use super::Engine;
use super::evict::Unasked;
use crate::config::CloseMode;
use crate::connection::driver::Driver;
use crate::connection::quota::Quota;
use crate::deferred::IdError;
use crate::names::{ConnectionId, ListenerId};
use crate::net::Net;
use crate::slot::Slot;

impl<N: Net> Engine<N> {
    /// Names a new connection. `listener` is the index of its listener, unless the host has accepted it.
    pub(super) fn name(&mut self, slot: Slot, listener: Option<usize>) {
        let server = self.shared.deferrals.server();
        let listener = listener.and_then(|which| {
            let listening = self.accepting.listeners[which].as_ref()?;
            Some(ListenerId { server, slot: which as u32, serial: listening.serial })
        });
        let serial = self.shared.deferrals.next_serial();
        self.names.begin(slot, serial, listener);
    }

    /// Returns whether the end of one more connection can be kept until the handler takes note of it.
    ///
    /// A turn reports all ends, so this is false only if the host has ended or evicted as many connections between two
    /// turns as there are slots.
    pub(super) fn can_report_end(&self) -> bool {
        self.names.has_space(self.table.len())
    }

    /// Ends a connection as `how` says, now or after the response that it is being sent.
    pub(super) fn close_named(&mut self, id: ConnectionId, how: CloseMode) -> Result<(), IdError> {
        let slot = self.names.find(id)?;
        let act = |driver: &mut Driver<'_, N, Unasked>| driver.close_for_host(how);
        self.run_driver_only(slot, &mut Quota::default(), act, &mut Unasked);
        Ok(())
    }
}
