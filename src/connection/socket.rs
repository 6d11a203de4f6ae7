//! A socket, and what the server knows of its readiness.
//!
//! Two bits say which directions are *ready*. An event sets them, and so does accept, because a new socket is tried at
//! once. Only `WouldBlock` clears them. With edge-triggered polling, a readiness that is forgotten never comes back.
//!
//! One exception saves a system call per request. A read that did not fill its buffer has emptied the socket,
//! so the next byte raises a new edge. The exception does not hold if the event hinted that the peer has
//! closed its half, or has sent urgent data. Then there is more to read, and no new event will say so.
//!
//! A socket enters the poller only when it first has to wait. Pollers report what is ready at that moment, so no edge
//! is lost. If the request has arrived before accept, the server answers it without registering its connection.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice};
use std::panic::Location;

use log::kv::ToValue;
use mio::Token;

use crate::exchange::{MOST_PIECES, Out, Pieces};
use crate::net::descriptors::{Descriptors, Passed};
use crate::net::{Flush, Interest, Net, Readiness, Stream};
use crate::slot::Slot;
use crate::trace::{self, Place};

/// A stream with its readiness.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    stream: S,
    bits: Bits,
}

/// A bit is set as long as the comment above it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits(u16);

impl Bits {
    /// No read has returned `WouldBlock`, or emptied the socket, since the last sign of input.
    const READABLE: u16 = 1;
    /// No write has returned `WouldBlock` since the last sign that the socket is writable.
    const WRITABLE: u16 = 1 << 1;
    /// A short read does not mean that the socket is empty.
    const MAY_HIDE_MORE: u16 = 1 << 2;
    /// The poller watches the socket.
    const WATCHED: u16 = 1 << 3;
    /// The poller also watches until the socket is writable.
    const WATCHED_FOR_OUTPUT: u16 = 1 << 4;
    /// The server has sent its FIN.
    const FIN_SENT: u16 = 1 << 5;
    /// The server saw the peer's FIN or reset before it sent its own FIN.
    const PEER_FIRST: u16 = 1 << 6;
    /// The close has to linger, because a plain one might cost the peer a response. (The bit is never
    /// cleared. A later request does not prove that the peer has read all responses.)
    const LINGERS: u16 = 1 << 7;
    /// A read has met the end of the input.
    const ENDED: u16 = 1 << 8;
    /// A read has failed.
    const FAILED: u16 = 1 << 9;
    /// The close will be a reset.
    const RESETS: u16 = 1 << 10;
    /// An event has hinted that the peer has closed its half, and no read has returned `WouldBlock` since.
    const READ_CLOSED: u16 = 1 << 11;
    /// The host has ended the connection, which perhaps still lingers.
    const BY_HOST: u16 = 1 << 12;
    /// On this kind of socket, a short read means that the socket is empty, unless it may hide more.
    const SHORT_READ_DRAINS: u16 = 1 << 13;

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    /// Returns whether a read that did not fill its buffer has emptied the socket.
    fn short_read_drains(self) -> bool {
        self.0 & (Bits::SHORT_READ_DRAINS | Bits::MAY_HIDE_MORE) == Bits::SHORT_READ_DRAINS
    }

    fn set(&mut self, bit: u16) {
        self.0 |= bit;
    }

    fn clear(&mut self, bit: u16) {
        self.0 &= !bit;
    }
}

impl<S> Socket<S> {
    /// Returns a socket as accept returns it. It is ready, because a request may have arrived already.
    pub(crate) fn new(stream: S) -> Self {
        Socket { stream, bits: Bits(Bits::READABLE | Bits::WRITABLE) }
    }

    /// Notes that a short read empties a socket of this kind, and that an arrival raises an edge then.
    pub(crate) fn believe_short_reads(&mut self) {
        self.bits.set(Bits::SHORT_READ_DRAINS);
    }

    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.bits.has(Bits::READABLE)
    }

    /// Returns whether a read would do anything: call the kernel, or return the known end or error again.
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

    /// Returns whether an event has hinted that the peer has closed its half. Only reading to the end would prove it.
    pub(crate) fn is_read_closed(&self) -> bool {
        self.bits.has(Bits::READ_CLOSED)
    }

    pub(crate) fn is_closed_by_host(&self) -> bool {
        self.bits.has(Bits::BY_HOST)
    }

    /// Notes that the host has ended the connection.
    pub(crate) fn close_by_host(&mut self) {
        self.bits.set(Bits::BY_HOST);
    }

    /// Notes that the close has to linger. More was sent than the kernel surely delivers by itself, or the peer may
    /// still send.
    pub(crate) fn make_linger(&mut self) {
        self.bits.set(Bits::LINGERS);
    }

    /// Notes the hints of an event. Those of a close or an error only mean that the calls are worth trying.
    pub(crate) fn hint(&mut self, hint: Readiness) {
        if hint.readable || hint.read_closed || hint.error || hint.priority {
            self.bits.set(Bits::READABLE);
        }
        if hint.writable || hint.error {
            self.bits.set(Bits::WRITABLE);
        }
        if hint.read_closed || hint.error || hint.priority {
            self.bits.set(Bits::MAY_HIDE_MORE | if hint.read_closed { Bits::READ_CLOSED } else { 0 });
        }
    }

    /// Notes that a call has reported the peer's FIN or reset.
    pub(crate) fn peer_ended(&mut self) {
        if !self.has_sent_fin() {
            self.bits.set(Bits::PEER_FIRST);
        }
    }
}

impl<S: Stream> Socket<S> {
    /// Reads once. Returns `None` if it would block. Every read after the end of the input meets the end again.
    #[track_caller]
    pub(crate) fn read(
        &mut self,
        slot: Slot,
        into: &mut [u8],
        descriptors: &mut Descriptors,
    ) -> io::Result<Option<usize>> {
        if self.bits.has(Bits::ENDED | Bits::FAILED) {
            return if self.bits.has(Bits::ENDED) {
                Ok(Some(0))
            } else {
                Err(ErrorKind::ConnectionReset.into())
            };
        }
        while self.is_readable() {
            let passed = Passed { descriptors: &mut *descriptors, slot };
            let read = self.stream.read(into, passed);
            let of = into.len();
            match traced_as(slot, || (self.stream.read_call(descriptors), Some(of)), read) {
                Ok(0) => {
                    self.bits.set(Bits::ENDED);
                    return Ok(Some(0));
                }
                Ok(len) => {
                    let is_drained = len < into.len() && self.bits.short_read_drains();
                    self.bits.clear(if is_drained { Bits::READABLE } else { 0 });
                    return Ok(Some(len));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        // After the peer's FIN, no read returns this. So the hints were false.
                        self.bits.clear(Bits::READABLE | Bits::MAY_HIDE_MORE | Bits::READ_CLOSED);
                    }
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

    /// Writes once what is left of a response, with at most `limit` bytes of a body that is not copied. Returns how
    /// many bytes the kernel has taken, or `None` if it would block.
    #[inline(always)]
    #[track_caller]
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
                let written = self.stream.write(out.unsent(), flush);
                traced_as(slot, || ("send", Some(out.unsent().len())), written)
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

    #[track_caller]
    fn write_pieces(&mut self, slot: Slot, out: &Out<'_>, limit: usize, flush: Flush) -> io::Result<usize> {
        let mut pieces = [IoSlice::new(b""); MOST_PIECES];
        let Pieces { bytes, is_all } = out.pieces(limit, &mut pieces);
        let flush = if is_all { flush } else { Flush::Now };
        match bytes {
            // One piece is cheaper without the vector.
            [bytes] => {
                let written = self.stream.write(bytes, flush);
                traced_as(slot, || ("send", Some(bytes.len())), written)
            }
            _ => {
                let of = || bytes.iter().map(|piece| piece.len()).sum();
                traced_as(slot, || ("sendmsg", Some(of())), self.stream.write_vectored(bytes, flush))
            }
        }
    }

    /// Returns whether the peer has reset the connection, if that shows without reading. It calls the kernel only if an
    /// event has hinted at it.
    #[track_caller]
    pub(crate) fn has_failed(&self, slot: Slot) -> bool {
        self.bits.has(Bits::MAY_HIDE_MORE)
            && !matches!(traced(slot, "getsockopt", self.stream.take_error()), Ok(None))
    }

    pub(crate) fn is_watched_for(&self, interest: Interest) -> bool {
        self.bits.has(match interest {
            Interest::Input => Bits::WATCHED,
            Interest::InputAndOutput => Bits::WATCHED_FOR_OUTPUT,
        })
    }

    /// Registers the socket with the poller for what it waits for. In its life, a socket takes at most one registration
    /// and one change of it.
    #[track_caller]
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

    /// Sends our FIN. Reading goes on.
    #[track_caller]
    pub(crate) fn send_fin(&mut self, slot: Slot) -> io::Result<()> {
        traced(slot, "shutdown", self.stream.shutdown_write())?;
        self.bits.set(Bits::FIN_SENT);
        Ok(())
    }

    /// Makes the next close a reset, so that the peer cannot take a part of a response for the whole.
    #[track_caller]
    pub(crate) fn reset_on_close(&mut self, slot: Slot) {
        // If that fails, the close is a FIN, which is less clear but not wrong.
        if traced(slot, "setsockopt", self.stream.reset_on_close()).is_ok() {
            self.bits.set(Bits::RESETS);
        }
    }

    /// Gives the stream away. The poller no longer watches it.
    #[track_caller]
    pub(crate) fn into_stream<N>(mut self, slot: Slot, net: &mut N) -> S
    where
        N: Net<Stream = S>,
    {
        if self.bits.has(Bits::WATCHED) {
            // If this fails, the poller does not know the stream, as it should be.
            let _ = traced(slot, "deregister", net.unwatch(&mut self.stream));
        }
        self.stream
    }

    /// Ends the connection and closes the socket.
    ///
    /// The FIN goes before the close. If input is unread at the close, or arrives just before it, the kernel resets the
    /// connection and throws away what it has not sent. A FIN makes it send that first. The FIN also ends the
    /// connection if another process has inherited the socket, which `close` does not.
    #[track_caller]
    pub(crate) fn close(mut self, slot: Slot) {
        if !self.bits.has(Bits::FIN_SENT | Bits::FAILED | Bits::RESETS) {
            // It fails if the peer has reset the connection. Then nobody needs the FIN.
            let _ = traced(slot, "shutdown", self.stream.shutdown_write());
        }
    }
}

/// Logs the result of a connection's system call. All pass through here but `close`, which has no result.
#[inline(always)]
#[track_caller]
fn traced<T: CallResult>(slot: Slot, call: &'static str, result: io::Result<T>) -> io::Result<T> {
    traced_as(slot, || (call, None), result)
}

/// Does the same for a call that moves bytes. `call` returns its name, and how many bytes it would move at most. It is
/// asked only if something is logged.
#[inline(always)]
#[track_caller]
fn traced_as<T: CallResult>(
    slot: Slot,
    call: impl FnOnce() -> (&'static str, Option<usize>),
    result: io::Result<T>,
) -> io::Result<T> {
    // By value, so the result stays in registers while nothing is logged.
    if trace::is_on() { trace_call(slot, call(), result, Location::caller()) } else { result }
}

/// The result of a system call that has succeeded.
trait CallResult: fmt::Debug {
    /// How many bytes it has moved, if it is a call that moves some.
    fn bytes(&self) -> Option<usize> {
        None
    }

    /// The error that it has asked for and got.
    fn found(&self) -> Option<&io::Error> {
        None
    }
}

impl CallResult for () {}

impl CallResult for usize {
    fn bytes(&self) -> Option<usize> {
        Some(*self)
    }
}

impl CallResult for Option<io::Error> {
    fn found(&self) -> Option<&io::Error> {
        self.as_ref()
    }
}

#[cold]
fn trace_call<T: CallResult>(
    slot: Slot,
    (call, of): (&str, Option<usize>),
    result: io::Result<T>,
    at: Place,
) -> io::Result<T> {
    let bytes = result.as_ref().map_or(None, CallResult::bytes);
    let error = result.as_ref().map_or_else(Some, CallResult::found).map(trace::error_name);
    let error = error.as_deref();
    let fields = [
        ("kind", "call".into()),
        ("slot", slot.index().into()),
        ("call", call.into()),
        ("bytes", bytes.to_value()),
        ("of", of.to_value()),
        ("error", error.to_value()),
    ];
    trace::step(trace::CALLS, at, &fields, format_args!("slot {slot}: {call} {result:?}"));
    result
}
