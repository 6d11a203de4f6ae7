//! The program and the examples, as child processes.

#[path = "../common/mod.rs"]
mod common;

// Tests run in the order of their names, so the name that comes first is that of the longest.
#[cfg(all(target_os = "linux", feature = "cli"))]
mod attacks;
mod examples;
mod steps;
#[cfg(all(unix, feature = "cli"))]
mod cli;
#[cfg(all(unix, feature = "cli"))]
mod clients;
#[cfg(all(unix, feature = "cli"))]
mod restart;
#[cfg(all(unix, feature = "cli"))]
mod steering;
#[cfg(all(unix, feature = "cli"))]
mod status;
#[cfg(all(unix, feature = "cli"))]
mod trace;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod player;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod crowd;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod essay;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod faults;
#[cfg(all(unix, feature = "cli"))]
mod lab;
