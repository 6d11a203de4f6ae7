//! The panics of the simulated handler.

/// The payload of a handler's panic, which distinguishes it from a test's. Nothing is printed.
pub(crate) struct HandlerPanic;
