//! The engine over a network that a test scripts: no socket, no sleep, no clock.
//!
//! The engine is generic over [`Net`](crate::net::Net), and time is an argument. So a test can be the kernel, the
//! clients, the host's loop and the clock at once, in one thread, and every run of it is the same.
//!
//! [`harness`] has these parts:
//!
//! - [`kernel`](harness::kernel) has the sockets ([`socket`](harness::socket)), a backlog and a ready list. The server
//!   reaches it through [`net`](harness::net), and the test through [`client`](harness::client). It is *edge-triggered*
//!   like epoll: an arrival puts a watched socket on the ready list, and a poll takes it from there and reports what is
//!   true *then*. It does not report again what the server leaves unread. It logs every simulated system call, so a
//!   test can count them.
//! - [`sim`](harness::sim) is the host. A [`Sim`](harness::sim::Sim) delivers edges, calls `process` and owns the time.
//! - [`books`](harness::books) compares the server's books with each other and with the wire, after every turn. Once
//!   nothing moves, it checks for every connection that what it waits for is really not there. So any test finds a *lost
//!   edge*, whatever its subject.
//! - [`client`](harness::client) is a client, with verbs that make a test read as a sentence.
//! - [`handler`](harness::handler) serves the clients.
//!
//! The other files are the tests, by subject. Two of them take anything: [`random`] makes up its own story from a seed,
//! and [`any_split`] sends any bytes in any pieces. `tests/mutants.sh` builds bugs in, to test that the stories find
//! them. A fuzzer calls both tests too, through [`story`] and [`request`], and [`corpus`] repeats the inputs that it
//! found worth keeping.

// A fuzzer needs none of the tests.
#![cfg_attr(not(test), allow(dead_code, unused_imports))]

mod harness;

mod accept_errors;
mod any_split;
mod bodies;
mod cancel;
mod capacity;
mod client_closes;
mod clocks;
mod closing;
mod control;
mod corpus;
mod deadlines;
mod deferred;
mod deferred_gone;
mod delivery;
mod descriptors;
mod discard;
mod drain;
mod drain_accepts;
mod exchanges;
mod faults;
mod figures;
mod floods;
mod half_close;
mod hand_over;
mod host_closes;
mod host_closes_responses;
mod intake;
mod intake_end;
mod kept;
mod kept_buffers;
mod late_host;
mod malformed;
mod names;
mod overdue;
mod panics;
mod pausing;
mod pipelining;
mod pressure;
mod random;
mod readiness;
mod ready_floods;
#[cfg(test)]
mod recorded;
mod refuse;
mod streams;
mod streams_end;
mod streams_server;
mod take_in;
mod take_in_end;
mod take_over;
#[cfg(test)]
mod transitions;
mod waves;

/// Plays a story that bytes decide. It panics if something is wrong with the server.
pub fn story(bytes: &[u8]) {
    random::tell_by(bytes);
}

/// Plays one client that sends these bytes. It panics if something is wrong with the server.
pub fn request(bytes: &[u8]) {
    any_split::check(bytes);
}
