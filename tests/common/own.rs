//! What a test process knows of itself. Tests that count its descriptors take turns.

use std::fs;
use std::sync::{Mutex, MutexGuard};

/// One test at a time; a test that failed is no reason for the others to fail.
pub fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The descriptors that are open, the one that counts them aside.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("our own descriptors").count() - 1
}

pub fn expect_descriptors(expected: usize) {
    // A thread of the test harness may be opening one for a moment.
    super::wait_until(&format!("{expected} descriptors are left"), || descriptors() == expected);
}
