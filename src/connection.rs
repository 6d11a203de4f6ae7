//! One connection: its states, and the driver that moves it from one to the next.
//!
//! ```text
//!          accept
//!             │
//!             ▼                answered
//!     ┌─── reading ──────────────────────────────► writing ───┐
//!     │ Idle, Head, Body                      Sending, Deferred
//!     │       ▲                                    │          │
//!     │       └──────── all sent, keep alive ──────┘          │ all sent, close
//!     │ end of input, or reset                                ▼
//!     │                                                    Closing
//!     ▼                                                       │ peer's FIN, limit or deadline
//!  (gone: no slot, no socket) ◄───────────────────────────────┘
//! ```
//!
//! A state says what the connection waits for. There is one function per state; it does the
//! state's system calls until one of them says `WouldBlock` or the state's work is done, and
//! returns what is next. [`Connection::drive`] is the only place that looks at the state, and
//! [`Connection::enter`] the only one that writes it.

use std::io;

use log::trace;

use crate::config::CloseMode;
use crate::deferred::GoneReason;
use crate::exchange::{After, Exchange};
use crate::handler::Handler;
use crate::http::{self, Asked, Need, Refusal};
use crate::net::{Net, Readiness, Stream, Wait};
use crate::socket::Socket;
use crate::stats::Reason;
use crate::table::{Link, Links, NONE};
use crate::visit::{End, Visit};

/// The log target of one line per change of state.
pub(crate) const STATES: &str = "fourway::state";

/// What a connection is doing, which is what it waits for: each state has a deadline list of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Reading, between requests or before the first: no buffer is held.
    Idle,
    /// Reading a head that has begun.
    Head,
    /// Reading the body of a head that is whole.
    Body,
    /// Writing what was answered.
    Sending,
    /// Waiting for the host's answer; the requests behind this one wait as well.
    Deferred,
    /// All is sent: waiting for the client's FIN.
    Closing,
}

impl State {
    /// In the order of a connection's life.
    pub(crate) const ALL: [State; 6] =
        [State::Idle, State::Head, State::Body, State::Sending, State::Deferred, State::Closing];
}

/// A slab entry: at most 48 bytes, so that a million idle connections take 48 MB.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) socket: Socket<S>,
    /// The exchange that it keeps between visits, or [`NONE`].
    pub(crate) exchange: u32,
    pub(crate) generation: u16,
    /// Bytes discarded while closing.
    discarded: u32,
    /// When its present wait ends, in nanoseconds of the server's clock.
    pub(crate) deadline: u64,
    ready_links: Links,
    pub(crate) deadline_links: Links,
    state: State,
    /// Whether it is in the ready queue.
    pub(crate) queued: bool,
}

/// In release, mio's stream is its file descriptor, or one of two kinds of it. The slab adds its
/// free list inside the entry.
#[cfg(all(unix, target_pointer_width = "64"))]
const _: () = {
    use std::os::fd::OwnedFd;
    assert!(size_of::<Connection<OwnedFd>>() <= 48);
    assert!(size_of::<Connection<Result<OwnedFd, OwnedFd>>>() <= 48);
};

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
    pub(crate) fn new(stream: S, generation: u16) -> Self {
        Connection {
            socket: Socket::new(stream),
            exchange: NONE,
            generation,
            discarded: 0,
            deadline: 0,
            ready_links: Links::NONE,
            deadline_links: Links::NONE,
            state: State::Idle,
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
                State::Idle | State::Head | State::Body => self.read(visit),
                State::Sending => self.send(visit),
                State::Deferred => self.defer(visit),
                State::Closing => self.close(visit),
            };
            match next {
                Next::Enter(state, why) => self.enter(state, why, visit),
                Next::End(end) => return end,
            }
        }
    }

    /// What the end of a wait means. An event may still be on its way, or the host be late: so
    /// the system calls are asked once more, and only if nothing has come of it the wait is over.
    pub(crate) fn expire<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> End
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        self.socket.hint(Readiness { readable: true, writable: true, ..Readiness::default() });
        let end = self.drive(visit);
        if end == End::Wait && !visit.rearm { self.give_up(GoneReason::Timeout, visit) } else { end }
    }

    /// Gives its exchange to somebody else.
    pub(crate) fn make_way<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> End
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        self.give_up(GoneReason::NoRoom, visit)
    }

    /// Nothing has come in time: a late request is refused, and so is one that is answered too late;
    /// in close mode `peer` our FIN goes first after all. For the rest it is the connection's end.
    fn give_up<N, H>(&mut self, why: GoneReason, visit: &mut Visit<'_, N, H>) -> End
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        match self.state {
            State::Idle => return End::Gone(Reason::IdleTimeout),
            State::Head => self.refuse(408, "the head did not arrive in time", visit),
            State::Body => self.refuse(408, "the body did not arrive in time", visit),
            State::Deferred => {
                if let Some(awaited) = visit.exchange.course.after.awaited() {
                    visit.service.tickets.lose(visit.slot, awaited.serial, why);
                }
                self.refuse(503, "the answer did not come in time", visit);
            }
            State::Sending => {
                self.socket.reset_on_close();
                return End::Gone(Reason::WriteTimeout);
            }
            State::Closing if self.socket.has_sent_fin() => return End::Gone(Reason::LingerTimeout),
            State::Closing => match self.socket.send_fin() {
                Ok(()) => self.enter(State::Closing, "the client did not close first, our FIN", visit),
                Err(_) => return End::Gone(Reason::PeerReset),
            },
        }
        self.drive(visit)
    }

    // --- one function per state, in the order of a connection's life ---

    /// Answers what has arrived, and reads on.
    fn read<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: Handler + ?Sized,
    {
        loop {
            if !visit.exchange.input.is_empty() {
                let need = self.answer(visit);
                if !visit.exchange.out.is_empty() || visit.exchange.course.after != After::Keep {
                    return Next::Enter(State::Sending, "there is something to send");
                }
                let needed = match need {
                    // A request that waits for its turn has begun, and keeps its exchange.
                    Need::Flush if self.state == State::Idle => State::Head,
                    Need::Flush => return Next::End(End::Yield),
                    Need::Head if visit.exchange.input.is_empty() => State::Idle,
                    Need::Head => State::Head,
                    Need::Body => State::Body,
                };
                if needed != self.state {
                    return Next::Enter(needed, "more has to arrive");
                }
            }
            if visit.bytes == 0 {
                return Next::End(End::Yield);
            }
            match self.receive(visit) {
                Ok(Some(0)) => return self.end_of_input(),
                Ok(Some(len)) => {
                    visit.exchange.input.filled(len);
                    if self.state == State::Body {
                        Self::extend_deadline(len, visit);
                    }
                }
                Ok(None) if visit.service.is_draining() && self.state == State::Idle => {
                    return if self.socket.has_sent_much() {
                        self.begin_close(false, visit)
                    } else {
                        Next::gone(Reason::Shutdown)
                    };
                }
                Ok(None) => return self.wait(Wait::Input, visit),
                Err(_) => return self.lost(),
            }
        }
    }

    /// Sends what was answered, and then does what was to follow.
    fn send<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        let whole = visit.exchange.out.is_untouched() && visit.exchange.out.pending() <= CLOSED_AT_ONCE;
        let mut writes = 0;
        while !visit.exchange.out.is_empty() {
            if visit.bytes == 0 {
                return Next::End(End::Yield);
            }
            match self.socket.write(&mut visit.exchange.out, visit.bytes) {
                Ok(Some(len)) => {
                    writes += 1;
                    visit.service.stats.bytes_out += len as u64;
                    visit.bytes = visit.bytes.saturating_sub(len);
                    Self::extend_deadline(len, visit);
                }
                Ok(None) => return self.wait(Wait::InputAndOutput, visit),
                Err(_) => return self.lost(),
            }
        }
        let whole = whole && writes == 1;
        if !whole && writes > 0 {
            self.socket.note_sent_much();
        }
        visit.exchange.out.clear();
        let next = visit.exchange.reading();
        match visit.exchange.course.after {
            // It began before the drain did: the client may send on, so the close has to linger.
            After::Keep if visit.service.is_draining() && next == State::Idle => {
                self.begin_close(false, visit)
            }
            After::Keep => Next::Enter(next, "all sent"),
            After::Close { client_asked } => self.begin_close(client_asked && whole, visit),
            After::Drop => Next::gone(Reason::Dropped),
            After::Defer(_) => Next::Enter(State::Deferred, "the answer comes later"),
        }
    }

    /// Waits for the host's answer. Nothing is read meanwhile, so only an error tells of a client
    /// that has gone: one that has closed its half may still be waiting.
    fn defer<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        if visit.exchange.course.after.awaited().is_none() {
            return Next::Enter(State::Sending, "the answer has come");
        }
        if self.socket.has_failed() {
            return self.lost();
        }
        self.wait(Wait::Input, visit)
    }

    /// The last byte has left: the close begins as the close mode says.
    ///
    /// To close while input is unread, or still on its way, is a reset to the client, and a reset
    /// takes from it what it has not read. So `close` alone is only for clients that promised to
    /// send no more, have nothing unread here, and got so little that the kernel holds all of it.
    fn begin_close<N, H: ?Sized>(&mut self, at_once: bool, visit: &mut Visit<'_, N, H>) -> Next {
        match visit.service.config.close {
            CloseMode::Rst => {
                self.socket.reset_on_close();
                Next::gone(Reason::Answered)
            }
            CloseMode::Peer => Next::Enter(State::Closing, "all sent, the client closes first"),
            CloseMode::Fin | CloseMode::Drop => {
                let is_quiet = visit.exchange.input.is_empty() && !self.socket.is_readable();
                if at_once && is_quiet && !self.socket.has_sent_much() {
                    return Next::gone(Reason::Answered);
                }
                match self.socket.send_fin() {
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
                    self.socket.peer_ended();
                    return Next::gone(Reason::Answered);
                }
                Ok(Some(len)) => {
                    self.discarded = self.discarded.saturating_add(len as u32);
                    if self.discarded > visit.service.config.limits.linger_bytes {
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
        visit.exchange.course.progress = 0;
        if state == State::Closing {
            visit.exchange.clear();
        }
    }

    /// Answers what is whole of the input.
    fn answer<N, H: Handler + ?Sized>(&mut self, visit: &mut Visit<'_, N, H>) -> Need {
        let mut asked = Asked { handler: &mut *visit.handler, peer: self.socket.stream() };
        http::answer(&mut visit.exchange, visit.service, &mut asked, &mut visit.requests)
    }

    fn refuse<N, H: ?Sized>(&mut self, status: u16, why: &'static str, visit: &mut Visit<'_, N, H>) {
        let refusal = Refusal { status, why };
        http::refuse(&mut visit.exchange, visit.service, self.socket.stream(), refusal);
        self.enter(State::Sending, why, visit);
    }

    /// One read into the free part of the input; `None` when it would block.
    fn receive<N, H>(&mut self, visit: &mut Visit<'_, N, H>) -> io::Result<Option<usize>>
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        let drains = visit.net.short_read_drains(self.socket.stream());
        let read = self.socket.read(visit.exchange.input.space(), drains);
        if let Ok(Some(len)) = read {
            visit.service.stats.bytes_in += len as u64;
            visit.bytes = visit.bytes.saturating_sub(len);
        }
        read
    }

    fn wait<N, H>(&mut self, wait: Wait, visit: &mut Visit<'_, N, H>) -> Next
    where
        N: Net<Stream = S>,
        H: ?Sized,
    {
        match self.socket.watch(wait, visit.net, visit.token) {
            Ok(()) => Next::End(End::Wait),
            Err(error) => {
                if visit.service.stats.register_errors == 0 {
                    log::error!("the poller cannot watch connections, they are closed: {error}");
                }
                visit.service.stats.register_errors += 1;
                if !visit.exchange.out.is_empty() {
                    self.socket.reset_on_close();
                }
                Next::gone(Reason::Unpollable)
            }
        }
    }

    /// Enough progress starts the state's deadline anew; a byte now and then does not.
    fn extend_deadline<N, H: ?Sized>(len: usize, visit: &mut Visit<'_, N, H>) {
        const ENOUGH: usize = 4096;
        visit.exchange.course.progress += len;
        if visit.exchange.course.progress >= ENOUGH {
            visit.exchange.course.progress = 0;
            visit.rearm = true;
        }
    }

    fn end_of_input(&mut self) -> Next {
        self.socket.peer_ended();
        let is_between_requests = self.state == State::Idle;
        Next::gone(if is_between_requests { Reason::PeerClosed } else { Reason::PeerClosedEarly })
    }

    fn lost(&mut self) -> Next {
        self.socket.peer_ended();
        Next::gone(Reason::PeerReset)
    }
}

/// A response up to this size is surely in the kernel's hands when one write took all of it.
const CLOSED_AT_ONCE: u64 = 16 * 1024;

impl Exchange<'_> {
    /// The reading state that fits what is held once everything has been sent.
    fn reading(&self) -> State {
        match (&self.course.body, self.input.is_empty()) {
            (Some(_), _) => State::Body,
            (None, false) => State::Head,
            (None, true) => State::Idle,
        }
    }
}
