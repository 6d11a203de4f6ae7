//! Tests with a process of their own: they count its descriptors, or read the kernel's table of connections again and
//! again, which takes long while other tests fill it. They take turns.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod leave_no_trace;
mod take_over;
mod time_wait;
mod hostile;
