//! Accepting: from the listeners' ready bits to a new connection's first turn, and what stops it.
//!
//! A listener's bit is cleared only when accept says `WouldBlock`, as for any socket. What stops
//! accepting before that is remembered by the bit, and needs no event to go on: a budget that is
//! used, slots that are all taken, or a process that has *run out* of descriptors or memory (or whose
//! accepts fail again and again, for whatever reason). For the last no event would ever come; it is tried
//! again when a connection ends, and every 100 ms.

use std::io::{self, ErrorKind};
use std::time::Duration;

use log::{error, warn};

use super::Engine;
use crate::clock::{NEVER, nanoseconds};
use crate::handler::Handler;
use crate::net::{self, Net};
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Phase;

/// How long to wait until accept is tried again after something has run out.
const RETRY: Duration = Duration::from_millis(100);

impl<N: Net> Engine<N> {
    /// Accepts from all listeners in turn, within the budget of accepts, and serves what has come.
    pub(super) fn accept_ready<H>(&mut self, mut budget: u32, handler: &mut H)
    where
        H: Handler + ?Sized,
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
                match self.net.accept(&mut listening.listener) {
                    Ok(stream) => {
                        self.accepting.failures = 0;
                        let slot = self.admit(stream);
                        self.join_wave(slot);
                        // Who has been served may leave the slot to the next.
                        if self.wave.len() >= self.wave_size(budget) || !self.table.has_free_slot() {
                            budget = self.serve_wave(budget, handler);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.accepting.ready &= !(1 << which);
                        (self.accepting.has_run_out, self.accepting.is_full) = (false, false);
                        self.accepting.waits_since = NEVER;
                        self.accepting.failures = 0;
                    }
                    // Who has been served may leave what is lacking to the next.
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

    /// Before the listeners are closed: accepts those whose handshakes are finished, for the kernel would
    /// reset them. Of each listener no more than its queue holds, or clients that come as fast as they are
    /// accepted would be owed the same.
    pub(super) fn accept_last(&mut self) {
        for which in 0..self.accepting.listeners.len() {
            // There is no later time to wait for.
            self.end_pause();
            // Linux queues one more than it was asked to.
            let mut owed = u64::from(self.shared.config.backlog) + 1;
            while owed > 0 && self.table.has_free_slot() && self.accepting.retry_at.is_none() {
                let Some(listening) = &mut self.accepting.listeners[which] else { break };
                match self.net.accept(&mut listening.listener) {
                    Ok(stream) => {
                        owed -= 1;
                        self.accepting.failures = 0;
                        self.admit(stream);
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

    /// A new connection gets a slot, and is ready: perhaps its request has come with it.
    pub(super) fn admit(&mut self, stream: N::Stream) -> Slot {
        assert!(self.free_a_slot(), "nothing is accepted without a slot for it");
        let slot = self.table.insert(stream);
        self.shared.stats.accepted += 1;
        self.table.arm(slot, State::Idle, self.now());
        self.table.queue(slot);
        slot
    }

    /// Whether there is a slot for one more connection.
    pub(super) fn may_accept(&self) -> bool {
        self.shared.phase == Phase::Running && self.accepting.retry_at.is_none() && self.can_have_slot()
    }

    /// Whether a slot is free, or can be made free.
    pub(super) fn can_have_slot(&self) -> bool {
        self.table.has_free_slot() || self.victim().is_some()
    }

    /// When accepting goes on without an event, while clients wait: something may be there again that had run out.
    pub(super) fn next_accept(&self) -> u64 {
        self.accepting.retry_at.filter(|_| self.accepting.is_ready()).unwrap_or(NEVER)
    }

    /// What has run out may be there again.
    pub(super) fn end_pause(&mut self) {
        (self.accepting.retry_at, self.accepting.failures) = (None, 0);
    }

    /// Some errors of accept are one connection's; for the others something has run out that only
    /// time or the end of a connection brings back.
    ///
    /// An error of one connection that comes again and again, with no connection in between, is not of one
    /// connection; nor is there a signal that interrupts every call.
    fn note_accept_error(&mut self, error: &io::Error) {
        const MANY: u32 = 64;
        self.accepting.failures += 1;
        let (is_of_one, is_many) = (net::is_of_one_connection(error), self.accepting.failures >= MANY);
        self.shared.stats.accept_errors += u64::from(is_of_one);
        if (is_of_one || error.kind() == ErrorKind::Interrupted) && !is_many {
            return;
        }
        self.accepting.retry_at = Some(self.now().saturating_add(nanoseconds(RETRY)));
        if !std::mem::replace(&mut self.accepting.has_run_out, true) {
            self.shared.stats.accept_pauses += 1;
            error!("accepting pauses with {} connections open: {error}", self.table.len());
        }
    }

    fn note_full(&mut self) {
        let is_full =
            self.shared.phase == Phase::Running && self.accepting.is_ready() && !self.can_have_slot();
        if is_full {
            self.accepting.waits_since = self.accepting.waits_since.min(self.now());
        }
        if is_full && !std::mem::replace(&mut self.accepting.is_full, true) {
            self.shared.stats.full += 1;
            warn!("all {} connections are in use: new ones wait", self.table.len());
        }
    }
}
