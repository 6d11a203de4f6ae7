//! One connection in the simulated kernel: what has arrived, what was sent, and how it ended.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use mio::Token;

use super::messages::Messages;
use crate::net::{Interest, Readiness};

/// One simulated system call. A read or write that failed has its error.
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
    /// The client may lose what it has not read yet.
    Reset,
}

/// What a client does to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    /// Bytes that carry this number of descriptors.
    Passing(Vec<u8>, usize),
    /// An urgent byte, which is not in line. A read of the bytes before it stops there.
    Urgent,
    Fin,
    Reset,
}

/// A connection: the server's end of it in the kernel, and what the client has received.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    /// The bytes that have arrived and are not read.
    pub(crate) input: VecDeque<u8>,
    /// Which of them carry descriptors, and the descriptors of the last read.
    pub(crate) messages: Messages,
    pub(crate) received: Vec<OwnedFd>,
    /// What arrives right after the read that leaves nothing to read, one at a time.
    pub(crate) later: VecDeque<Arrival>,
    /// How many bytes of the input are before an urgent one.
    pub(crate) urgent: Option<usize>,
    pub(crate) client_fin: bool,
    /// Whether the client has closed altogether. Then it replies with a reset to everything.
    pub(crate) client_gone: bool,
    pub(crate) reset: Reset,
    pub(crate) read_faults: VecDeque<ErrorKind>,
    pub(crate) write_faults: VecDeque<ErrorKind>,
    /// The bytes that were written.
    pub(crate) output: Vec<u8>,
    /// How many of the last bytes wait for the FIN that was promised to follow at once. A reset loses them.
    pub(crate) held_back: usize,
    /// Whether the FIN left in one segment with the last bytes.
    pub(crate) fin_with_bytes: bool,
    /// How many more bytes the kernel takes.
    pub(crate) room: usize,
    /// Whether a write found no room. Then the next room is an edge.
    pub(crate) no_room: bool,
    pub(crate) ending: Option<Ending>,
    pub(crate) reset_on_close: bool,
    pub(crate) watched: Option<(Token, Interest)>,
    pub(crate) accepted: bool,
    /// Whether the host has taken it over.
    pub(crate) taken: bool,
    pub(crate) closed: bool,
    pub(crate) calls: Vec<Call>,
}

/// The state of a reset. It is reported once; afterwards the socket is just at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reset {
    #[default]
    None,
    Untold,
    Told,
}

impl Reset {
    /// Returns the state for a system call, which reports the reset.
    pub(crate) fn tell(&mut self) -> Self {
        let told = *self;
        if told == Reset::Untold {
            *self = Reset::Told;
        }
        told
    }
}

impl Socket {
    /// Returns the readiness as mio derives it from epoll.
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

    /// Returns the bytes that have left for the client.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.output[..self.output.len() - self.held_back]
    }

    /// Returns whether SO_ERROR would report something.
    pub(crate) fn has_untold_error(&self) -> bool {
        self.reset == Reset::Untold
    }

    /// Returns whether a read would return anything but `WouldBlock`.
    pub(crate) fn has_input(&self) -> bool {
        !self.input.is_empty() || self.urgent.is_some() || self.client_fin || self.is_reset()
    }

    /// Returns whether a write would return anything but `WouldBlock`.
    pub(crate) fn has_room(&self) -> bool {
        self.room > 0 || self.is_reset()
    }

    /// Reads: first the input, then the error of a reset, then the end.
    pub(crate) fn take_input(&mut self, into: &mut [u8], limit: usize) -> io::Result<usize> {
        let mut available = self.messages.available(self.input.len());
        match self.urgent {
            // A read that starts at the urgent byte steps over it.
            Some(0) => self.urgent = None,
            Some(in_front) => available = available.min(in_front),
            None => {}
        }
        let len = available.min(into.len()).min(limit);
        if len > 0 {
            for (to, from) in into.iter_mut().zip(self.input.drain(..len)) {
                *to = from;
            }
            self.urgent = self.urgent.map(|in_front| in_front - len);
            self.received = self.messages.read(len);
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
