//! What a trace says about the engine: events, turns, the ready queue and the deadline lists.
//!
//! All of these are called only while something is traced. So the engine itself has a single check for each group of
//! them.

use std::panic::Location;

use log::kv::Value;

use super::{Engine, Progress};
use crate::clock::FOR_EVER;
use crate::connection::Connection;
use crate::connection::driver::Outcome;
use crate::exchange::ExchangeId;
use crate::net::{Net, Readiness};
use crate::slot::Slot;
use crate::state::State;
use crate::stats::Reason;
use crate::trace::{self, ACCEPTS, DEADLINES, Place, QUEUE, READINESS, STATES, TURNS};

impl<N: Net> Engine<N> {
    /// Traces an event of a connection, before it is queued.
    #[cold]
    #[track_caller]
    pub(super) fn trace_event(&self, slot: Slot, hint: Readiness) {
        let fields = [
            ("kind", "readiness".into()),
            ("slot", slot.index().into()),
            ("hint", Value::from_display(&hint)),
        ];
        trace::step(READINESS, Location::caller(), &fields, format_args!("slot {slot}: {hint}"));
        self.trace_queued(slot);
    }

    /// Traces that a connection is about to be queued, unless it is in the queue.
    #[cold]
    #[track_caller]
    pub(super) fn trace_queued(&self, slot: Slot) {
        if !self.table.is_ready(slot) {
            trace_queue("queued", slot, self.table.ready_len() + 1, Location::caller());
        }
    }

    /// Traces that a connection has left the queue.
    #[cold]
    #[track_caller]
    pub(super) fn trace_dequeued(&self, slot: Slot) {
        trace_queue("dequeued", slot, self.table.ready_len(), Location::caller());
    }

    /// Traces a connection that has got this slot, and that is about to wait in `Idle` and to be queued.
    #[cold]
    #[track_caller]
    pub(super) fn trace_admitted(&self, slot: Slot, listener: Option<usize>) {
        let (at, number) = (Location::caller(), self.shared.stats.accepted);
        let listener = listener.map_or(Value::null(), Value::from);
        let fields = [
            ("kind", "accepted".into()),
            ("slot", slot.index().into()),
            ("connection", number.into()),
            ("listener", listener),
        ];
        trace::step(ACCEPTS, at, &fields, format_args!("slot {slot}: connection {number}"));
        self.trace_armed(slot, State::Idle, at);
        self.trace_queued(slot);
    }

    /// Traces what a run of the driver has left: the buffers that the connection keeps, and its deadline unless it has
    /// ended.
    #[cold]
    #[track_caller]
    pub(super) fn trace_settled(
        &mut self,
        slot: Slot,
        id: ExchangeId,
        listed: State,
        rearm: bool,
        end: Outcome,
    ) {
        let (at, Connection { state, exchange, .. }) = (Location::caller(), &self.table[slot]);
        let (list, is_kept) = (*state, exchange.is_some());
        self.pool.trace_kept(id, slot, is_kept, at);
        if matches!(end, Outcome::Closed(_)) {
            return;
        }
        if listed != list {
            trace_deadline("cancelled", slot, listed, at);
        }
        if rearm || listed != list {
            self.trace_armed(slot, list, at);
        }
    }

    /// Traces that a connection is about to leave the queue, and its deadline list.
    #[cold]
    #[track_caller]
    pub(super) fn trace_leaving(&self, slot: Slot, listed: State) {
        let at = Location::caller();
        if self.table.is_ready(slot) {
            trace_queue("dequeued", slot, self.table.ready_len() - 1, at);
        }
        trace_deadline("cancelled", slot, listed, at);
    }

    /// Traces the end of a connection that has had this exchange.
    #[cold]
    pub(super) fn trace_end(&mut self, slot: Slot, end: End, at: Place) {
        let End { exchange, state, reason, peer_first } = end;
        if let Some(id) = exchange {
            self.pool.trace_kept(id, slot, false, at);
        }
        let fields = [
            ("kind", "closed".into()),
            ("slot", slot.index().into()),
            ("from", Value::from_debug(&state)),
            ("reason", Value::from_debug(&reason)),
            ("why", reason.as_str().into()),
            ("peer_first", peer_first.into()),
        ];
        match reason {
            Reason::TakenOver => {
                trace::step(STATES, at, &fields, format_args!("slot {slot}: {state:?} -> the host"));
            }
            _ => {
                let why = reason.as_str();
                trace::step(STATES, at, &fields, format_args!("slot {slot}: {state:?} -> gone ({why})"));
            }
        }
    }

    #[cold]
    #[track_caller]
    pub(super) fn trace_fired(&self, slot: Slot, list: State) {
        let late_us = (self.now() - self.table.deadline(slot)) / 1_000;
        let fields = [
            ("kind", "fired".into()),
            ("slot", slot.index().into()),
            ("list", Value::from_debug(&list)),
            ("late_us", late_us.into()),
        ];
        trace::step(DEADLINES, Location::caller(), &fields, format_args!("slot {slot}: {list:?} fired"));
    }

    #[cold]
    #[track_caller]
    pub(super) fn trace_begin(&self) {
        let ready = self.table.ready_len();
        let fields = [("kind", "turn".into()), ("step", "begins".into()), ("ready", ready.into())];
        trace::step(TURNS, Location::caller(), &fields, format_args!("begins: {ready} ready"));
    }

    #[cold]
    #[track_caller]
    pub(super) fn trace_turned(&self, progress: Progress) {
        let Progress { accepted, requests, closed, more } = progress;
        let next = if more { self.now() } else { self.next_due() };
        let timeout = (next < FOR_EVER).then(|| next.saturating_sub(self.now()).div_ceil(1_000_000));
        let fields = [
            ("kind", "turn".into()),
            ("step", "ends".into()),
            ("ready", self.table.ready_len().into()),
            ("accepted", accepted.into()),
            ("requests", requests.into()),
            ("closed", closed.into()),
            ("more", more.into()),
            ("timeout_ms", timeout.map_or(Value::null(), Value::from)),
        ];
        trace::step(
            TURNS,
            Location::caller(),
            &fields,
            format_args!("ends: {accepted} accepted, {requests} requests, {closed} closed, more: {more}"),
        );
    }

    fn trace_armed(&self, slot: Slot, list: State, at: Place) {
        let in_ms = self.shared.config.timeouts.of(list).as_millis() as u64;
        let fields = [
            ("kind", "armed".into()),
            ("slot", slot.index().into()),
            ("list", Value::from_debug(&list)),
            ("in_ms", in_ms.into()),
        ];
        trace::step(DEADLINES, at, &fields, format_args!("slot {slot}: {list:?} armed, {in_ms} ms"));
    }
}

/// The end of a connection, as it is traced.
pub(super) struct End {
    pub(super) exchange: Option<ExchangeId>,
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) peer_first: bool,
}

fn trace_deadline(kind: &'static str, slot: Slot, list: State, at: Place) {
    let fields = [("kind", kind.into()), ("slot", slot.index().into()), ("list", Value::from_debug(&list))];
    trace::step(DEADLINES, at, &fields, format_args!("slot {slot}: {list:?} {kind}"));
}

fn trace_queue(kind: &'static str, slot: Slot, ready: usize, at: Place) {
    let fields = [("kind", kind.into()), ("slot", slot.index().into()), ("ready", ready.into())];
    trace::step(QUEUE, at, &fields, format_args!("slot {slot}: {kind}, {ready} ready"));
}
