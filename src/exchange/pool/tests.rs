//! What a record borrows and gives back.

use super::*;
use crate::exchange::OnSent;

fn pool() -> Pool {
    let mut config = Config::default();
    config.max_connections = 2;
    config.limits.head_bytes = 100;
    config.limits.body_bytes = 10_000;
    config.limits.out_bytes = 512;
    config.buffers.bodies = 1;
    Pool::new(&config)
}

#[test]
fn a_run_that_leaves_nothing_in_flight_keeps_nothing() {
    let mut pool = pool();
    let id = pool.spare();
    pool.open(id);
    assert!(!pool.settle(id, Slot::new(0), State::Idle, true));
    assert_eq!((pool.spares(), pool.lent(), pool.buffers_lent()), (3, 0, [0; 3]));
}

#[test]
fn a_returned_record_is_lent_first_with_its_buffers() {
    let mut pool = pool();
    let [first, second] = [(); 2].map(|()| {
        let id = pool.spare();
        pool.lend(id);
        id
    });
    assert_ne!(first, second);
    pool.give_back(first);
    assert_eq!((pool.spare(), pool.spares(), pool.buffers_lent()), (first, 2, [1, 1, 0]));
}

#[test]
fn a_record_in_flight_takes_the_head_of_a_spare_record() {
    let mut pool = pool();
    let deferred = pool.spare();
    pool.lend(deferred);
    pool.open(deferred).out.append(crate::body::Body::Static(b"tail"));
    assert!(pool.settle(deferred, Slot::new(0), State::Sending, true));
    assert_eq!(pool.borrowed(deferred), [false; 3]);
    // If none were in flight, three records would be equipped.
    let others = [(); 2].map(|()| {
        let id = pool.spare();
        pool.lend(id);
        id
    });
    for id in others {
        pool.give_back(id);
    }
    pool.heads.lend();
    pool.outs.lend();
    pool.open(deferred);
    assert_eq!((pool.borrowed(deferred), pool.equipped.len()), ([true, true, false], 1));
}

#[test]
fn a_record_keeps_only_the_buffers_that_it_needs() {
    let mut pool = pool();
    let id = pool.spare();
    pool.lend(id);
    let mut exchange = pool.open(id);
    exchange.space()[..3].copy_from_slice(b"GET");
    exchange.input.filled(3);
    exchange.out.commit(5);
    assert!(pool.settle(id, Slot::new(0), State::Sending, true));
    assert_eq!(pool.borrowed(id), [true, true, false]);
    pool.open(id).out.clear();
    assert!(pool.settle(id, Slot::new(0), State::Head, true));
    assert_eq!(pool.borrowed(id), [true, false, false]);
    assert_eq!(pool.heads.oldest(State::Head).collect::<Vec<_>>(), [Slot::new(0)]);
    pool.give_back(id);
    assert_eq!((pool.spares(), pool.buffers_lent()), (3, [0; 3]));
}

#[test]
fn the_spare_record_is_empty_whatever_the_last_run_left_in_it() {
    let mut pool = pool();
    let id = pool.spare();
    pool.open(id).input.filled(7);
    pool.open(id).in_flight.on_sent = OnSent::Drop;
    let id = pool.spare();
    assert_eq!(pool.open(id).in_flight.on_sent, OnSent::KeepAlive);
    assert!(!pool.settle(id, Slot::new(0), State::Idle, true), "nothing is in flight");
}
