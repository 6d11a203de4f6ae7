//! The rows of the table that this thread has seen taken.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{CHANGES, ENDS, HANDED_OVER_FROM};

thread_local! {
    static SEEN: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
}

pub(super) fn note(row: usize) {
    SEEN.with_borrow_mut(|seen| seen.insert(row));
}

/// Returns the rows that the stories of this thread have not taken.
pub(crate) fn rows_left() -> Vec<String> {
    let ends = ENDS.iter().map(|(from, _)| format!("{from:?} -> gone"));
    let rows = CHANGES.iter().map(|row| format!("{:?} -> {:?}", row.from, row.to)).chain(ends);
    let rows = rows.chain([format!("{HANDED_OVER_FROM:?} -> host")]);
    SEEN.with_borrow(|seen| {
        rows.enumerate().filter(|(at, _)| !seen.contains(at)).map(|(_, row)| row).collect()
    })
}
