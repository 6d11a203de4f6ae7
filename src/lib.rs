//! A single-threaded HTTP/1.1 server for mio that lives in *your* readiness loop.
//!
//! No thread, no async runtime, no second poller. A hand-written reactor keeps every connection in
//! one slab, moves it through explicit states for reading, writing and closing, and allocates
//! nothing between accept and response.
//!
//! # The shortest server
//!
//! ```no_run
//! use fourway::{Config, Reactor, handler_fn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut reactor = Reactor::new(Config::default())?;
//! reactor.listen("127.0.0.1:8080".parse()?)?;
//! reactor.run(&mut handler_fn(|_request, responder| responder.send(200, "text/plain", b"hello")))?;
//! # Ok(()) }
//! ```
//!
//! # In a loop that exists already
//!
//! The host gives each event to [`Server::handle_event`], which only takes a note of it. Then it
//! calls [`Server::process`] once, which does all the work, within a [`Budget`]. And it waits no
//! longer than [`Server::next_timeout`] says. That is the whole contract:
//!
//! ```no_run
//! use std::io::ErrorKind;
//! use std::time::{Duration, Instant};
//! use fourway::{Config, Handler, Reply, Request, Responder, Server, TokenRange, earliest};
//! use fourway::mio::{Events, Interest, Poll, Token, net::UdpSocket};
//!
//! /// What the program is about; the server's handler is a view of it.
//! struct World { datagrams: u64 }
//!
//! impl Handler for World {
//!     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
//!         match (request.method(), request.path()) {
//!             ("GET" | "HEAD", "/metrics") => responder.body_with(200, "text/plain", |body| {
//!                 use std::fmt::Write;
//!                 let _ = writeln!(body, "datagrams_total {}", self.datagrams);
//!             }),
//!             _ => responder.send(404, "text/plain", b"try /metrics"),
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const UDP: Token = Token(0);
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(256);
//! let mut udp = UdpSocket::bind("127.0.0.1:9000".parse()?)?;
//! poll.registry().register(&mut udp, UDP, Interest::READABLE)?;
//!
//! let mut world = World { datagrams: 0 };
//! let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
//! server.listen("127.0.0.1:8080".parse()?)?;
//!
//! loop {
//!     let tick = Some(Duration::from_millis(10));
//!     let timeout = earliest(tick, server.next_timeout(Instant::now()));
//!     if let Err(error) = poll.poll(&mut events, timeout) {
//!         if error.kind() == ErrorKind::Interrupted { continue }
//!         return Err(error.into());
//!     }
//!     for event in &events {
//!         if server.handle_event(event) { continue }
//!         let mut datagram = [0; 1500];
//!         while udp.recv(&mut datagram).is_ok() { world.datagrams += 1 }
//!     }
//!     server.process(Instant::now(), &mut world);
//! }
//! # }
//! ```
//!
//! A host that forgets something is told, or cannot: a forgotten answer does not compile
//! ([`Reply`]), an ignored timeout is a warning of the compiler and a number in
//! [`Stats::max_lateness`], two servers have token ranges that never touch
//! ([`TokenRange::nth`]), and extra calls of anything are harmless.
//!
//! # Closing
//!
//! Who closes a TCP connection first keeps it in TIME_WAIT, and who closes it with unread input
//! takes from the other what that has not read yet. [`CloseMode`] lets you choose who closes
//! first and how; every mode but `rst` and `drop` makes sure that the last response arrives.
//!
//! # The laws
//!
//! What the source keeps to everywhere, in the order in which one meets it:
//!
//! 1. Believe the system call, not the event. Readiness is a hint; a half-closed client still
//!    gets its whole answer.
//! 2. A direction stays ready until its call says `WouldBlock`. One exception: where the poller
//!    raises an edge for every arrival, a read that did not fill its buffer has emptied the
//!    socket, unless the event hinted at the end of input or at urgent data.
//! 3. Events mark, `process` acts: no slot is freed while a batch of events is looked at.
//! 4. One driver, one function per state, and the transition is a return value.
//! 5. States say what is waited for; nothing beside the state repeats it.
//! 6. All memory is reserved at the start. When something is full, wait or evict.
//! 7. An idle connection owns a slot and a socket, and no buffer.
//! 8. A socket enters the poller only when it first has to wait.
//! 9. An error stops at the smallest thing it ruined: a request, a connection, an accept.
//! 10. Time is an argument.
//! 11. Protocol code sees bytes, never sockets, and *not yet* is a value.
//! 12. No unsafe code.
//!
//! # Reading the source
//!
//! In this order it takes an evening: `server` (what a host calls), `core` (one turn of work, with
//! `accepting` and `visiting`), `connection` (the states; the heart), `socket` (readiness), `table`
//! (the slab and the queues through it), `tokens`, `exchange` (a request in flight) and `pool` (how
//! its memory is lent), `http` (bytes in, bytes out), `handler`, `body` and `deferred` (the host's side), `net` and `mio_net` (mio
//! below), `clock`, `config`, `stats`, `reactor`.

#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations)]

mod server;
mod core;
mod connection;
mod visit;
mod socket;
mod table;
mod tokens;
mod exchange;
mod pool;
mod http;
mod handler;
mod body;
mod deferred;
mod net;
mod mio_net;
mod clock;
mod config;
mod stats;
mod reactor;
#[cfg(test)]
mod simulation;

pub use crate::body::Body;
pub use crate::config::{AtCapacity, Budget, CloseMode, Config, Limits, Timeouts};
pub use crate::core::Progress;
pub use crate::deferred::{Gone, GoneReason, RequestId};
pub use crate::handler::{BodyWriter, Handler, HandlerFn, Reply, Responder, ResponseHead, handler_fn};
pub use crate::http::request::Request;
pub use crate::mio_net::{Listener, Stream};
pub use crate::net::{Readiness, Refused};
pub use crate::reactor::Reactor;
pub use crate::server::{ListenerId, Server, SetupError, earliest};
pub use crate::stats::{Phase, Reason, Stats};
pub use crate::tokens::TokenRange;
pub use mio;
