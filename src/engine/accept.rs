//! Accepting: from a listener's ready bit to the first turn of a new connection, and what stops it.
//!
//! Only an accept that returns `WouldBlock` clears a listener's bit, as for any socket. Other causes stop accepting but
//! leave the bit set, so accepting goes on without an event:
//!
//! - The budget is used.
//! - All slots are taken.
//! - The process has *run out* of descriptors or memory. Accepts that fail again and again count as this,
//!   whatever the reason. No event says when there is enough again, so the server tries again when a
//!   connection ends, and every 100 ms.
//! - The host has paused it.

use std::io::{self, ErrorKind};
use std::panic::Location;
use std::time::Duration;

use log::kv::ToValue;
use log::{error, warn};

use super::Engine;
use crate::clock::{NEVER, nanoseconds};
use crate::handler::Host;
use crate::net::{self, Net};
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Phase;
use crate::trace::{self, ACCEPTS, Place};

/// How long accepting pauses after something has run out.
const RETRY: Duration = Duration::from_millis(100);

impl<N: Net> Engine<N> {
    /// Accepts from all listeners in turn, within the budget of accepts, and serves the new connections.
    pub(super) fn accept_ready<H>(&mut self, mut budget: u32, handler: &mut H)
    where
        H: Host<N::Stream> + ?Sized,
    {
        if !self.accepting.is_ready() {
            return;
        }
        if self.accepting.retry_at.is_some_and(|at| at <= self.now()) {
            self.end_pause();
        }
        let mut accepts = self.shared.config.budget.accepts;
        let count = self.accepting.listeners.len();
        for turn in 0..count {
            let which = (self.accepting.first + turn) % count;
            while accepts > 0 && self.accepting.ready & (1 << which) != 0 && self.may_accept() {
                let Some(listening) = &mut self.accepting.listeners[which] else { break };
                accepts -= 1;
                match traced(which, self.net.accept(&mut listening.listener)) {
                    Ok(stream) => {
                        self.accepting.failures = 0;
                        let slot = self.admit(stream, Some(which));
                        self.join_wave(slot);
                        // A connection that is served may end, and leave its slot to the next.
                        if self.wave.len() >= self.wave_size(budget) || !self.table.has_free_slot() {
                            budget = self.serve_wave(budget, handler);
                            self.tell_gone(handler);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.accepting.ready &= !(1 << which);
                        (self.accepting.has_run_out, self.accepting.is_full) = (false, false);
                        self.accepting.waits_since = NEVER;
                        self.accepting.failures = 0;
                    }
                    // Connections that are served may end, and free what is lacking.
                    Err(error) if !net::is_of_one_connection(&error) && !self.wave.is_empty() => {
                        budget = self.serve_wave(budget, handler);
                    }
                    Err(error) => self.note_accept_error(&error),
                }
            }
        }
        self.serve_wave(budget, handler);
        self.accepting.first = (self.accepting.first + 1) % count.max(1);
        self.note_full();
    }

    /// Accepts the clients whose handshakes are finished, before the listeners are closed. Otherwise the kernel resets
    /// them.
    ///
    /// It takes at most the number of clients that a listener's queue holds. Without this limit the loop
    /// might never end, because new clients keep arriving.
    pub(super) fn accept_last(&mut self) {
        if self.accepting.is_paused {
            return;
        }
        for which in 0..self.accepting.listeners.len() {
            // There is no later time, so a pause ends now.
            self.end_pause();
            // Linux queues one client more than the backlog says.
            let mut owed = u64::from(self.shared.config.backlog) + 1;
            while owed > 0 && self.has_free_slot() && self.accepting.retry_at.is_none() {
                let Some(listening) = &mut self.accepting.listeners[which] else { break };
                match traced(which, self.net.accept(&mut listening.listener)) {
                    Ok(stream) => {
                        owed -= 1;
                        self.accepting.failures = 0;
                        self.admit(stream, Some(which));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if net::is_of_one_connection(&error) => {
                        owed -= 1;
                        self.shared.stats.accept_errors += 1;
                    }
                    Err(error) => self.note_accept_error(&error),
                }
            }
        }
    }

    /// Stops accepting until the host resumes it. Events still set the listeners' bits, so no client is forgotten.
    pub(crate) fn pause_accepting(&mut self) {
        self.accepting.is_paused = true;
        // From now on clients wait for the host, and not for a slot.
        self.accepting.waits_since = NEVER;
        if !self.has_work() && self.table.next_deadline() > self.now() {
            // The last turn has left nothing but clients to accept, so no turn is due.
            self.left_at = None;
        }
    }

    pub(crate) fn resume_accepting(&mut self) {
        self.accepting.is_paused = false;
    }

    /// Puts a new connection into a slot and into the ready queue, because its request may have arrived already.
    /// `listener` is the index of its listener, unless the host has accepted it.
    pub(super) fn admit(&mut self, stream: N::Stream, listener: Option<usize>) -> Slot {
        assert!(self.free_a_slot(), "a stream is accepted only if it can have a slot");
        let short_read_drains = self.net.short_read_drains(&stream);
        let slot = self.table.insert(stream);
        if short_read_drains {
            self.table[slot].socket.believe_short_reads();
        }
        if self.shared.config.names {
            self.name(slot, listener);
        }
        self.shared.stats.accepted += 1;
        if trace::is_on() {
            self.trace_admitted(slot, listener);
        }
        self.table.arm(slot, State::Idle, self.now());
        self.table.queue(slot);
        slot
    }

    /// Returns whether the server accepts now, and has a slot for one more connection.
    pub(super) fn may_accept(&self) -> bool {
        self.shared.phase == Phase::Running && self.accepting.retry_at.is_none() && self.can_have_slot()
    }

    /// Returns whether a slot is free, or can be freed.
    pub(super) fn can_have_slot(&self) -> bool {
        self.can_report_end() && (self.table.has_free_slot() || self.victim().is_some())
    }

    fn has_free_slot(&self) -> bool {
        self.can_report_end() && self.table.has_free_slot()
    }

    /// Returns when accepting goes on without an event, or [`NEVER`]. At that time the server tries again.
    pub(super) fn next_accept(&self) -> u64 {
        self.accepting.retry_at.filter(|_| self.accepting.is_ready()).unwrap_or(NEVER)
    }

    /// Ends a pause, because what has run out may be available again.
    pub(super) fn end_pause(&mut self) {
        (self.accepting.retry_at, self.accepting.failures) = (None, 0);
    }

    /// Counts an error that concerns one connection, and pauses accepting after any other. Such an error means that
    /// something has run out, which only time or the end of a connection brings back.
    ///
    /// Accepting also pauses if any error comes again and again, with no connection in between. The server
    /// assumes that 64 failures in a row are not 64 bad connections, or 64 signals.
    fn note_accept_error(&mut self, error: &io::Error) {
        const MANY: u32 = 64;
        self.accepting.failures += 1;
        let (is_of_one, is_many) = (net::is_of_one_connection(error), self.accepting.failures >= MANY);
        self.shared.stats.accept_errors += u64::from(is_of_one);
        if (is_of_one || error.kind() == ErrorKind::Interrupted) && !is_many {
            return;
        }
        self.accepting.retry_at = Some(self.now().saturating_add(nanoseconds(RETRY)));
        if !self.accepting.has_run_out {
            self.accepting.has_run_out = true;
            self.shared.stats.accept_pauses += 1;
            error!("accepting pauses with {} connections open: {error}", self.table.len());
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn has_paused(&self) -> bool {
        self.accepting.is_paused
    }

    /// Returns whether nothing but a client is missing for the next accept.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn awaits_clients(&self) -> bool {
        self.may_accept() && !self.has_paused()
    }

    fn note_full(&mut self) {
        let is_full =
            self.shared.phase == Phase::Running && self.accepting.is_ready() && !self.can_have_slot();
        if is_full {
            self.accepting.waits_since = self.accepting.waits_since.min(self.now());
        }
        if is_full && !self.accepting.is_full {
            self.accepting.is_full = true;
            self.shared.stats.full += 1;
            warn!("all {} connections are in use: new ones wait", self.table.len());
        }
    }
}

/// Records the result of accept. Such a call belongs to no connection yet.
#[inline(always)]
#[track_caller]
fn traced<T>(listener: usize, result: io::Result<T>) -> io::Result<T> {
    if trace::is_on() {
        trace_accept(listener, result.as_ref().err(), Location::caller());
    }
    result
}

#[cold]
fn trace_accept(listener: usize, error: Option<&io::Error>, at: Place) {
    let name = error.map(trace::error_name);
    let error = name.as_deref();
    let fields = [
        ("kind", "call".into()),
        ("call", "accept4".into()),
        ("listener", listener.into()),
        ("error", error.to_value()),
    ];
    let result = error.unwrap_or("ok");
    trace::step(ACCEPTS, at, &fields, format_args!("listener {listener}: accept4 {result}"));
}
