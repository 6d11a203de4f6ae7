//! The engine over a network that a test scripts: no socket, no sleep, no clock.
//!
//! The engine is generic over [`Net`](crate::net::Net), and time is an argument. So a test can be
//! the kernel, the clients, the host's loop and the clock at once, in one thread, and every run of
//! it is the same.
//!
//! Four parts stand in [`harness`]:
//!
//! - [`kernel`](harness::kernel) is just that: sockets ([`socket`](harness::socket)), a backlog and a ready list, between [`net`](harness::net) on the server's
//!   side and [`client`](harness::client) on the other. It is *edge-triggered* like epoll. An arrival puts a
//!   watched socket on a ready list; a poll takes it from there and reports what is true of it
//!   *then*; what the server leaves unread is not reported again. It logs every simulated system
//!   call, so that a test can count them.
//! - [`sim`](harness::sim) is the host: a [`Sim`](harness::sim::Sim) delivers edges, calls `process`, owns the time, and
//!   after every turn compares the server's books with each other and with the wire. Once nothing
//!   moves, it asks of every connection that what it waits for is really not there: a *lost edge*
//!   shows in any test, whatever that test is about.
//! - [`client`](harness::client) is a client, with verbs that make a test read as a sentence; [`handler`](harness::handler) is what it is
//!   served.
//!
//! The other files are the tests, by subject. Two of them take anything: [`random`] makes up its own story from a
//! seed, and [`any_split`] sends any bytes in any pieces. That the stories find bugs is tested by building bugs in:
//! `tests/mutants.sh`. A fuzzer calls them too, through [`story`] and [`request`], and what it found worth keeping is
//! told again by [`corpus`].

// A fuzzer needs none of the tests.
#![cfg_attr(not(test), allow(dead_code, unused_imports))]

mod harness;

mod accept_errors;
mod any_split;
mod bodies;
mod capacity;
mod client_closes;
mod clocks;
mod closing;
mod corpus;
mod deadlines;
mod deferred;
mod deferred_gone;
mod delivery;
mod drain;
mod drain_accepts;
mod exchanges;
mod faults;
mod floods;
mod hand_over;
mod late_host;
mod malformed;
mod panics;
mod pipelining;
mod pressure;
mod random;
mod readiness;
mod ready_floods;
mod waves;

/// A story that bytes decide; it panics if something is wrong with the server.
pub fn story(bytes: &[u8]) {
    random::tell_by(bytes);
}

/// One client that sends these bytes; it panics if something is wrong with the server.
pub fn request(bytes: &[u8]) {
    any_split::check(bytes);
}
