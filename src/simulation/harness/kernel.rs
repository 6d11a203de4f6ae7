//! The kernel, made of scripts: sockets, a backlog, and an edge-triggered ready list.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::unix::net::UnixStream;

use mio::Token;

use super::recorder;
use super::socket::{Arrival, Call, Ending, Reset, Socket};
use crate::net::{Flush, Interest, Readiness};

/// A source on the ready list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Listener(usize),
    Socket(usize),
}

/// All sockets, and the settings for all of them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) short_read_drains: bool,
    /// The most bytes per read, *even if more are there*. It is only for kernels where a short read proves nothing.
    pub(crate) read_limit: usize,
    /// The most bytes per write, even if there is room for more.
    pub(crate) write_limit: usize,
    /// Errors for the next calls of accept, before it looks at the backlog, and how many calls succeed before them.
    pub(crate) accept_faults: VecDeque<io::Error>,
    pub(crate) accepts_before_faults: usize,
    /// How many accepted sockets may be open at the same time.
    pub(crate) descriptors: usize,
    /// How many accepted sockets are open.
    pub(crate) open: usize,
    /// How often accept has failed because something has run out. A close, time or an accept that succeeds sets it
    /// back, because then it may be there again.
    pub(crate) run_out: u32,
    /// The other ends of the descriptors that were passed, and how many of each message the server's process can have.
    pub(super) passed: Vec<UnixStream>,
    pub(crate) receivable: usize,
    /// Errors for the next registrations of streams.
    pub(crate) watch_faults: VecDeque<ErrorKind>,
    pub(crate) sockets: Vec<Socket>,
    listeners: Vec<Listener>,
    ready: VecDeque<Source>,
}

#[derive(Debug, Default)]
struct Listener {
    token: Option<Token>,
    backlog: VecDeque<usize>,
}

impl World {
    pub(crate) fn new() -> Self {
        World {
            short_read_drains: true,
            read_limit: usize::MAX,
            write_limit: usize::MAX,
            accept_faults: VecDeque::new(),
            accepts_before_faults: 0,
            descriptors: usize::MAX,
            open: 0,
            run_out: 0,
            passed: Vec::new(),
            receivable: usize::MAX,
            watch_faults: VecDeque::new(),
            sockets: Vec::new(),
            listeners: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// Returns the queues of the listeners that are watched.
    pub(super) fn queues(&self) -> impl Iterator<Item = &VecDeque<usize>> {
        self.listeners.iter().filter(|listener| listener.token.is_some()).map(|listener| &listener.backlog)
    }

    pub(crate) fn listen(&mut self) -> usize {
        self.listeners.push(Listener::default());
        self.listeners.len() - 1
    }

    /// Makes a connection that the host has accepted itself. Returns the socket's number.
    pub(crate) fn connect_to_host(&mut self) -> usize {
        self.sockets.push(Socket { room: usize::MAX, accepted: true, ..Socket::default() });
        self.open += 1;
        self.sockets.len() - 1
    }

    /// Makes a connection with a finished handshake. Returns the socket's number.
    pub(crate) fn connect(&mut self, listener: usize) -> usize {
        let id = self.sockets.len();
        self.sockets.push(Socket { room: usize::MAX, ..Socket::default() });
        self.listeners[listener].backlog.push_back(id);
        if self.listeners[listener].token.is_some() {
            self.raise(Source::Listener(listener));
        }
        recorder::client(id, "connects", None, None);
        self.record_ends(id);
        id
    }

    /// Records both ends of a connection if they have changed.
    fn record_ends(&self, id: usize) {
        recorder::ends(id, &self.sockets[id]);
    }

    /// Makes arrivals edges from now on. Those that are there already are one edge.
    pub(crate) fn watch_listener(&mut self, listener: usize, token: Option<Token>) {
        self.listeners[listener].token = token;
        if token.is_some() {
            self.raise(Source::Listener(listener));
        }
    }

    pub(crate) fn accept(&mut self, listener: usize) -> io::Result<usize> {
        let backlog = &mut self.listeners[listener].backlog;
        if self.accepts_before_faults > 0 {
            self.accepts_before_faults -= 1;
        } else if let Some(fault) = self.accept_faults.pop_front() {
            if fault.kind() == ErrorKind::ConnectionAborted {
                backlog.pop_front();
            }
            self.run_out += u32::from(is_lack(&fault));
            return Err(fault);
        }
        if !backlog.is_empty() && self.open >= self.descriptors {
            self.run_out += 1;
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        let id = backlog.pop_front().ok_or(ErrorKind::WouldBlock)?;
        self.run_out = 0;
        self.sockets[id].accepted = true;
        self.open += 1;
        self.sockets[id].calls.push(Call::Accept);
        Ok(id)
    }

    /// Delivers what the client does.
    pub(crate) fn arrive(&mut self, id: usize, arrival: Arrival) {
        let socket = &mut self.sockets[id];
        if socket.closed {
            // A closed socket replies with a reset. After our FIN that takes nothing from the client, because it has
            // received everything before.
            return;
        }
        record_arrival(id, &arrival, socket);
        match arrival {
            Arrival::Bytes(bytes) => socket.input.extend(bytes),
            Arrival::Passing(bytes, count) => self.pass(id, bytes, count),
            Arrival::Urgent => socket.urgent = Some(socket.input.len()),
            Arrival::Fin => socket.client_fin = true,
            Arrival::Reset => socket.reset = Reset::Untold,
        }
        self.record_ends(id);
        self.raise_socket(id);
    }

    /// Makes room for `more` bytes, because the client has read them.
    pub(crate) fn open(&mut self, id: usize, more: usize) {
        let socket = &mut self.sockets[id];
        socket.room = socket.room.saturating_add(more);
        let is_edge = std::mem::take(&mut socket.no_room);
        recorder::client(id, "reads", Some(more), None);
        recorder::ends(id, socket);
        if is_edge && matches!(socket.watched, Some((_, Interest::InputAndOutput))) {
            self.raise_socket(id);
        }
    }

    /// Leaves no room, because the client stops reading. An edge for room that has not been polled is void.
    pub(crate) fn fill(&mut self, id: usize) {
        let is_news = self.ready.contains(&Source::Socket(id));
        let socket = &mut self.sockets[id];
        socket.room = 0;
        socket.no_room |= is_news;
        recorder::client(id, "stops reading", None, None);
        recorder::ends(id, socket);
    }

    /// Returns whether a poll would report something.
    pub(crate) fn has_edges(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Polls: reports each source on the ready list once, as it is now.
    pub(crate) fn poll(&mut self) -> Vec<(Token, Readiness)> {
        let ready = std::mem::take(&mut self.ready);
        ready.into_iter().filter_map(|source| self.report(source)).collect()
    }

    fn report(&self, source: Source) -> Option<(Token, Readiness)> {
        match source {
            Source::Listener(id) => {
                let listener = &self.listeners[id];
                let readable = !listener.backlog.is_empty();
                listener.token.filter(|_| readable).map(|token| (token, READABLE))
            }
            Source::Socket(id) => {
                let socket = &self.sockets[id];
                let (token, wait) = socket.watched.filter(|_| !socket.closed)?;
                let readiness = socket.readiness(wait);
                (readiness != Readiness::default()).then_some((token, readiness))
            }
        }
    }

    fn raise(&mut self, source: Source) {
        if !self.ready.contains(&source) {
            self.ready.push_back(source);
        }
    }

    fn raise_socket(&mut self, id: usize) {
        if self.sockets[id].watched.is_some() && !self.sockets[id].closed {
            self.raise(Source::Socket(id));
        }
    }

    pub(crate) fn watch(
        &mut self,
        id: usize,
        token: Token,
        interest: Interest,
        is_new: bool,
    ) -> io::Result<()> {
        let call = if is_new { Call::Watch(interest) } else { Call::Rewatch(interest) };
        self.sockets[id].calls.push(call);
        if let Some(kind) = self.watch_faults.pop_front() {
            return Err(kind.into());
        }
        match (self.sockets[id].watched.is_some(), is_new) {
            (true, true) => return Err(ErrorKind::AlreadyExists.into()),
            (false, false) => return Err(ErrorKind::NotFound.into()),
            _ => {}
        }
        self.sockets[id].watched = Some((token, interest));
        // Registration reports what is true already.
        self.raise_socket(id);
        Ok(())
    }

    pub(crate) fn unwatch(&mut self, id: usize) {
        self.sockets[id].watched = None;
    }

    pub(crate) fn read(&mut self, id: usize, into: &mut [u8]) -> io::Result<usize> {
        let result = self.try_read(id, into);
        self.sockets[id].calls.push(Call::Read(outcome(&result)));
        self.record_ends(id);
        result
    }

    fn try_read(&mut self, id: usize, into: &mut [u8]) -> io::Result<usize> {
        assert!(!into.is_empty(), "a read into nothing cannot be told from the end");
        let limit = self.read_limit;
        assert!(limit == usize::MAX || !self.short_read_drains, "no kernel cuts reads and drains");
        let socket = &mut self.sockets[id];
        if let Some(kind) = socket.read_faults.pop_front() {
            if kind == ErrorKind::WouldBlock {
                // As if the input had arrived right after the call.
                self.raise_socket(id);
            }
            return Err(kind.into());
        }
        let result = socket.take_input(into, limit);
        if socket.input.is_empty() && socket.urgent.is_none() {
            if let Some(arrival) = socket.later.pop_front() {
                self.arrive(id, arrival);
            }
        }
        result
    }

    pub(crate) fn write(&mut self, id: usize, parts: &[IoSlice<'_>], flush: Flush) -> io::Result<usize> {
        let result = self.try_write(id, parts, flush);
        self.sockets[id].calls.push(Call::Write(outcome(&result)));
        self.record_ends(id);
        result
    }

    fn try_write(&mut self, id: usize, parts: &[IoSlice<'_>], flush: Flush) -> io::Result<usize> {
        let limit = self.write_limit;
        let socket = &mut self.sockets[id];
        if let Some(kind) = socket.write_faults.pop_front() {
            if kind == ErrorKind::WouldBlock {
                // As if the room had appeared right after the call.
                socket.no_room |= socket.room == 0;
                self.raise_socket(id);
            }
            return Err(kind.into());
        }
        match socket.reset.tell() {
            Reset::None => {}
            Reset::Untold => return Err(ErrorKind::ConnectionReset.into()),
            Reset::Told => return Err(ErrorKind::BrokenPipe.into()),
        }
        if socket.ending.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let taken = len.min(limit).min(socket.room);
        socket.no_room |= socket.room < len;
        if taken == 0 && len > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let bytes = parts.iter().flat_map(|part| part.iter());
        socket.output.extend(bytes.take(taken));
        socket.held_back = if flush == Flush::WithFin && taken == len { taken } else { 0 };
        socket.room = if socket.room == usize::MAX { usize::MAX } else { socket.room - taken };
        if socket.client_gone {
            self.arrive(id, Arrival::Reset);
        }
        Ok(taken)
    }

    /// Sends the server's FIN.
    pub(crate) fn shut_down(&mut self, id: usize) -> io::Result<()> {
        let socket = &mut self.sockets[id];
        socket.calls.push(Call::Shutdown);
        if socket.is_reset() {
            return Err(ErrorKind::NotConnected.into());
        }
        socket.end_with_fin();
        self.record_ends(id);
        Ok(())
    }

    /// Takes SO_ERROR, which also reports a reset only once.
    pub(crate) fn take_error(&mut self, id: usize) -> Option<io::Error> {
        let socket = &mut self.sockets[id];
        socket.calls.push(Call::TakeError);
        (socket.reset.tell() == Reset::Untold).then(|| ErrorKind::ConnectionReset.into())
    }

    pub(crate) fn reset_on_close(&mut self, id: usize) {
        self.sockets[id].calls.push(Call::ResetOnClose);
        self.sockets[id].reset_on_close = true;
    }

    pub(crate) fn close(&mut self, id: usize) {
        self.run_out = 0;
        self.open -= 1;
        let socket = &mut self.sockets[id];
        socket.calls.push(Call::Close);
        socket.closed = true;
        socket.messages.clear();
        socket.watched = None;
        // If anything had arrived by now, the kernel would throw the bytes away. (A reset is meant to cut the response
        // off.)
        let is_held_back = socket.held_back > 0 && !socket.reset_on_close && !socket.is_reset();
        assert!(!is_held_back, "the response waits for a FIN, and a close alone sends none");
        if socket.ending == Some(Ending::Fin) {
            // A reset after the FIN takes nothing away, because the bytes that were held back left with the FIN.
        } else if socket.reset_on_close || !socket.input.is_empty() {
            socket.ending = Some(Ending::Reset);
        } else {
            socket.end_with_fin();
        }
        self.record_ends(id);
    }
}

/// Records what the client of a connection does, or its kernel.
fn record_arrival(id: usize, arrival: &Arrival, socket: &Socket) {
    match arrival {
        Arrival::Bytes(bytes) | Arrival::Passing(bytes, _) => {
            recorder::client(id, "sends", Some(bytes.len()), Some(bytes));
        }
        Arrival::Urgent => recorder::client(id, "sends urgent data", Some(1), None),
        Arrival::Fin if socket.client_gone => recorder::client(id, "closes", None, None),
        Arrival::Fin => recorder::client(id, "fin", None, None),
        Arrival::Reset => recorder::client(id, "resets", None, None),
    }
}

const EMFILE: i32 = 24;

/// The errors of accept when something has run out: EMFILE, ENFILE, ENOMEM and ENOBUFS.
pub(crate) const RUN_OUT: [i32; 4] = [EMFILE, 23, 12, 105];

fn is_lack(error: &io::Error) -> bool {
    error.raw_os_error().map_or(error.kind() == ErrorKind::Other, |number| RUN_OUT.contains(&number))
}

const READABLE: Readiness =
    Readiness { readable: true, writable: false, read_closed: false, priority: false, error: false };

fn outcome(result: &io::Result<usize>) -> Result<usize, ErrorKind> {
    result.as_ref().map(|&len| len).map_err(io::Error::kind)
}
