//! The rows of the table that this thread has taken, by their numbers.

use std::cell::Cell;

thread_local! {
    static SEEN: Cell<u128> = const { Cell::new(0) };
}

pub(super) fn note(row: usize) {
    SEEN.set(SEEN.get() | 1 << row);
}

pub(crate) fn has(row: usize) -> bool {
    SEEN.get() & 1 << row != 0
}
