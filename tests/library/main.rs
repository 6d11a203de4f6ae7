//! The library on real sockets: servers and clients in this process, and proxies in front of some.
//!
//! These tests share a process, so each has its own server, and none of them counts what belongs to the process. Those that
//! do are in `tests/alone`.

#[path = "../common/mod.rs"]
mod common;
#[path = "../malformed/mod.rs"]
mod malformed;

mod cited;
mod tour;
mod translations;
mod layers;
mod states;
mod forwarding;
// What clients send.
mod bad_input;
mod conformance;
mod smuggling;
#[cfg(unix)]
mod behind_proxies;
// What they get.
mod clients;
mod bodies;
mod own_headers;
mod decoding;
mod streams;
mod closing;
mod lost_answers;
mod names;
// What a host does.
mod settings;
mod embedding;
mod mistakes;
mod lifecycle;
mod deferred;
mod figures;
mod intake;
mod take_over;
mod storms;
