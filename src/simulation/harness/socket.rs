//! One connection in the kernel that a test scripts: what has arrived, what was sent, how it ended.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use mio::Token;

use crate::net::{Interest, Readiness};

/// One simulated system call. Failed reads and writes stand as their error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Accept,
    Read(Result<usize, ErrorKind>),
    Write(Result<usize, ErrorKind>),
    /// The server's FIN.
    Shutdown,
    ResetOnClose,
    TakeError,
    Watch(Interest),
    Rewatch(Interest),
    Close,
}

/// How the server's side ended, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Fin,
    /// It takes from the client what the client has not read.
    Reset,
}

/// What a client does to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    /// An urgent byte, out of line: a read in front of it stops there.
    Urgent,
    Fin,
    Reset,
}

/// A connection: the server's end of it in the kernel, and what the client got.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    /// Arrived and not read.
    pub(crate) input: VecDeque<u8>,
    /// Comes right after the read that leaves nothing to read, one at a time.
    pub(crate) later: VecDeque<Arrival>,
    /// How many bytes of the input are in front of an urgent one.
    pub(crate) urgent: Option<usize>,
    pub(crate) client_fin: bool,
    /// The client has closed altogether: what is sent to it is answered by a reset.
    pub(crate) client_gone: bool,
    pub(crate) reset: Reset,
    pub(crate) read_faults: VecDeque<ErrorKind>,
    pub(crate) write_faults: VecDeque<ErrorKind>,
    /// What was written.
    pub(crate) output: Vec<u8>,
    /// So many of its last bytes wait for the FIN that was promised to follow at once; after a reset, they
    /// are lost.
    pub(crate) held_back: usize,
    /// The FIN came in one segment with the last bytes.
    pub(crate) fin_with_bytes: bool,
    /// How much more the kernel takes.
    pub(crate) room: usize,
    /// A write found no room: the next room is an edge.
    pub(crate) no_room: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) reset_on_close: bool,
    pub(crate) watched: Option<(Token, Interest)>,
    pub(crate) accepted: bool,
    pub(crate) closed: bool,
    pub(crate) calls: Vec<Call>,
}

/// A reset is told once; afterwards the socket is just at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reset {
    #[default]
    None,
    Untold,
    Told,
}

impl Reset {
    /// What a system call says of it; afterwards it is told.
    pub(crate) fn tell(&mut self) -> Self {
        let told = *self;
        if told == Reset::Untold {
            *self = Reset::Told;
        }
        told
    }
}

impl Socket {
    /// What mio makes of what epoll says.
    pub(crate) fn readiness(&self, interest: Interest) -> Readiness {
        let is_reset = self.is_reset();
        let hung_up = is_reset || (self.client_fin && self.ending.is_some());
        let has_room = interest == Interest::InputAndOutput && self.room > 0;
        Readiness {
            readable: self.has_input(),
            writable: has_room || hung_up,
            read_closed: self.client_fin || is_reset,
            priority: self.urgent.is_some(),
            error: self.reset == Reset::Untold,
        }
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.reset != Reset::None
    }

    pub(crate) fn end_with_fin(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Ending::Fin);
            self.fin_with_bytes = std::mem::take(&mut self.held_back) > 0;
        }
    }

    /// What has left for the client.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.output[..self.output.len() - self.held_back]
    }

    /// Whether SO_ERROR would say something.
    pub(crate) fn has_untold_error(&self) -> bool {
        self.reset == Reset::Untold
    }

    /// Whether a read would say something else than `WouldBlock`.
    pub(crate) fn has_input(&self) -> bool {
        !self.input.is_empty() || self.urgent.is_some() || self.client_fin || self.is_reset()
    }

    /// Whether a write would say something else than `WouldBlock`.
    pub(crate) fn has_room(&self) -> bool {
        self.room > 0 || self.is_reset()
    }

    /// Input goes first, then the news of a reset, then the end.
    pub(crate) fn take_input(&mut self, into: &mut [u8], limit: usize) -> io::Result<usize> {
        let mut available = self.input.len();
        match self.urgent {
            // A read that starts at the urgent byte steps over it.
            Some(0) => self.urgent = None,
            Some(in_front) => available = in_front,
            None => {}
        }
        let len = available.min(into.len()).min(limit);
        if len > 0 {
            for (to, from) in into.iter_mut().zip(self.input.drain(..len)) {
                *to = from;
            }
            self.urgent = self.urgent.map(|in_front| in_front - len);
            return Ok(len);
        }
        match self.reset.tell() {
            Reset::Untold => Err(ErrorKind::ConnectionReset.into()),
            Reset::Told => Ok(0),
            Reset::None if self.client_fin => Ok(0),
            Reset::None => Err(ErrorKind::WouldBlock.into()),
        }
    }
}
