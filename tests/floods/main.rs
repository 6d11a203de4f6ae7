//! Floods: hundreds of clients a second take slots and buffers and keep them. Honest clients are served all the
//! same.
//!
//! 20 uploads and 20 downloads are under way when a flood begins, and all of them end whole. During the flood
//! new clients arrive, each with one request, and each of them is answered within a second. The test prints
//! the median and the 99th percentile. On a quiet machine the latter is below 50 ms in an optimised build.
//!
//! The server is on a thread of its own, and so are the flood and the transfers. The clock sets the pace of
//! all three.
//!
//! In reading order: `site.rs` (the server), `flood.rs`, `transfers.rs` and `newcomers.rs` (the clients),
//! `scene.rs` (all of them together), and the floods: `slots.rs`, `buffers.rs`.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod site;
mod flood;
mod transfers;
mod newcomers;
mod scene;
mod slots;
mod buffers;
