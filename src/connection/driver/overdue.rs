//! A deferred request whose time is over: the handler's last chance to respond to it.

use super::Driver;
use crate::answer::{self, PeerName};
use crate::handler::Handler;
use crate::net::Net;
use crate::state::State;
use crate::trace::why;

impl<N: Net, H: Handler + ?Sized> Driver<'_, N, H> {
    /// Lets the handler respond to a deferred request whose time is over, or defer it again. Returns `false` if the
    /// handler leaves that to the server.
    ///
    /// If the handler panics, the request still waits in the books, so the end of the connection reports it.
    #[cold]
    pub(super) fn is_answered_overdue(&mut self) -> bool {
        let Some(awaited) = self.exchange.in_flight.on_sent.awaited() else { return false };
        let id = self.shared.deferrals.id(self.slot, awaited.serial);
        let responder = answer::respond(awaited, self.exchange.out.reborrow(), self.shared);
        let _reply = self.handler.overdue(id, responder);
        if self.shared.draft.special().refused {
            return false;
        }
        let peer = PeerName(self.connection.socket.stream());
        let out = &mut self.exchange.out;
        let on_sent = answer::finish(out, self.shared, &format_args!("{peer} (overdue)"));
        if let Some(kept) = self.exchange.in_flight.follow_deferred(on_sent, &self.shared.draft) {
            self.exchange.release(kept);
        }
        if on_sent.awaited().is_some() {
            self.enter(State::Deferred, why!("deferred again"));
        }
        true
    }
}
