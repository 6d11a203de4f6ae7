//! A socket, and what is known of its readiness.
//!
//! Two bits say which directions are *ready*. An event sets them, and so does accept: a new socket
//! is tried at once. Only `WouldBlock` clears them, because with edge-triggered polling a readiness
//! that is forgotten never comes back.
//!
//! One exception saves a system call per request: a read that did not fill its buffer has emptied
//! the socket, so that the next byte raises a new edge. It does not hold when the event hinted that
//! the peer has closed its half or sent urgent data, for then the end or the rest is still to be
//! read and raises none.
//!
//! A socket enters the poller only when it first has to wait. Pollers report what is ready at that
//! moment, so no edge is lost; and a request that is there at accept is answered without the poller
//! ever hearing of its connection.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};

use log::trace;
use mio::Token;

use crate::exchange::{MOST_PIECES, Out, Pieces};
use crate::net::{Flush, Interest, Net, Readiness, Stream};
use crate::slot::Slot;

/// A stream with its readiness.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    stream: S,
    bits: Bits,
}

/// Each bit is set exactly when its sentence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits(u16);

impl Bits {
    /// No read has said `WouldBlock` since the last sign of input.
    const READABLE: u16 = 1;
    /// No write has said `WouldBlock` since the last sign of room.
    const WRITABLE: u16 = 1 << 1;
    /// A short read does not mean that the socket is empty.
    const HINTED: u16 = 1 << 2;
    /// The poller watches the socket.
    const WATCHED: u16 = 1 << 3;
    /// The poller watches it for room to write as well.
    const WATCHED_FOR_OUTPUT: u16 = 1 << 4;
    /// Our FIN has been sent.
    const FIN_SENT: u16 = 1 << 5;
    /// The peer's FIN or reset was seen before we sent a FIN.
    const PEER_FIRST: u16 = 1 << 6;
    /// Its close has to linger: a plain one might cost the peer an answer. (Never cleared: by its next
    /// request a peer shows that it reads, but not that it has read all.)
    const LINGERS: u16 = 1 << 7;
    /// A read has met the end of the input, or an error.
    const ENDED: u16 = 1 << 8;
    const FAILED: u16 = 1 << 9;
    /// The close will be a reset.
    const RESETS: u16 = 1 << 10;

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    fn set(&mut self, bit: u16) {
        self.0 |= bit;
    }

    fn clear(&mut self, bit: u16) {
        self.0 &= !bit;
    }
}

impl<S> Socket<S> {
    /// A socket as accept returns it: perhaps a request is there already.
    pub(crate) fn new(stream: S) -> Self {
        Socket { stream, bits: Bits(Bits::READABLE | Bits::WRITABLE) }
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.bits.has(Bits::READABLE)
    }

    /// Whether a read would ask the kernel, or knows that there is no need to.
    pub(crate) fn may_read(&self) -> bool {
        self.bits.has(Bits::READABLE | Bits::ENDED | Bits::FAILED)
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.bits.has(Bits::WRITABLE)
    }

    pub(crate) fn has_sent_fin(&self) -> bool {
        self.bits.has(Bits::FIN_SENT)
    }

    pub(crate) fn peer_closed_first(&self) -> bool {
        self.bits.has(Bits::PEER_FIRST)
    }

    pub(crate) fn has_to_linger(&self) -> bool {
        self.bits.has(Bits::LINGERS)
    }

    /// More was sent than the kernel surely delivers by itself, or the peer may still send.
    pub(crate) fn make_linger(&mut self) {
        self.bits.set(Bits::LINGERS);
    }

    /// Notes what an event says. Close and error hints only mean that the calls are worth trying.
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

    /// Notes that a call has told of the peer's FIN or reset.
    pub(crate) fn peer_ended(&mut self) {
        if !self.has_sent_fin() {
            self.bits.set(Bits::PEER_FIRST);
        }
    }
}

impl<S: Stream> Socket<S> {
    /// One read; `None` when it would block. The end of the input is met again by every read.
    pub(crate) fn read(
        &mut self,
        slot: Slot,
        into: &mut [u8],
        short_read_drains: bool,
    ) -> io::Result<Option<usize>> {
        if self.bits.has(Bits::ENDED | Bits::FAILED) {
            return if self.bits.has(Bits::ENDED) {
                Ok(Some(0))
            } else {
                Err(ErrorKind::ConnectionReset.into())
            };
        }
        while self.is_readable() {
            match traced(slot, "recv", self.stream.read(into)) {
                Ok(0) => {
                    self.bits.set(Bits::ENDED);
                    return Ok(Some(0));
                }
                Ok(len) => {
                    let is_short = len < into.len();
                    let may_hide_more = self.bits.has(Bits::HINTED);
                    let is_drained = is_short && short_read_drains && !may_hide_more;
                    self.bits.clear(if is_drained { Bits::READABLE } else { 0 });
                    return Ok(Some(len));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.bits.clear(Bits::READABLE | Bits::HINTED),
                    ErrorKind::Interrupted => {}
                    _ => {
                        self.bits.set(Bits::FAILED);
                        return Err(error);
                    }
                },
            }
        }
        Ok(None)
    }

    /// One write of what is left of a response, at most `limit` bytes of a body that is not copied. Returns how many
    /// bytes the kernel has taken, or `None` if it would block.
    #[inline(always)]
    pub(crate) fn write(
        &mut self,
        slot: Slot,
        out: &mut Out<'_>,
        limit: usize,
        flush: Flush,
    ) -> io::Result<Option<usize>> {
        while self.is_writable() {
            let written = if out.has_tail() {
                self.write_pieces(slot, out, limit, flush)
            } else {
                traced(slot, "send", self.stream.write(out.unsent(), flush))
            };
            match written {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => {
                    out.sent(len);
                    return Ok(Some(len));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.bits.clear(Bits::WRITABLE),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(None)
    }

    fn write_pieces(&mut self, slot: Slot, out: &Out<'_>, limit: usize, flush: Flush) -> io::Result<usize> {
        let mut pieces = [IoSlice::new(b""); MOST_PIECES];
        let Pieces { bytes, is_all } = out.pieces(limit, &mut pieces);
        let flush = if is_all { flush } else { Flush::Now };
        match bytes {
            // One piece is cheaper without the vector.
            [bytes] => traced(slot, "send", self.stream.write(bytes, flush)),
            _ => traced(slot, "sendmsg", self.stream.write_vectored(bytes, flush)),
        }
    }

    /// Whether the peer has reset the connection, as far as that shows without reading. Asked only
    /// where an event has hinted at it.
    pub(crate) fn has_failed(&self, slot: Slot) -> bool {
        self.bits.has(Bits::HINTED)
            && !matches!(traced(slot, "getsockopt", self.stream.take_error()), Ok(None))
    }

    pub(crate) fn is_watched_for(&self, interest: Interest) -> bool {
        self.bits.has(match interest {
            Interest::Input => Bits::WATCHED,
            Interest::InputAndOutput => Bits::WATCHED_FOR_OUTPUT,
        })
    }

    /// Has the poller watch for what is waited for: at most one registration in a socket's life,
    /// and at most one change of it.
    pub(crate) fn watch<N>(
        &mut self,
        slot: Slot,
        interest: Interest,
        net: &mut N,
        token: Token,
    ) -> io::Result<()>
    where
        N: Net<Stream = S>,
    {
        let for_output = interest == Interest::InputAndOutput;
        if !self.bits.has(Bits::WATCHED) {
            traced(slot, "register", net.watch(&mut self.stream, token, interest))?;
        } else if for_output && !self.bits.has(Bits::WATCHED_FOR_OUTPUT) {
            traced(slot, "reregister", net.rewatch(&mut self.stream, token, interest))?;
        }
        self.bits.set(Bits::WATCHED | if for_output { Bits::WATCHED_FOR_OUTPUT } else { 0 });
        Ok(())
    }

    /// Closes our half; reading goes on.
    pub(crate) fn send_fin(&mut self, slot: Slot) -> io::Result<()> {
        traced(slot, "shutdown", self.stream.shutdown_write())?;
        self.bits.set(Bits::FIN_SENT);
        Ok(())
    }

    /// Makes the close that follows a reset, so that the peer cannot take what it has got for the
    /// whole.
    pub(crate) fn reset_on_close(&mut self, slot: Slot) {
        // Where that fails the close is a FIN, which is less clear but not wrong.
        if traced(slot, "setsockopt", self.stream.reset_on_close()).is_ok() {
            self.bits.set(Bits::RESETS);
        }
    }

    /// Ends the connection and closes the socket.
    ///
    /// The FIN goes before the close. If input is unread at the close, or arrives just before it, the kernel resets
    /// the connection and throws away what it has not sent; a FIN makes it send that first. And the FIN ends the
    /// connection even if another process has inherited the socket, which `close` does not.
    pub(crate) fn close(mut self, slot: Slot) {
        if !self.bits.has(Bits::FIN_SENT | Bits::FAILED | Bits::RESETS) {
            // It fails if the peer has reset the connection, and then there is nobody to tell.
            let _ = traced(slot, "shutdown", self.stream.shutdown_write());
        }
    }
}

/// The log target of one line per system call of a connection.
const CALLS: &str = "fourway::call";

/// Sees the result of each system call of a connection but `close`, which has none.
#[inline(always)]
fn traced<T: fmt::Debug>(slot: Slot, call: &str, result: io::Result<T>) -> io::Result<T> {
    trace!(target: CALLS, "slot {slot}: {call} {result:?}");
    result
}
