//! Clients do not lose answers, and they see the end of their connections.
//!
//! An answer that the server has sent can still get lost: a close beside unread input is a reset, and the kernel then
//! throws away the bytes that it has held back. Each test here makes that as likely as it can be. The client may see a
//! reset after its whole answer if it broke its promise to send no more.

// Only Linux is known to keep an answer for a client that a reset reaches afterwards.
#[cfg(target_os = "linux")]
mod drain;
#[cfg(target_os = "linux")]
mod more_follows;
#[cfg(target_os = "linux")]
mod small_windows;
mod second_handle;
mod uploads;

use crate::common::PATIENCE;
use fourway::{CloseMode, Config};

/// The close modes in which the server promises that the last answer arrives.
const MODES: [CloseMode; 2] = [CloseMode::Fin, CloseMode::Peer];

/// No timeout hides a mistake: the server waits longer for a client's FIN than any test does.
fn config(close: CloseMode) -> Config {
    let mut config = Config::default();
    config.close = close;
    config.timeouts.linger = PATIENCE;
    // The tests make many servers, each for few clients.
    config.exchanges = 16;
    config
}
