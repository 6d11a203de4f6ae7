//! The program and the examples, as child processes.

#[path = "../common/mod.rs"]
mod common;

mod examples;
#[cfg(all(unix, feature = "cli"))]
mod cli;
#[cfg(all(unix, feature = "cli"))]
mod clients;
#[cfg(all(unix, feature = "cli"))]
mod restart;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod crowd;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod hostile;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod faults;
