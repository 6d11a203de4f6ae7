//! Clients that mean harm, on real sockets: slow ones, greedy ones, those that vanish, and those that use
//! what TCP has and nobody expects.
//!
//! The server is in the test's own loop and so are its clients, none of which ever waits. So the order of
//! things is certain, turns can be counted, and time is what the test says. The tests take turns as well:
//! they count descriptors, and one of them needs thousands.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod raw;
mod starvation;
mod states;
mod leaving;
mod windows;
mod urgent;
#[cfg(feature = "cli")]
mod backlog;
#[cfg(feature = "cli")]
mod slowhttptest;

use std::fs;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use common::embed::Rig;

/// One test at a time; a test that failed is no reason for the others to fail.
fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The descriptors that are open, the one that counts them aside.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("our own descriptors").count() - 1
}

fn expect_descriptors(expected: usize) {
    // A thread of the test harness may be opening one for a moment.
    common::wait_until(&format!("{expected} descriptors are left"), || descriptors() == expected);
}

/// The host sleeps as long as the server says, and no longer, until the connection has ended; how often.
fn sleep_through(rig: &mut Rig) -> u32 {
    let (mut now, mut wake_ups) = (Instant::now(), 0);
    while rig.server.stats().open > 0 {
        now += rig.server.next_timeout(now).expect("every state has its deadline");
        assert_eq!(rig.host.gather(&mut rig.server, Duration::ZERO), []);
        rig.server.process(now, &mut rig.world);
        wake_ups += 1;
        assert!(wake_ups <= 10, "it does not end: {:?}", rig.server);
    }
    wake_ups
}
