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
//! # Requests and answers
//!
//! A [`Handler`] gets each [`Request`] whole, with its body, as slices of the bytes that arrived. It
//! answers through a [`Responder`], which is used up by answering; what it gives back is the
//! [`Reply`] that the handler has to return. So a forgotten answer does not compile.
//!
//! ```
//! use fourway::{Handler, Reply, Request, Responder};
//!
//! struct Counter { value: u64 }
//!
//! impl Handler for Counter {
//!     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
//!         match (request.method(), request.path()) {
//!             ("GET" | "HEAD", "/counter") => responder.body_with(200, "text/plain", |body| {
//!                 let _ = writeln!(body, "{}", self.value);
//!             }),
//!             ("PUT", "/counter") => {
//!                 let text = std::str::from_utf8(request.body()).ok();
//!                 match text.and_then(|text| text.trim().parse().ok()) {
//!                     Some(value) => self.value = value,
//!                     None => return responder.send(400, "text/plain", b"that is no number"),
//!                 }
//!                 responder.status(204).empty()
//!             }
//!             (_, "/counter") => responder.status(405).header("Allow", "GET, HEAD, PUT").empty(),
//!             _ => responder.send(404, "text/plain", b"try /counter"),
//!         }
//!     }
//! }
//! # let _ = Counter { value: 0 };
//! ```
//!
//! What is copied into a response is bounded by [`Limits::out_bytes`]. A [`Body`] that is static,
//! shared or repeated has any length and is not copied: a 10 GiB response costs no memory.
//!
//! # Answers that come later
//!
//! A handler that has to ask somebody else takes a [`RequestId`] by [`Responder::defer`] and
//! returns. The host answers with [`Server::respond`] when it knows, be it in a second or from what
//! another thread sent it through a channel; or it hears by [`Handler::gone`] that nobody waits any
//! more. The id is plain data: losing it costs nothing but a 503 after [`Timeouts::deferred`].
//!
//! # In a loop that exists already
//!
//! The host gives each event to [`Server::handle_event`], which only takes a note of it. Then it
//! calls [`Server::process`] once, which does all the work, within a [`Budget`]. And it waits no
//! longer than [`Server::next_timeout`] says. That is the whole contract, and extra calls of
//! anything are harmless.
//!
//! The host chooses which tokens are the server's ([`TokenRange`]), so that several servers and the
//! host's own sources share one poller. The server never makes a poller, a waker, a thread, a
//! signal handler or a logger, and it never waits.
//!
//! # Misuse shows
//!
//! - A forgotten answer does not compile, and neither does a handler that ends the server which is
//!   calling it: it has no way to reach it.
//! - A timeout that is not used is a warning of the compiler, and one that is not kept a number in
//!   [`Stats::max_lateness`]. `Option::min` of two timeouts sleeps for ever; [`earliest`] does not.
//! - Two ready-made token ranges never touch ([`TokenRange::nth`]), and one that is too small or
//!   takes `usize::MAX` is refused with what is needed ([`SetupError`]).
//! - A socket that the server does not take comes back with the reason ([`Refused`]).
//! - An answer that cannot be sent, or whose deferred responder is dropped, is a 500, an error in
//!   the log, and a count in [`Stats::handler_errors`].
//!
//! # Limits
//!
//! All memory is reserved when the server is made ([`Config::reserved_bytes`]). When all slots are taken
//! ([`AtCapacity`]), or all buffers of a kind are lent ([`Buffers`]), the fullest state gives up its oldest connection. Every
//! wait has an end ([`Timeouts`]).
//!
//! # Closing
//!
//! The side that closes a TCP connection first holds it in TIME_WAIT. A side that closes with unread input sends a reset, and
//! its peer may lose data that it has not read yet. [`CloseMode`] lets you choose which side closes first and how. In every
//! mode but `rst` and `drop` the server gives the last response the time to arrive: it sends its FIN and discards what the
//! client still sends, for [`Timeouts::linger`] after the last byte and [`Timeouts::linger_total`] in all.
//!
//! # Coming and going
//!
//! Listeners are made by [`Server::listen`] or by the host ([`Server::add_listener`]), and handed
//! back alive by [`Server::remove_listener`]: to another server, or to the process that comes next.
//! [`Server::adopt`] serves a connection that somebody else has accepted. [`Server::drain`] ends
//! everything in peace and [`Server::abort`] at once; dropping the server leaves no descriptor and no
//! registration behind.
//!
//! With the feature `uds`, listeners and streams may be Unix sockets.
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
//! 3. Events mark, `process` acts: no slot is freed while a batch of events is looked at. One exception: a host that
//!    answers more deferred requests at once than half of its out buffers has them sent by [`Server::respond`].
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
//! It takes an evening, in the order of `mod` below: `server` is what a host calls, `engine` is one turn of work, and
//! `connection::driver` is the heart. `docs/ARCHITECTURE.md` has the layers and a longer guide.
//!
//! # A complete host loop
//!
//! A program that counts datagrams and ticks, with an HTTP endpoint in its loop that tells how many,
//! and that can wait for the next one:
//!
//! ```no_run
//! use std::io::ErrorKind;
//! use std::time::{Duration, Instant};
//! use fourway::{Config, GoneReason, Handler, Reply, Request, RequestId, Responder, Server};
//! use fourway::{TokenRange, earliest};
//! use fourway::mio::{Events, Interest, Poll, Token, net::UdpSocket};
//!
//! /// What the program is about; the server's handler is a view of it.
//! #[derive(Default)]
//! struct World { datagrams: u64, ticks: u64, parked: Vec<RequestId> }
//!
//! impl Handler for World {
//!     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
//!         match request.path() {
//!             "/metrics" => responder.body_with(200, "text/plain", |body| {
//!                 let _ = writeln!(body, "datagrams_total {}", self.datagrams);
//!                 let _ = writeln!(body, "ticks_total {}", self.ticks);
//!             }),
//!             "/next-datagram" => {
//!                 let (id, reply) = responder.defer();
//!                 self.parked.push(id);
//!                 reply
//!             }
//!             _ => responder.send(404, "text/plain", b"try /metrics or /next-datagram"),
//!         }
//!     }
//!
//!     fn gone(&mut self, id: RequestId, _why: GoneReason) {
//!         self.parked.retain(|&parked| parked != id);
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const UDP: Token = Token(0);
//! const TICK: Duration = Duration::from_millis(10);
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(256);
//! let mut udp = UdpSocket::bind("127.0.0.1:9000".parse()?)?;
//! poll.registry().register(&mut udp, UDP, Interest::READABLE)?;
//!
//! let mut world = World::default();
//! let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
//! server.listen("127.0.0.1:8080".parse()?)?;
//!
//! let mut next_tick = Instant::now() + TICK;
//! loop {
//!     let now = Instant::now();
//!     let until_tick = next_tick.saturating_duration_since(now);
//!     let timeout = earliest(Some(until_tick), server.next_timeout(now));
//!     if let Err(error) = poll.poll(&mut events, timeout) {
//!         if error.kind() == ErrorKind::Interrupted { continue } // by a signal
//!         return Err(error.into());
//!     }
//!     for event in &events {
//!         if server.handle_event(event) { continue }
//!         let mut datagram = [0; 1500];
//!         while let Ok(len) = udp.recv(&mut datagram) {
//!             world.datagrams += 1;
//!             for id in world.parked.drain(..) {
//!                 if let Ok(responder) = server.respond(id, Instant::now()) {
//!                     responder.send(200, "application/octet-stream", &datagram[..len]);
//!                 }
//!             }
//!         }
//!     }
//!     let now = Instant::now();
//!     if now >= next_tick {
//!         world.ticks += 1;
//!         next_tick = now + TICK;
//!     }
//!     server.process(now, &mut world);
//! }
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations)]

mod server;
mod reactor;
mod engine;
mod table;
mod connection;
mod answer;
mod handler;
mod shared;
mod exchange;
mod deferred;
mod http;
mod net;
mod state;
mod status;
mod slot;
mod tokens;
mod lists;
mod memory;
mod body;
mod stats;
mod clock;
mod config;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
#[cfg(test)]
mod properties;
// The tests in `tests/` include the same file.
#[cfg(any(test, fuzzing))]
#[path = "../tests/malformed/mod.rs"]
mod malformed;
// `cargo fuzz` sets it.
#[cfg(any(test, fuzzing))]
mod simulation;

pub use crate::body::Body;
pub use crate::config::{AtCapacity, Budget, Buffers, CloseMode, Config, IdleInDrain, Limits, Timeouts};
pub use crate::deferred::{GoneReason, RequestId, RespondError};
pub use crate::engine::{ListenerId, Progress};
pub use crate::handler::request::Request;
pub use crate::handler::{BodyWriter, WriteError};
pub use crate::handler::{Handler, HandlerFn, Reply, Responder, ResponseHead, handler_fn};
pub use crate::net::sockets::{Listener, Stream};
pub use crate::net::{Readiness, Refused};
pub use crate::reactor::Reactor;
pub use crate::server::{Server, SetupError, earliest};
pub use crate::stats::{Phase, Reason, Stats};
pub use crate::tokens::TokenRange;
pub use mio;

#[cfg(fuzzing)]
#[doc(hidden)]
pub use crate::simulation::{request, story};
