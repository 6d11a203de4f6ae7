//! Sockets that change hands: listeners that come from the host and go back to it, streams that the host has accepted
//! itself, and streams that it takes over.
//!
//! If the server does not take a socket, it hands the socket back unchanged. So it checks all conditions before it
//! changes anything. Only the system may still refuse later, when the socket is already non-blocking.

use std::io::{self, ErrorKind};

use super::Engine;
use super::listeners::Listening;
use super::traced::End;
use crate::handler::Host;
use crate::names::{ConnectionId, ListenerId};
use crate::net::{Net, Refused};
use crate::slot::Slot;
use crate::state::transitions;
use crate::stats::{Phase, Reason};
use crate::tokens::LISTENERS;
use crate::trace;

impl<N: Net> Engine<N> {
    /// Starts to accept from a listener.
    pub(crate) fn add_listener(
        &mut self,
        mut listener: N::Listener,
    ) -> Result<ListenerId, Refused<N::Listener>> {
        if self.shared.phase != Phase::Running {
            return Err(Refused::new(listener, not_running()));
        }
        let listeners = &self.accepting.listeners;
        let slot = listeners.iter().position(Option::is_none).unwrap_or(listeners.len());
        if slot == LISTENERS {
            return Err(Refused::new(listener, io::Error::other("a server has at most 64 listeners")));
        }
        let generation = self.table.next_generation();
        let token = self.table.tokens().encode(slot, generation);
        if let Err(error) = self.net.watch_listener(&mut listener, token) {
            return Err(Refused::new(listener, error));
        }
        let serial = self.shared.deferrals.next_serial().get();
        let listening = Some(Listening { listener, generation, serial });
        match self.accepting.listeners.get_mut(slot) {
            Some(free) => *free = listening,
            None => self.accepting.listeners.push(listening),
        }
        Ok(ListenerId { server: self.shared.deferrals.server(), slot: slot as u32, serial })
    }

    pub(crate) fn listener(&self, id: ListenerId) -> Option<&N::Listener> {
        let listening = self.accepting.listeners.get(id.slot as usize)?.as_ref()?;
        let is_current = id.server == self.shared.deferrals.server() && id.serial == listening.serial;
        is_current.then_some(&listening.listener)
    }

    /// Stops accepting from a listener and hands it back, with the clients that wait in its queue.
    pub(crate) fn remove_listener(&mut self, id: ListenerId) -> Option<N::Listener> {
        self.listener(id)?;
        let mut listening = self.accepting.listeners[id.slot as usize].take()?;
        self.net.unwatch_listener(&mut listening.listener);
        self.accepting.ready &= !(1 << id.slot);
        Some(listening.listener)
    }

    pub(crate) fn close_listeners(&mut self) {
        self.accepting.ready = 0;
        for listening in self.accepting.listeners.iter_mut().filter_map(Option::take) {
            let mut listener = listening.listener;
            self.net.unwatch_listener(&mut listener);
        }
    }

    /// Hands a connection over to the host, with the input that it has not used.
    #[cold]
    pub(super) fn hand_over<H: Host<N::Stream> + ?Sized>(&mut self, slot: Slot, handler: &mut H) {
        let Some(serial) = self.held_serial(slot) else { return };
        if trace::is_on() {
            self.trace_leaving(slot, self.table[slot].state.waits_as());
        }
        let connection = self.table.remove(slot, self.table[slot].state.waits_as());
        let (state, exchange) = (connection.state, connection.exchange);
        let peer_first = connection.socket.peer_closed_first();
        transitions::check_hand_over(state);
        if trace::is_on() {
            let end = End { exchange, state, reason: Reason::TakenOver, peer_first };
            self.trace_end(slot, end, self.shared.closed_at);
        }
        self.shared.stats.count_close(Reason::TakenOver, peer_first);
        self.names.end(slot, Reason::TakenOver);
        let stream = connection.socket.into_stream(slot, &mut self.net);
        let id = self.shared.deferrals.id(slot, serial);
        // It is counted in advance, because a panic does not come back here.
        self.shared.stats.handler_panics += 1;
        handler.take(id, stream, connection.exchange.map_or(b"", |id| self.pool.give_back_unused(id)));
        self.shared.stats.handler_panics -= 1;
        if self.accepting.retry_at.is_some() {
            self.end_pause();
        }
    }

    /// Takes a stream that the host has accepted. From the next turn on, it is served like one that the server has
    /// accepted. Returns its name, if connections have names.
    pub(super) fn admit_adopted(
        &mut self,
        mut stream: N::Stream,
    ) -> Result<Option<ConnectionId>, Refused<N::Stream>> {
        if self.shared.phase != Phase::Running {
            return Err(Refused::new(stream, not_running()));
        }
        if !self.can_report_end() {
            let full = io::Error::new(ErrorKind::ResourceBusy, "too many ends of connections are unreported");
            return Err(Refused::new(stream, full));
        }
        if !self.can_have_slot() {
            let full = io::Error::new(ErrorKind::ResourceBusy, "all connections are in use");
            return Err(Refused::new(stream, full));
        }
        if let Err(error) = self.net.take_over(&mut stream) {
            return Err(Refused::new(stream, error));
        }
        let slot = self.admit(stream, None);
        Ok(self.names.of(slot))
    }
}

fn not_running() -> io::Error {
    io::Error::other("the server is draining or closed")
}
