//! How much of the heads is looked at.

/// Counts work in tests, which have to see that it does not grow faster than the head.
#[cfg(not(test))]
pub(crate) fn looked_at(_bytes: usize) {}

#[cfg(test)]
pub(crate) use counter::{LOOKED_AT, looked_at};
#[cfg(test)]
mod counter {
    use std::cell::Cell;

    thread_local! {
        /// Bytes of heads that were looked at, however often.
        pub(crate) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn looked_at(bytes: usize) {
        LOOKED_AT.set(LOOKED_AT.get() + bytes);
    }
}
