//! Names: how a host names a listener or a connection, and the reports of connections that have ended.
//!
//! A name never names anything else, however often a slot is used again, because it holds a serial number
//! that is given once. The names of connections stand beside the slab, because an entry there has no byte
//! left. They are kept only if the settings ask for them ([`Config::names`](crate::Config::names)).

use std::collections::VecDeque;
use std::num::NonZeroU64;

use crate::deferred::IdError;
use crate::slot::Slot;
use crate::stats::Reason;
use crate::tokens::LISTENERS;

/// The id of a listener, made by [`Server::listen`](crate::Server::listen) or
/// [`Server::add_listener`](crate::Server::add_listener).
///
/// It never names another listener, neither one of another server nor a later one in the same place.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use fourway::{Config, Server, TokenRange, mio};
///
/// let poll = mio::Poll::new()?;
/// let mut server = Server::new(poll.registry(), TokenRange::nth(0), Config::default())?;
/// let listener = server.listen("127.0.0.1:0".parse()?)?;
/// assert_ne!(server.local_addr(listener).unwrap().port(), 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId {
    pub(crate) server: u32,
    pub(crate) slot: u32,
    pub(crate) serial: u64,
}

/// The name of a connection, if [`Config::names`](crate::Config::names) is `true`.
///
/// [`Request::connection`](crate::Request::connection) and [`Server::adopt`](crate::Server::adopt) return it,
/// [`Server::close`](crate::Server::close) ends the connection, and
/// [`Handler::closed`](crate::Handler::closed) reports its end.
///
/// It is plain data. The host can copy it, send it to another thread, and use it as a key. It never names
/// another connection, neither one of another server nor a later one in the same slot.
///
/// ```
/// use std::collections::HashMap;
/// use fourway::{ConnectionId, Handler, Reason, Reply, Request, Responder};
///
/// /// Counts the requests of each connection.
/// #[derive(Default)]
/// struct World { requests: HashMap<ConnectionId, u64> }
///
/// impl Handler for World {
///     fn request<'r>(&mut self, request: &Request<'_>, responder: Responder<'r>) -> Reply<'r> {
///         let connection = request.connection().expect("the settings ask for names");
///         let count = self.requests.entry(connection).or_default();
///         *count += 1;
///         responder.body_with(200, "text/plain", |body| write!(body, "request {count}"))
///     }
///
///     fn closed(&mut self, connection: ConnectionId, _why: Reason) {
///         self.requests.remove(&connection);
///     }
/// }
///
/// let mut config = fourway::Config::default();
/// config.names = true;
/// # let _ = (config, World::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    server: u32,
    slot: Slot,
    serial: NonZeroU64,
}

const _: () = assert!(size_of::<Option<ConnectionId>>() == 16);

impl ConnectionId {
    /// Returns the number of the slot that the connection is in, from 0 to
    /// [`max_connections`](crate::Config::max_connections) - 1. See [`RequestId::slot`](crate::RequestId::slot).
    pub fn slot(self) -> usize {
        self.slot.index()
    }
}

/// The names of the connections, by their slots, and the ends that the handler has to take note of.
#[derive(Debug)]
pub(crate) struct Names {
    server: u32,
    /// It grows with the slots that are used, so that the rest of it does not become resident.
    named: Vec<Option<Named>>,
    ended: VecDeque<Ended>,
    /// How many connections may be open, or have ended without a report. Zero if there are no names.
    most: usize,
}

/// The name of the connection that is driven, if it has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameOf<'a> {
    pub(crate) names: &'a Names,
    pub(crate) slot: Slot,
}

impl NameOf<'_> {
    pub(crate) fn connection(self) -> Option<ConnectionId> {
        self.names.of(self.slot)
    }

    pub(crate) fn listener(self) -> Option<ListenerId> {
        self.names.listener_of(self.slot)
    }
}

/// What is remembered of a connection beside its slot.
#[derive(Debug, Clone, Copy)]
struct Named {
    serial: NonZeroU64,
    listener: Option<Origin>,
}

/// The listener of a connection: its serial number, and its slot in the last bits.
#[derive(Debug, Clone, Copy)]
struct Origin(NonZeroU64);

/// A connection that has ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    serial: NonZeroU64,
    slot: Slot,
    why: Reason,
}

/// How many connections may be open or unreported, for each slot.
const MOST_PER_SLOT: usize = 2;

/// The bytes that the names take for each slot.
pub(crate) const PER_SLOT: usize = size_of::<Option<Named>>() + MOST_PER_SLOT * size_of::<Ended>();

const _: () = assert!(PER_SLOT == 48);

impl Names {
    /// Reserves memory for the names of this number of connections. If it is zero, no connection has a name.
    pub(crate) fn new(server: u32, connections: usize) -> Self {
        let most = MOST_PER_SLOT * connections;
        Names { server, named: Vec::with_capacity(connections), ended: VecDeque::with_capacity(most), most }
    }

    // --- names ---

    /// Names the connection that has just got this slot. A serial number is given only once.
    pub(crate) fn begin(&mut self, slot: Slot, serial: NonZeroU64, listener: Option<ListenerId>) {
        if self.named.len() <= slot.index() {
            self.named.resize(slot.index() + 1, None);
        }
        self.named[slot.index()] = Some(Named { serial, listener: listener.and_then(Origin::of) });
    }

    /// Returns the name of the connection in a slot, if it has one.
    pub(crate) fn of(&self, slot: Slot) -> Option<ConnectionId> {
        let named = self.get(slot)?;
        Some(ConnectionId { server: self.server, slot, serial: named.serial })
    }

    /// Returns the listener of the connection in a slot, if that connection has a name and was accepted.
    pub(crate) fn listener_of(&self, slot: Slot) -> Option<ListenerId> {
        let Origin(origin) = self.get(slot)?.listener?;
        let (slot, serial) = (origin.get() % LISTENERS as u64, origin.get() / LISTENERS as u64);
        Some(ListenerId { server: self.server, slot: slot as u32, serial })
    }

    /// Returns the slot of a connection that is open.
    pub(crate) fn find(&self, id: ConnectionId) -> Result<Slot, IdError> {
        if id.server != self.server {
            return Err(IdError::WrongServer);
        }
        match self.get(id.slot) {
            Some(named) if named.serial == id.serial => Ok(id.slot),
            _ => Err(IdError::Over),
        }
    }

    fn get(&self, slot: Slot) -> Option<Named> {
        self.named.get(slot.index()).copied().flatten()
    }

    // --- reports ---

    /// Returns whether the end of one more connection can be kept for its report, if `open` are open already.
    pub(crate) fn has_space(&self, open: usize) -> bool {
        self.most == 0 || self.ended.len() + open < self.most
    }

    /// Notes the end of the connection in a slot, if it has a name.
    pub(crate) fn end(&mut self, slot: Slot, why: Reason) {
        if let Some(Named { serial, .. }) = self.named.get_mut(slot.index()).and_then(Option::take) {
            self.ended.push_back(Ended { serial, slot, why });
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Returns the next end to report.
    pub(crate) fn next_ended(&mut self) -> Option<(ConnectionId, Reason)> {
        let Ended { serial, slot, why } = self.ended.pop_front()?;
        if self.ended.is_empty() {
            // The queue begins again at its front, so that few of its pages become resident.
            self.ended.clear();
        }
        Some((ConnectionId { server: self.server, slot, serial }, why))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn capacities(&self) -> [usize; 2] {
        [self.named.capacity(), self.ended.capacity()]
    }
}

impl Origin {
    /// At a million listeners a second, the serial numbers last for nine thousand years.
    fn of(listener: ListenerId) -> Option<Origin> {
        NonZeroU64::new(listener.serial * LISTENERS as u64 + u64::from(listener.slot)).map(Origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    #[test]
    fn a_name_is_over_when_its_slot_is_free_or_has_another_connection() {
        let mut names = Names::new(7, 2);
        let slot = Slot::new(1);
        names.begin(slot, serial(5), None);
        let first = names.of(slot).unwrap();
        assert_eq!(names.find(first), Ok(slot));
        names.end(slot, Reason::PeerClosed);
        assert_eq!((names.find(first), names.of(slot)), (Err(IdError::Over), None));
        names.begin(slot, serial(6), None);
        assert_eq!(names.find(first), Err(IdError::Over));
        assert_eq!(names.find(names.of(slot).unwrap()), Ok(slot));
        assert_eq!(Names::new(8, 2).find(first), Err(IdError::WrongServer));
    }

    #[test]
    fn each_listener_is_remembered_as_it_was_named() {
        let mut names = Names::new(7, 1);
        for place in [0, 1, 63] {
            for serial_number in [1, 2, 1 << 57] {
                let listener = ListenerId { server: 7, slot: place, serial: serial_number };
                names.begin(Slot::new(0), serial(9), Some(listener));
                assert_eq!(names.listener_of(Slot::new(0)), Some(listener));
            }
        }
        names.begin(Slot::new(0), serial(9), None);
        assert_eq!(names.listener_of(Slot::new(0)), None);
    }

    #[test]
    fn ends_are_reported_in_their_order_and_never_more_than_there_is_space_for() {
        let mut names = Names::new(7, 2);
        let mut last = 0;
        while names.has_space(0) {
            last += 1;
            names.begin(Slot::new(0), serial(last), None);
            names.end(Slot::new(0), Reason::Evicted);
        }
        assert_eq!((last, names.capacities()), (4, [2, 4]));
        names.end(Slot::new(0), Reason::Evicted);
        let order: Vec<u64> =
            std::iter::from_fn(|| names.next_ended()).map(|(id, _)| id.serial.get()).collect();
        assert_eq!((order, names.has_ended()), (vec![1, 2, 3, 4], false));
    }

    #[test]
    fn without_names_nothing_is_kept() {
        let mut names = Names::new(7, 0);
        names.end(Slot::new(0), Reason::Evicted);
        assert_eq!((names.of(Slot::new(0)), names.has_ended()), (None, false));
        assert!(names.has_space(1 << 20) && names.capacities() == [0, 0]);
    }
}
