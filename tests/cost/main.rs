//! What the server costs, counted: allocations, system calls, memory, instructions.
//!
//! Each is a number that comes out the same on a busy machine as on an idle one. What is measured
//! in time is left to the benches.

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod streams;
#[cfg(all(unix, feature = "uds"))]
mod passing;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod lockstep;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod calls;
#[cfg(all(target_os = "linux", feature = "cli"))]
mod steering;
// The layout of a slot and what the compiler makes of the code are those of a release.
#[cfg(all(target_os = "linux", target_pointer_width = "64", feature = "cli", not(debug_assertions)))]
mod memory;
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "cli", not(debug_assertions)))]
mod instructions;
