//! The rows of the table that this thread has taken, by their numbers.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static SEEN: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
}

pub(super) fn note(row: usize) {
    SEEN.with_borrow_mut(|seen| seen.insert(row));
}

pub(crate) fn has(row: usize) -> bool {
    SEEN.with_borrow(|seen| seen.contains(&row))
}
