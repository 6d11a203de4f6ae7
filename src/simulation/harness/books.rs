//! The server's books: what always holds of them between turns, and when nothing moves any more.

use std::collections::HashMap;
use std::time::Duration;

use super::figures::{check_sums, gauges};
use super::sim::{Queued, Sim};
use crate::engine::Progress;
use crate::state::State;

impl Sim {
    /// Checks that the server's books agree with each other and with the wire between turns.
    pub(super) fn check_books(&self, progress: Progress) {
        let (table, pool) = self.engine.internals();
        assert_eq!(self.engine.capacities(), self.capacities, "nothing grows");
        let stats = self.engine.stats();
        assert_eq!(table.len() as u64, stats.accepted - stats.closed);
        check_sums(&stats);
        assert_eq!(table.len(), self.world().open - self.site.taken.len(), "slots and sockets");
        for (_, connection) in table.iter() {
            let socket = &self.world().sockets[connection.socket.stream().id];
            let is_held_back = socket.held_back > 0 && socket.ending.is_none();
            assert!(!is_held_back, "the FIN that was promised was not sent");
        }
        let listed: usize = State::WAITING.into_iter().map(|list| table.waiting_len(list)).sum();
        assert_eq!(table.len(), listed, "each connection is in one list");
        assert_eq!(gauges(&stats).iter().sum::<usize>(), stats.open, "each connection is in one gauge");
        for list in State::WAITING {
            let states = table.iter().filter(|(_, c)| c.state.waits_as() == list).count();
            assert_eq!(states, table.waiting_len(list), "connections in {list:?}");
        }
        assert_eq!(table.iter().filter(|&(slot, _)| table.is_ready(slot)).count(), table.ready_len());
        self.check_exchanges();
        self.check_descriptors();
        self.check_kept();
        self.check_names();
        assert!(pool.spares() > 0, "the driver has an exchange to work in");
        assert!(progress.accepted == 0 || !self.engine.has_paused(), "nobody is accepted during a pause");
        self.check_timeout(progress);
    }

    /// Each exchange that is lent belongs to one connection, and has borrowed what its state needs.
    fn check_exchanges(&self) {
        let (table, pool) = self.engine.internals();
        let mut kept: Vec<_> = table.iter().filter_map(|(_, connection)| connection.exchange).collect();
        assert_eq!(kept.len(), pool.lent(), "exchanges kept and lent");
        kept.sort_unstable();
        kept.dedup();
        assert_eq!(kept.len(), pool.lent(), "each is lent once");
        let mut borrowed = [0; 3];
        for (slot, connection) in table.iter() {
            let needs_one = !matches!(connection.state, State::Idle | State::Closing);
            assert_eq!(connection.exchange.is_some(), needs_one, "slot {slot}: {:?}", connection.state);
            if let Some(exchange) = connection.exchange {
                let [head, out, body] = pool.borrowed(exchange);
                let is_right = match connection.state {
                    State::Head | State::AwaitingBuffer => head && !out && !body,
                    State::Body => head != body && !out,
                    State::Holding => head && !out && !body,
                    // What is answered is settled in its turn.
                    State::Deferred => {
                        let is_kept = pool.kept(exchange).is_some();
                        table.is_ready(slot) || (!out && (!body || is_kept))
                    }
                    State::Streaming => !body && (!out || table.is_ready(slot)),
                    State::Idle | State::Received | State::Sending | State::Closing => !(head && body),
                };
                let is_frugal = table.is_ready(slot) || pool.is_frugal(exchange);
                assert!(is_frugal, "slot {slot} keeps what it does not need in {:?}", connection.state);
                assert!(is_right, "slot {slot} has borrowed {head}, {out}, {body} in {:?}", connection.state);
                for (sum, one) in borrowed.iter_mut().zip([head, out, body]) {
                    *sum += usize::from(one);
                }
            }
        }
        assert_eq!(borrowed, pool.buffers_lent(), "heads, outs and bodies");
        let waits_in_vain = table.waiting_len(State::AwaitingBuffer) > 0 && pool.bodies.buffers.has_spare();
        assert!(!waits_in_vain, "a body waits although a buffer is spare");
    }

    /// The timeout is zero exactly while there is work.
    fn check_timeout(&self, progress: Progress) {
        let (table, _) = self.engine.internals();
        let is_zero = self.timeout() == Some(Duration::ZERO);
        let next = table.next_deadline().min(self.engine.next_slow_body());
        let is_due = u128::from(next) <= self.elapsed.as_nanos();
        assert_eq!(
            is_zero,
            progress.more || is_due,
            "a timeout of zero is work left: {progress:?} {next} {:?}",
            self.timeout()
        );
        assert!(progress.more || table.ready_len() == 0);
        // It may try once more after the wave, whose last member could have freed something.
        let waits_for_more = self.world().run_out > 1 && table.ready_len() == 0 && !is_due;
        assert!(!(is_zero && waits_for_more), "it tries again and again to get what has run out");
    }

    /// Checks that each turn serves a connection of the ready queue, or brings it at least one place forward. So a
    /// connection waits for at most one turn for each connection before it.
    pub(super) fn check_queue(&mut self) {
        let (table, _) = self.engine.internals();
        let world = self.wire.borrow();
        let mut queue = HashMap::new();
        let ready = std::iter::successors(table.first_ready(), |&slot| table.ready_behind(slot));
        for (place, slot) in ready.enumerate() {
            let id = table[slot].socket.stream().id;
            let (calls, state) = (world.sockets[id].calls.len(), table[slot].state);
            let is_untouched = |before: &&Queued| before.calls == calls && before.state == state;
            if let Some(before) = self.queue.get(&id).filter(is_untouched) {
                assert!(place < before.place, "slot {slot} is passed over, at place {place} of the queue");
            }
            queue.insert(id, Queued { place, calls, state });
        }
        self.queue = queue;
    }

    /// Checks, when nothing moves, that what each connection waits for is not there. So no edge was lost.
    pub(super) fn check_rest(&self) {
        let (table, pool) = self.engine.internals();
        let world = self.world();
        for (slot, connection) in table.iter() {
            let socket = &world.sockets[connection.socket.stream().id];
            let is_left = socket.client_fin && !self.engine.config().half_close;
            let forgotten = match connection.state {
                State::Received => true,
                State::Idle | State::Head | State::Body | State::Closing => socket.has_input(),
                State::Sending => socket.has_room(),
                State::AwaitingBuffer => socket.has_untold_error(),
                State::Deferred => {
                    let exchange = connection.exchange.expect("it waits with an exchange");
                    is_left || socket.has_untold_error() || pool.awaited(exchange).is_none()
                }
                State::Streaming | State::Holding => {
                    let exchange = connection.exchange.expect("it waits with an exchange");
                    let is_resumed = self.site.resumed.iter().any(|id| id.slot() == slot.index());
                    let is_left = is_left && connection.state == State::Streaming;
                    is_left || socket.has_untold_error() || !pool.is_paused(exchange) || is_resumed
                }
            };
            let (state, calls) = (connection.state, &socket.calls);
            assert!(!forgotten, "slot {slot} sleeps in {state:?} although it need not wait: {calls:?}");
            assert!(u128::from(table.deadline(slot)) > self.elapsed.as_nanos(), "slot {slot} is overdue");
        }
    }
}
