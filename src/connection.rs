//! One connection: its states, and the driver that moves it from one to the next.
//!
//! ```text
//!             accept
//!                │
//!                ▼            requests answered
//!         ┌── Reading ────────────────────────────► Writing ──┐
//!         │      ▲                                     │      │
//!         │      └──────── all sent, keep alive ───────┘      │ all sent, close
//!         │ end of input, or reset                            ▼
//!         │                                                Closing
//!         ▼                                                   │ peer's FIN, limit or deadline
//!      (gone: no slot, no socket) ◄───────────────────────────┘
//! ```
//!
//! A state says what the connection waits for. There is one function per state; it does the
//! state's system calls until one of them says `WouldBlock` or the state's work is done, and
//! returns what is next. [`Connection::drive`] is the only place that looks at the state, and
//! [`Connection::enter`] the only one that writes it.
//!
//! Two bits say which directions are *ready*. An event sets them, and so does accept: a new
//! socket is tried at once. Only `WouldBlock` clears them, because with edge-triggered polling a
//! readiness that is forgotten never comes back. One exception saves a system call per request:
//! a read that did not fill its buffer has emptied the socket, unless the event hinted that the
//! peer has closed its half or sent urgent data, for then the end or the rest is still to be read
//! and raises no further edge.

use std::io::{self, ErrorKind};

use log::trace;

use crate::config::CloseMode;
use crate::exchange::{After, Exchange};
use crate::handler::Handler;
use crate::http::{self, Need, Refusal};
use crate::net::{Net, Readiness, Stream, Wait};
use crate::stats::Reason;
use crate::table::{Link, Links, NONE, Waiting};
use crate::visit::{End, Visit};

/// The log target of one line per change of state.
pub(crate) const STATES: &str = "fourway::state";

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Reading(Reading),
    Writing,
    Closing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Between requests, or before the first: no buffer is held.
    Idle,
    /// A request's head has begun.
    Head,
    /// A head is whole, its body is not.
    Body,
}

impl State {
    /// The deadline list of connections in this state.
    pub(crate) fn waiting(self) -> Waiting {
        match self {
            State::Reading(Reading::Idle) => Waiting::Idle,
            State::Reading(Reading::Head) => Waiting::Head,
            State::Reading(Reading::Body) => Waiting::Body,
            State::Writing => Waiting::Sending,
            State::Closing => Waiting::Closing,
        }
    }
}

/// A slab entry: at most 48 bytes, so that a million idle connections take 48 MB.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) stream: S,
    /// The exchange that it keeps between visits, or [`NONE`].
    pub(crate) exchange: u32,
    pub(crate) generation: u32,
    /// Bytes discarded while closing.
    discarded: u32,
    /// When its present wait ends, in nanoseconds of the server's clock.
    pub(crate) deadline: u64,
    ready_links: Links,
    pub(crate) deadline_links: Links,
    state: State,
    bits: Bits,
    /// Whether it is in the ready queue.
    pub(crate) queued: bool,
}

/// In release, mio's stream is its file descriptor. The slab adds its free list inside the entry.
#[cfg(all(unix, target_pointer_width = "64"))]
const _: () = assert!(std::mem::size_of::<Connection<std::os::fd::OwnedFd>>() <= 48);

/// What is known of a socket beside its state; each bit true exactly when its sentence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits(u8);

impl Bits {
    /// No read has said `WouldBlock` since the last sign of input.
    const READABLE: u8 = 1;
    /// No write has said `WouldBlock` since the last sign of room.
    const WRITABLE: u8 = 1 << 1;
    /// A short read does not mean that the socket is empty.
    const HINTED: u8 = 1 << 2;
    /// The poller watches the socket.
    const WATCHED: u8 = 1 << 3;
    /// The poller watches it for room to write as well.
    const WATCHED_FOR_ROOM: u8 = 1 << 4;
    /// Our FIN has been sent.
    const FIN_SENT: u8 = 1 << 5;
    /// The client's FIN or reset was seen before we sent a FIN.
    const CLIENT_FIRST: u8 = 1 << 6;

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn set(&mut self, bit: u8) {
        self.0 |= bit;
    }

    fn clear(&mut self, bit: u8) {
        self.0 &= !bit;
    }
}

/// What follows a state's function.
enum Next {
    Enter(State, &'static str),
    End(End),
}

impl Next {
    const fn gone(reason: Reason) -> Self {
        Next::End(End::Gone(reason))
    }
}

impl<S> Connection<S> {
    /// A connection as accept returns it: perhaps a request is there already.
    pub(crate) fn new(stream: S, generation: u32) -> Self {
        Connection {
            stream,
            exchange: NONE,
            generation,
            discarded: 0,
            deadline: 0,
            ready_links: Links::NONE,
            deadline_links: Links::NONE,
            state: State::Reading(Reading::Idle),
            bits: Bits(Bits::READABLE | Bits::WRITABLE),
            queued: false,
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn links(&mut self, link: Link) -> &mut Links {
        match link {
            Link::Ready => &mut self.ready_links,
            Link::Deadline => &mut self.deadline_links,
        }
    }

    pub(crate) fn client_closed_first(&self) -> bool {
        self.bits.has(Bits::CLIENT_FIRST)
    }

    /// Notes what an event says. Close and error hints only mean that both calls are worth trying.
    pub(crate) fn hint(&mut self, hint: Readiness) {
        if hint.readable || hint.read_closed || hint.error || hint.priority {
            self.bits.set(Bits::READABLE);
        }
        if hint.writable || hint.error {
            self.bits.set(Bits::WRITABLE);
        }
        if hint.read_closed || hint.error || hint.priority {
            self.bits.set(Bits::HINTED);
        }
    }
}

impl<S: Stream> Connection<S> {
    /// Moves the connection as far as it goes without waiting.
    pub(crate) fn drive<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> End
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        loop {
            let next = match self.state {
                State::Reading(reading) => self.read(reading, visit),
                State::Writing => self.write(visit),
                State::Closing => self.close(visit),
            };
            match next {
                Next::Enter(state, why) => self.enter(state, why, visit),
                Next::End(end) => return end,
            }
        }
    }

    /// Why the end of the present wait is the connection's end as well; otherwise it goes on with
    /// [`expire`](Self::expire).
    pub(crate) fn overdue(&mut self) -> Option<Reason> {
        match self.state {
            State::Reading(Reading::Idle) => Some(Reason::IdleTimeout),
            State::Reading(Reading::Head | Reading::Body) => None,
            State::Writing => {
                self.reset();
                Some(Reason::WriteTimeout)
            }
            State::Closing => self.bits.has(Bits::FIN_SENT).then_some(Reason::LingerTimeout),
        }
    }

    /// Goes on after the end of a wait: a late request is refused, and in close mode `peer` our
    /// FIN goes first after all.
    pub(crate) fn expire<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> End
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        match self.state {
            State::Reading(Reading::Body) => self.refuse("the body did not arrive in time", visit),
            State::Reading(_) => self.refuse("the head did not arrive in time", visit),
            State::Writing => {}
            State::Closing => match self.send_fin() {
                Ok(()) => self.enter(State::Closing, "the client did not close first, our FIN", visit),
                Err(_) => return End::Gone(Reason::PeerReset),
            },
        }
        self.drive(visit)
    }

    /// Makes the close that follows a reset, so that the client cannot take what it has got for the
    /// whole.
    pub(crate) fn reset(&mut self) {
        // Where that fails the close is a FIN, which is less clear but not wrong.
        let _ = self.stream.reset_on_close();
    }

    // --- one function per state, in the order of a connection's life ---

    /// Answers what has arrived, and reads on.
    fn read<N, H>(&mut self, reading: Reading, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        loop {
            let need = self.answer(visit);
            if !visit.exchange.out.is_empty() || *visit.exchange.after != After::Keep {
                return Next::Enter(State::Writing, "there is something to send");
            }
            let needed = match need {
                // A request that waits for its turn has begun, and keeps its exchange.
                Need::Flush if reading == Reading::Idle => Reading::Head,
                Need::Flush => return Next::End(End::Yield),
                Need::Head if visit.exchange.input.is_empty() => Reading::Idle,
                Need::Head => Reading::Head,
                Need::Body => Reading::Body,
            };
            if needed != reading {
                return Next::Enter(State::Reading(needed), "more has to arrive");
            }
            if visit.bytes == 0 {
                return Next::End(End::Yield);
            }
            match self.receive(visit) {
                Ok(Some(0)) => return self.end_of_input(reading),
                Ok(Some(len)) => {
                    visit.exchange.input.filled(len);
                    if reading == Reading::Body {
                        Self::extend_deadline(len, visit);
                    }
                }
                Ok(None) if visit.draining && reading == Reading::Idle => {
                    return Next::gone(Reason::Shutdown);
                }
                Ok(None) => return self.wait(Wait::Input, visit),
                Err(_) => return self.lost(),
            }
        }
    }

    /// Sends what was answered, and then does what was to follow.
    fn write<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        let whole = visit.exchange.out.is_untouched() && visit.exchange.out.pending() <= CLOSED_AT_ONCE;
        let mut writes = 0;
        while !visit.exchange.out.is_empty() {
            if !self.bits.has(Bits::WRITABLE) {
                return self.wait(Wait::InputAndOutput, visit);
            }
            if visit.bytes == 0 {
                return Next::End(End::Yield);
            }
            writes += 1;
            match visit.exchange.out.write_to(&mut self.stream, visit.bytes) {
                Ok(0) => return self.lost(),
                Ok(len) => {
                    visit.stats.bytes_out += len as u64;
                    visit.bytes = visit.bytes.saturating_sub(len);
                    Self::extend_deadline(len, visit);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.bits.clear(Bits::WRITABLE),
                    ErrorKind::Interrupted => {}
                    _ => return self.lost(),
                },
            }
        }
        visit.exchange.out.clear();
        let reading = visit.exchange.reading();
        match *visit.exchange.after {
            // It began before the drain did: the client may send on, so the close has to linger.
            After::Keep if visit.draining && reading == Reading::Idle => self.begin_close(false, visit),
            After::Keep => Next::Enter(State::Reading(reading), "all sent"),
            After::Close { client_asked } => self.begin_close(client_asked && whole && writes == 1, visit),
            After::Drop => Next::gone(Reason::Dropped),
        }
    }

    /// The last byte has left: the close begins as the close mode says.
    ///
    /// To close while input is unread, or still on its way, is a reset to the client, and a reset
    /// takes from it what it has not read. So `close` alone is only for clients that promised to
    /// send no more, have nothing unread here, and got so little that the kernel holds all of it.
    fn begin_close<N, H: ?Sized>(&mut self, at_once: bool, visit: &mut Visit<'_, N, H>) -> Next {
        match visit.config.close {
            CloseMode::Rst => {
                self.reset();
                Next::gone(Reason::Answered)
            }
            CloseMode::Peer => Next::Enter(State::Closing, "all sent, the client closes first"),
            CloseMode::Fin | CloseMode::Drop => {
                if at_once && visit.exchange.input.is_empty() && !self.bits.has(Bits::READABLE) {
                    return Next::gone(Reason::Answered);
                }
                match self.send_fin() {
                    Ok(()) => Next::Enter(State::Closing, "all sent, our FIN"),
                    Err(_) => self.lost(),
                }
            }
        }
    }

    /// Reads and discards until the client's FIN.
    fn close<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        loop {
            if visit.bytes == 0 {
                return Next::End(End::Yield);
            }
            match self.receive(visit) {
                Ok(Some(0)) => {
                    self.note_client_first();
                    return Next::gone(Reason::Answered);
                }
                Ok(Some(len)) => {
                    self.discarded = self.discarded.saturating_add(len as u32);
                    if self.discarded > visit.config.limits.linger_bytes {
                        return Next::gone(Reason::LingerLimit);
                    }
                }
                Ok(None) => return self.wait(Wait::Input, visit),
                Err(_) => return self.lost(),
            }
        }
    }

    // --- helpers ---

    /// The only place that writes the state.
    fn enter<N, H: ?Sized>(&mut self, state: State, why: &str, visit: &mut Visit<'_, N, H>) {
        trace!(target: STATES, "slot {}: {:?} -> {state:?} ({why})", visit.slot, self.state);
        self.state = state;
        visit.rearm = true;
        *visit.exchange.progress = 0;
        if state == State::Closing {
            visit.exchange.clear();
        }
    }

    fn answer<N, H: Handler + ?Sized>(&mut self, visit: &mut Visit<'_, N, H>) -> Need {
        if visit.exchange.input.is_empty() {
            return Need::Head;
        }
        let mut requests = visit.requests;
        let (exchange, mut service) = visit.service(&self.stream);
        let need = http::answer(exchange, &mut service, &mut requests);
        visit.requests = requests;
        need
    }

    fn refuse<N, H: ?Sized>(&mut self, why: &'static str, visit: &mut Visit<'_, N, H>) {
        let (exchange, mut service) = visit.service(&self.stream);
        http::refuse(exchange, &mut service, Refusal { status: 408, why });
        self.enter(State::Writing, why, visit);
    }

    /// One read into the free part of the input; `None` when it would block.
    fn receive<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> io::Result<Option<usize>>
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        while self.bits.has(Bits::READABLE) {
            let space = visit.exchange.input.space();
            match self.stream.read(space) {
                Ok(len) => {
                    let short = len < space.len();
                    if short && len > 0 && !self.bits.has(Bits::HINTED) && visit.net.short_read_drains() {
                        self.bits.clear(Bits::READABLE);
                    }
                    visit.stats.bytes_in += len as u64;
                    visit.bytes = visit.bytes.saturating_sub(len);
                    return Ok(Some(len));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.bits.clear(Bits::READABLE | Bits::HINTED),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(None)
    }

    /// Has the poller watch for what is waited for: at most one registration in a connection's
    /// life, and one change of it.
    fn wait<N, H>(&mut self, wait: Wait, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        let for_room = wait == Wait::InputAndOutput;
        let watched = if !self.bits.has(Bits::WATCHED) {
            visit.net.watch(&mut self.stream, visit.token, wait)
        } else if for_room && !self.bits.has(Bits::WATCHED_FOR_ROOM) {
            visit.net.rewatch(&mut self.stream, visit.token, wait)
        } else {
            return Next::End(End::Wait);
        };
        match watched {
            Ok(()) => {
                self.bits.set(Bits::WATCHED | if for_room { Bits::WATCHED_FOR_ROOM } else { 0 });
                Next::End(End::Wait)
            }
            Err(error) => {
                log::error!("a connection is closed, because the poller cannot watch it: {error}");
                visit.stats.register_errors += 1;
                self.reset();
                Next::gone(Reason::Unpollable)
            }
        }
    }

    /// Enough progress starts the state's deadline anew; a byte now and then does not.
    fn extend_deadline<N, H: ?Sized>(len: usize, visit: &mut Visit<'_, N, H>) {
        const ENOUGH: usize = 4096;
        *visit.exchange.progress += len;
        if *visit.exchange.progress >= ENOUGH {
            *visit.exchange.progress = 0;
            visit.rearm = true;
        }
    }

    fn end_of_input(&mut self, reading: Reading) -> Next {
        self.note_client_first();
        Next::gone(match reading {
            Reading::Idle => Reason::PeerClosed,
            Reading::Head | Reading::Body => Reason::PeerClosedEarly,
        })
    }

    fn lost(&mut self) -> Next {
        self.note_client_first();
        Next::gone(Reason::PeerReset)
    }

    fn note_client_first(&mut self) {
        if !self.bits.has(Bits::FIN_SENT) {
            self.bits.set(Bits::CLIENT_FIRST);
        }
    }

    fn send_fin(&mut self) -> io::Result<()> {
        self.bits.set(Bits::FIN_SENT);
        self.stream.shutdown_write()
    }
}

/// A response up to this size is surely in the kernel's hands when one write took all of it.
const CLOSED_AT_ONCE: usize = 16 * 1024;

impl Exchange<'_> {
    /// The reading state that fits what is held once everything has been sent.
    fn reading(&self) -> Reading {
        match (&self.body, self.input.is_empty()) {
            (Some(_), _) => Reading::Body,
            (None, false) => Reading::Head,
            (None, true) => Reading::Idle,
        }
    }
}
