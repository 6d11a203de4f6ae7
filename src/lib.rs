//! A single-threaded HTTP/1.1 server for mio that lives in *your* readiness loop.
//!
//! It has no thread, no async runtime and no second poller. A hand-written reactor keeps every connection in
//! one slab, and moves it through explicit states for reading, writing and closing. It allocates nothing
//! between accept and response.
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
//! # Requests and responses
//!
//! A [`Handler`] gets each [`Request`] whole, with its body, as slices of the bytes that arrived. It responds
//! through a [`Responder`]. Responding consumes the responder, and returns the [`Reply`] that the handler has
//! to return. So a handler that forgets to respond does not compile.
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
//!                     None => return responder.send(400, "text/plain", b"that is not a number"),
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
//! [`Limits::out_bytes`] bounds the bytes that are copied into a response. A [`Body`] is static, owned,
//! shared or repeated. It can have any length and is sent without a copy, so a 10 GiB response costs no memory.
//!
//! [`Responder::stats`] shows a handler the server's own counters, for a page of metrics.
//!
//! # Responses that come later
//!
//! If a handler cannot respond yet, it calls [`Responder::defer`] and gets a [`RequestId`]. The host responds
//! later with [`Server::respond`]: after a second, or with a result that another thread has sent through a
//! channel. If the request can no longer be answered, [`Handler::gone`] reports it. The id is plain data. If
//! the host loses it, nothing happens except that the client gets a 503 after [`Timeouts::deferred`].
//! [`Handler::overdue`] can give another response then.
//!
//! A host that needs the request again asks for it with [`Responder::defer_keeping`]. Then
//! [`Server::with_request`] shows the request, and [`Server::respond_with`] lends it together with the
//! responder. [`Server::cancel`] closes the connection of a request that nobody needs to answer any more.
//!
//! # Responses in pieces
//!
//! A handler that does not have the whole body at once calls [`ResponseHead::stream`] and gets a [`RequestId`]. The
//! server then asks for one piece after the other ([`Handler::more`]), each when the kernel has taken the one before.
//! So a slow client slows its own stream down, and memory stays small. A handler that has no piece yet returns
//! [`More::Later`], and the host calls [`Server::resume`] when there is one.
//!
//! # Bodies of any length
//!
//! The server asks the handler before the body of a request comes ([`Handler::head`]). The handler can respond at once,
//! or choose an [`Intake`]: the whole body, a shorter one, none of it, or its pieces as they arrive
//! ([`Handler::piece`]). So an upload of any length takes one head buffer. A handler that has to ask somebody else
//! first defers the request there: its body waits unread until the host calls [`Server::take_in`].
//!
//! # Another protocol
//!
//! A handler that answers with a 101, or with a 2xx to CONNECT, can take the connection over
//! ([`ResponseHead::take_over`]). The server forgets the connection, and passes the socket to [`Handler::taken`].
//!
//! # In a loop that exists already
//!
//! 1. Give each event to [`Server::handle_event`], which only takes note of it.
//! 2. Call [`Server::process`] once per turn of your loop. It does all the work, within a [`Budget`].
//! 3. Wait no longer than [`Server::next_timeout`] returns.
//!
//! That is the whole contract. Extra calls of anything are harmless.
//!
//! The host chooses the server's tokens ([`TokenRange`]), so several servers and the host's own sources can
//! share one poller. The server never makes a poller, a waker, a thread, a signal handler or a logger, and it
//! never waits.
//!
//! # Misuse shows
//!
//! - A handler that forgets to respond does not compile. Neither does a handler that ends the server that
//!   calls it, because it cannot reach that server.
//! - The compiler warns if the result of [`Server::next_timeout`] is not used. If the host waits longer than
//!   that, [`Stats::max_lateness`] shows it. If the host has a timeout of its own, do not use `Option::min`
//!   on the two: if one is `None`, it returns `None`, and the loop sleeps forever. Use [`earliest`].
//! - Two ready-made token ranges never overlap ([`TokenRange::nth`], [`TokenRange::fresh`]). A range cannot
//!   contain `usize::MAX` ([`TokenRange::new`]). If a range is too small, [`SetupError`] says what length is
//!   needed.
//! - If the server refuses a socket, it hands the socket back with the reason ([`Refused`]).
//! - The client gets a 500 if a response cannot be sent, or if the responder of a deferred request is
//!   dropped. The server logs an error, and counts it in [`Stats::handler_errors`].
//!
//! # Limits
//!
//! The server reserves all its memory when it is made ([`Config::reserved_bytes`]). If all slots are taken
//! ([`AtCapacity`]), or all buffers of a kind are lent ([`Buffers`]), the server ends the oldest connection
//! in the state that has the most connections. Every wait has a timeout ([`Timeouts`]).
//!
//! # Closing
//!
//! The side that closes first holds the connection in TIME_WAIT. A side that closes with unread input sends a
//! reset, and its peer may lose data that it has not read yet. [`CloseMode`] lets you choose which side
//! closes first, and how.
//!
//! In every mode but `rst` and `drop` the server lingers, so that the last response can arrive. It sends its
//! FIN, and discards what the client still sends. It lingers for at most [`Timeouts::linger`] after the last
//! byte, and [`Timeouts::linger_total`] in all.
//!
//! # Listeners, connections and the end
//!
//! [`Server::listen`] makes a listener, and [`Server::add_listener`] takes one that the host has made.
//! [`Server::remove_listener`] returns it alive, for another server or for the next process.
//! [`Server::adopt`] serves a connection that was accepted elsewhere.
//!
//! With [`Config::names`], each connection has a name ([`Request::connection`]). [`Server::close`] ends a
//! connection by its name, and [`Handler::closed`] reports each end. So a host can limit the connections of a
//! user, or keep idle times of its own.
//!
//! [`Server::drain`] finishes the requests in progress and then closes. [`Server::abort`] closes everything
//! at once. Dropping the server leaves no descriptor and no registration.
//!
//! With the feature `uds`, listeners and streams may be Unix sockets. Without it, a host that passes one does
//! not compile, and the compiler names the feature. Clients can pass descriptors over them, if
//! [`Limits::descriptors`] allows it.
//!
//! # What it cannot do, and the way out
//!
//! - TLS, HTTP/2 and HTTP/3: a proxy in front, or a host that accepts by itself and passes plain streams to
//!   [`Server::adopt`].
//! - WebSocket, or any other protocol: [`ResponseHead::take_over`].
//! - More than one core: one server per thread or process.
//! - Slow handlers: [`Responder::defer`], and a thread of the host's.
//! - Files and compression: the host reads and compresses, and streams or shares the bytes.
//!
//! # The laws
//!
//! The source keeps these laws everywhere. They stand in the order in which a reader meets them.
//!
//! 1. Believe the system call, not the event. Readiness is a hint. A half-closed client still gets its whole
//!    response. One exception: if [`Config::half_close`] is `false`, the hint of a FIN ends a
//!    connection that waits for the host's response, because the server does not read meanwhile.
//! 2. A direction stays ready until its call says `WouldBlock`. One exception: where the poller raises an
//!    edge for every arrival, a read that did not fill its buffer has emptied the socket. The exception does
//!    not hold if the event hinted at the end of input or at urgent data.
//! 3. Events mark, `process` acts. No slot is freed while the host hands over a batch of events. One
//!    exception: when at least half of the out buffers are lent, the host's next call (`respond`,
//!    `respond_with`, `take_in`, `resume`, `cancel`, `adopt`, `close`, `drain` or `abort`) sends the response that
//!    it has just given.
//! 4. One driver, one function per state, and the transition is a return value.
//! 5. States say what is waited for. Nothing beside the state repeats it.
//! 6. All memory is reserved at the start. If something is full, wait or evict.
//! 7. An idle connection owns a slot and a socket, and no buffer.
//! 8. A socket enters the poller only when it first has to wait.
//! 9. An error stops at the smallest thing it ruined: a request, a connection, an accept.
//! 10. Time is an argument.
//! 11. Protocol code sees bytes, never sockets, and *not yet* is a value.
//! 12. No unsafe code.
//!
//! # Reading the source
//!
//! `docs/ARCHITECTURE.md` is the guide. It has a drawing, the layers, the journey of a connection, the files
//! and tests behind each law, and a reading order for one evening. In short:
//!
//! - `server` is what a host calls.
//! - `engine` is one turn of work.
//! - `connection::driver` moves a connection from state to state. It is the heart.
//! - `answer` is the policy between bytes and handler.
//! - `http` is the protocol: bytes in, bytes out.
//! - `simulation` tests all of this over a network made of scripts.
//!
//! The `mod` lines of `lib.rs` follow the layers, from what a host sees to the small modules that many layers
//! use.
//!
//! # A complete host loop
//!
//! This program counts datagrams and ticks. Its loop also serves HTTP: `/metrics` reports the counts, and
//! `/next-datagram` waits for the next datagram.
//!
//! ```no_run
//! use std::io::ErrorKind;
//! use std::time::{Duration, Instant};
//! use fourway::{Config, GoneReason, Handler, Reply, Request, RequestId, Responder, Server};
//! use fourway::{TokenRange, earliest};
//! use fourway::mio::{Events, Interest, Poll, Token, net::UdpSocket};
//!
//! /// The program's own state, which is also the server's handler.
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
// On docs.rs each item shows the feature that it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
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
mod names;
mod deferred;
mod http;
mod net;
mod state;
mod status;
mod slot;
mod tokens;
mod lists;
mod memory;
mod trace;
mod body;
mod intake;
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
// `cargo fuzz` sets `fuzzing`.
#[cfg(any(test, fuzzing))]
mod simulation;

pub use crate::body::Body;
pub use crate::config::{AtCapacity, Budget, Buffers, CloseMode, Config, IdleInDrain, Limits, Timeouts};
pub use crate::deferred::{GoneReason, IdError, RequestId};
pub use crate::engine::Progress;
pub use crate::handler::function::{HandlerFn, handler_fn};
pub use crate::handler::request::Request;
pub use crate::handler::{BodyWriter, More, WriteError};
pub use crate::handler::{Handler, Reply, Responder, ResponseHead};
pub use crate::intake::Intake;
pub use crate::names::{ConnectionId, ListenerId};
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
