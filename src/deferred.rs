//! Answers that come later: the names of the requests that wait for one, and the news of those that
//! wait no longer.
//!
//! A handler that cannot answer yet takes a [`RequestId`] and returns. The connection keeps its
//! exchange, with the requests that were sent behind this one, and waits. From then on there are
//! two ends, and exactly one of them comes: the host answers with
//! [`Server::respond`](crate::Server::respond), or it is told by
//! [`Handler::gone`](crate::Handler::gone) that nobody can.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::http::response::Terms;
use crate::slot::Slot;
use crate::stats::Reason;

/// The name of a request that is answered later; made by [`Responder::defer`](crate::Responder::defer).
///
/// Plain data: it can be copied, sent to another thread, and thrown away. It never names another
/// request, however often its connection's place is used again.
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

/// Why a request that was waiting for its answer can no longer be answered; passed to
/// [`Handler::gone`](crate::Handler::gone).
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
    /// No answer came for [`Timeouts::deferred`](crate::Timeouts::deferred); the client gets a 503.
    Timeout,
    /// All [exchanges](crate::Config::exchanges) or [head buffers](crate::Buffers::heads) are lent to requests that wait
    /// for their answers; the client gets a 503.
    NoRoom,
    /// Its connection has ended.
    Ended(Reason),
}

/// Why [`Server::respond`](crate::Server::respond) cannot answer.
///
/// ```
/// assert_eq!(fourway::RespondError::WrongServer.to_string(), "the request is another server's");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RespondError {
    /// The request has been answered, or [`Handler::gone`](crate::Handler::gone) was told of its
    /// end or is about to be.
    Over,
    /// The request is another server's.
    WrongServer,
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RespondError::Over => "the request no longer waits for an answer",
            RespondError::WrongServer => "the request is another server's",
        })
    }
}

impl std::error::Error for RespondError {}

/// What has to be remembered of a request to answer it later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) serial: NonZeroU64,
    pub(crate) terms: Terms,
}

/// Gives out the names, and keeps the news until the handler can be told.
#[derive(Debug)]
pub(crate) struct Deferrals {
    server: u32,
    /// Of the connection that is driven.
    slot: Slot,
    latest: NonZeroU64,
    /// Given out, and not yet written down with its request; still here after a handler's panic.
    taken: Option<RequestId>,
    gone: VecDeque<(RequestId, GoneReason)>,
}

/// What each request that can wait at a time takes here.
pub(crate) const PER_REQUEST: usize = size_of::<(RequestId, GoneReason)>();

impl Deferrals {
    /// For at most this many requests that wait at a time.
    pub(crate) fn new(capacity: usize) -> Self {
        static SERVERS: AtomicU32 = AtomicU32::new(0);
        Deferrals {
            server: SERVERS.fetch_add(1, Ordering::Relaxed),
            slot: Slot::new(0),
            latest: NonZeroU64::MIN,
            taken: None,
            gone: VecDeque::with_capacity(capacity),
        }
    }

    // --- names ---

    /// The names that follow are of this connection.
    pub(crate) fn begin(&mut self, slot: Slot) {
        self.slot = slot;
    }

    pub(crate) fn take(&mut self) -> RequestId {
        let id = RequestId { server: self.server, slot: self.slot, serial: self.serial() };
        self.taken = Some(id);
        id
    }

    /// A number that was never given out before.
    pub(crate) fn serial(&mut self) -> NonZeroU64 {
        // At a billion a second they last for 584 years.
        self.latest = self.latest.saturating_add(1);
        self.latest
    }

    /// The number of this server, of all that the process has made.
    pub(crate) fn server(&self) -> u32 {
        self.server
    }

    /// The serial of the name that was taken since the last call, if one was.
    pub(crate) fn taken(&mut self) -> Option<NonZeroU64> {
        self.taken.take().map(|id| id.serial)
    }

    /// Where to look for a request.
    pub(crate) fn find(&self, id: RequestId) -> Result<(Slot, NonZeroU64), RespondError> {
        if id.server == self.server { Ok((id.slot, id.serial)) } else { Err(RespondError::WrongServer) }
    }

    // --- news ---

    pub(crate) fn note_gone(&mut self, slot: Slot, serial: NonZeroU64, why: GoneReason) {
        self.gone.push_back((RequestId { server: self.server, slot, serial }, why));
    }

    /// The name that the handler had taken when it panicked.
    pub(crate) fn note_taken_gone(&mut self, why: GoneReason) {
        if let Some(id) = self.taken.take() {
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
