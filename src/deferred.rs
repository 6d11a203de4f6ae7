//! Responses that come later: the ids of the requests that wait for one, and the reports of those that no
//! longer wait.
//!
//! A handler that cannot respond yet takes a [`RequestId`] and returns. The connection keeps its exchange,
//! with the requests that were sent after this one, and waits. Then exactly one of two things happens: the
//! host responds with [`Server::respond`](crate::Server::respond), or [`Handler::gone`](crate::Handler::gone)
//! reports that nobody can.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::http::response::Terms;
use crate::slot::Slot;
use crate::stats::Reason;

/// The id of a request that the host goes on with: it is [deferred](crate::Responder::defer),
/// [streamed](crate::ResponseHead::stream), taken [in pieces](crate::Intake::Pieces) or [taken
/// over](crate::ResponseHead::take_over).
///
/// It is plain data. The host can copy it, send it to another thread, and throw it away. It never names
/// another request, even after another connection has taken the slot.
///
/// ```
/// use std::collections::VecDeque;
/// use std::time::Instant;
/// use fourway::{Handler, Reply, Request, RequestId, Responder, Server};
///
/// #[derive(Default)]
/// struct World { parked: VecDeque<RequestId> }
///
/// impl Handler for World {
///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///         let (id, reply) = responder.defer();
///         self.parked.push_back(id);
///         reply
///     }
/// }
///
/// /// Somewhere in the host's loop, before it calls `process`.
/// fn answer_one(world: &mut World, server: &mut Server) {
///     let Some(id) = world.parked.pop_front() else { return };
///     if let Ok(responder) = server.respond(id, Instant::now()) {
///         responder.send(200, "text/plain", b"better late than never");
///     }
/// }
/// # let _ = answer_one;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    server: u32,
    slot: Slot,
    serial: NonZeroU64,
}

const _: () = assert!(size_of::<Option<RequestId>>() == 16);

impl RequestId {
    /// Returns the number of the slot that the request's connection is in, from 0 to
    /// [`max_connections`](crate::Config::max_connections) - 1.
    ///
    /// The server goes on with one request of a connection at a time, so a host can keep what it knows of its requests
    /// in a vector, at these numbers. A slot is used again. Compare the whole id before you use what you find there.
    ///
    /// ```
    /// use fourway::RequestId;
    ///
    /// /// What a host knows of its requests.
    /// struct Jobs(Vec<Option<(RequestId, String)>>);
    ///
    /// impl Jobs {
    ///     fn of(&self, id: RequestId) -> Option<&str> {
    ///         let (whose, job) = self.0.get(id.slot())?.as_ref()?;
    ///         (*whose == id).then_some(job)
    ///     }
    /// }
    /// # let _ = Jobs::of;
    /// ```
    pub fn slot(self) -> usize {
        self.slot.index()
    }
}

/// Why the host can no longer go on with a request, passed to [`Handler::gone`](crate::Handler::gone).
///
/// ```
/// use fourway::{GoneReason, Handler, Reply, Request, RequestId, Responder};
///
/// struct World { parked: Vec<RequestId>, late: u64 }
///
/// impl Handler for World {
///     fn request<'r>(&mut self, _: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///         let (id, reply) = responder.defer();
///         self.parked.push(id);
///         reply
///     }
///
///     fn gone(&mut self, id: RequestId, why: GoneReason) {
///         self.parked.retain(|&parked| parked != id);
///         self.late += u64::from(why == GoneReason::Timeout);
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GoneReason {
    /// The host has not responded within [`Timeouts::deferred`](crate::Timeouts::deferred), and
    /// [`Handler::overdue`](crate::Handler::overdue) has left the response to the server. Or it has not taken a
    /// piece of a body within [`Timeouts::piece`](crate::Timeouts::piece). The client gets a 503. Or the host has
    /// not gone on with a streamed response within [`Timeouts::stream`](crate::Timeouts::stream), and the
    /// connection is reset.
    Timeout,
    /// Others need the request's [exchange](crate::Config::exchanges) or [head
    /// buffer](crate::Buffers::heads), and it is the one that makes way. The client gets a 503.
    NoRoom,
    /// The server has refused a request whose body the host was taking in pieces, with this status. For example, the
    /// rest of the body came too late (408), or was malformed (400).
    Refused(u16),
    /// The client wants no body of a streamed response: the request is HEAD, or the status is 204, 205 or 304.
    /// The response has been given without it.
    NoBody,
    /// A streamed response, or a piece of it, cannot be sent. The server has logged why. (This is not reported after
    /// [`More::End`](crate::More::End).)
    Unsendable,
    /// The request's connection has ended.
    Ended(Reason),
}

/// Why a call that takes an id fails, such as [`Server::respond`](crate::Server::respond).
///
/// ```
/// assert_eq!(fourway::IdError::WrongServer.to_string(), "the id belongs to another server");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// The request or connection of the id is over, or is not in the state that the call is about. A request is over if it was
    /// answered, or if [`Handler::gone`](crate::Handler::gone) has reported its end or is about to. A connection
    /// is over if [`Handler::closed`](crate::Handler::closed) has reported its end or is about to.
    Over,
    /// The id belongs to another server.
    WrongServer,
    /// The request waits for its response, but it was deferred without
    /// [keeping](crate::Responder::defer_keeping) it.
    NotKept,
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IdError::Over => "what the id names is over, or does not wait for this",
            IdError::WrongServer => "the id belongs to another server",
            IdError::NotKept => "the request was deferred without keeping it",
        })
    }
}

impl std::error::Error for IdError {}

/// What the server remembers of a request in order to answer it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) serial: NonZeroU64,
    pub(crate) terms: Terms,
    /// Whether its bytes stay in the input.
    pub(crate) keeps: bool,
}

/// Makes the ids, and keeps the reports until the handler can take note of them.
#[derive(Debug)]
pub(crate) struct Deferrals {
    server: u32,
    /// The connection that is driven.
    slot: Slot,
    latest: NonZeroU64,
    /// An id that the handler has taken, until it is written down with its request. It is still here after a
    /// handler's panic.
    taken: Option<RequestId>,
    /// The id of the request that the handler is called for, if it has been told that id. It is still here after a
    /// handler's panic.
    at_stake: Option<RequestId>,
    /// The serial of the request that the handler is called for, if it has one already.
    current: Option<NonZeroU64>,
    gone: VecDeque<(RequestId, GoneReason)>,
}

/// The bytes that each deferred request takes here.
pub(crate) const PER_REQUEST: usize = size_of::<(RequestId, GoneReason)>();

impl Deferrals {
    /// Reserves space for this number of requests that wait at the same time.
    pub(crate) fn new(capacity: usize) -> Self {
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        Deferrals {
            server: SERVERS.fetch_add(1, Ordering::Relaxed),
            slot: Slot::new(0),
            latest: NonZeroU64::MIN,
            taken: None,
            at_stake: None,
            current: None,
            gone: VecDeque::with_capacity(capacity),
        }
    }

    // --- ids ---

    /// Makes the next ids name requests of this connection.
    pub(crate) fn set_slot(&mut self, slot: Slot) {
        self.slot = slot;
    }

    /// Returns the slot of the connection that is being answered.
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    pub(crate) fn take(&mut self) -> RequestId {
        let serial = self.current.unwrap_or_else(|| self.next_serial());
        let id = self.id(self.slot, serial);
        self.taken = Some(id);
        id
    }

    /// Makes this serial the one of the next id that is taken, and returns the id.
    pub(crate) fn make_current(&mut self, serial: NonZeroU64) -> RequestId {
        self.current = Some(serial);
        self.id(self.slot, serial)
    }

    /// Makes the next id that is taken a new one.
    pub(crate) fn end_current(&mut self) {
        self.current = None;
    }

    /// Returns whether an id was taken since the last call of [`take_serial`](Self::take_serial).
    pub(crate) fn has_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Returns whether this id was taken since then.
    pub(crate) fn is_taken(&self, id: RequestId) -> bool {
        self.taken == Some(id)
    }

    /// Notes that the handler is called about a request whose id it has. If it panics, the id ends.
    pub(crate) fn put_at_stake(&mut self, serial: NonZeroU64) -> RequestId {
        let id = self.id(self.slot, serial);
        self.at_stake = Some(id);
        id
    }

    /// Notes that the handler has returned.
    pub(crate) fn end_stake(&mut self) {
        self.at_stake = None;
    }

    /// Returns the id that has this serial.
    pub(crate) fn id(&self, slot: Slot, serial: NonZeroU64) -> RequestId {
        RequestId { server: self.server, slot, serial }
    }

    /// Returns a number that was never returned before.
    pub(crate) fn next_serial(&mut self) -> NonZeroU64 {
        // At a billion a second they last for 584 years.
        self.latest = self.latest.saturating_add(1);
        self.latest
    }

    /// Returns the number of this server among all that the process has made.
    pub(crate) fn server(&self) -> u32 {
        self.server
    }

    /// Returns the serial of the id that was taken since the last call, if there is one.
    pub(crate) fn take_serial(&mut self) -> Option<NonZeroU64> {
        self.taken.take().map(|id| id.serial)
    }

    /// Returns the slot and the serial of a request, if it belongs to this server.
    pub(crate) fn find(&self, id: RequestId) -> Result<(Slot, NonZeroU64), IdError> {
        if id.server == self.server { Ok((id.slot, id.serial)) } else { Err(IdError::WrongServer) }
    }

    // --- reports ---

    pub(crate) fn note_gone(&mut self, slot: Slot, serial: NonZeroU64, why: GoneReason) {
        self.gone.push_back((self.id(slot, serial), why));
    }

    /// Reports the id of a request of the connection that is driven.
    pub(crate) fn note_gone_here(&mut self, serial: NonZeroU64, why: GoneReason) {
        self.note_gone(self.slot, serial, why);
    }

    /// Reports the id that the handler had when it panicked.
    pub(crate) fn note_taken_gone(&mut self, why: GoneReason) {
        self.current = None;
        let (taken, at_stake) = (self.taken.take(), self.at_stake.take());
        if let Some(id) = taken.or(at_stake) {
            self.gone.push_back((id, why));
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacity(&self) -> usize {
        self.gone.capacity()
    }

    pub(crate) fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    pub(crate) fn next_gone(&mut self) -> Option<(RequestId, GoneReason)> {
        self.gone.pop_front()
    }
}
