//! How many bytes of heads are examined.

/// Counts examined bytes in the simulation and in tests, which check that the work does not grow faster than the head.
#[cfg(not(any(test, fuzzing)))]
pub(crate) fn looked_at(_bytes: usize) {}

#[cfg(any(test, fuzzing))]
pub(crate) use counter::{LOOKED_AT, looked_at};
#[cfg(any(test, fuzzing))]
mod counter {
    use std::cell::Cell;

    thread_local! {
        /// Bytes of heads that were examined. A byte counts each time.
        pub(crate) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn looked_at(bytes: usize) {
        LOOKED_AT.set(LOOKED_AT.get() + bytes);
    }
}
