//! The server's side of the wire: the engine's network.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use mio::Token;

use super::kernel::World;
use crate::net::descriptors::Passed;
use crate::net::{Flush, Interest, Net, Peer, Stream};

/// The kernel, shared by the server's side and the test's.
pub(crate) type Wire = Rc<RefCell<World>>;

#[derive(Debug)]
pub(crate) struct FakeNet(pub(crate) Wire);

#[derive(Debug)]
pub(crate) struct FakeListener {
    wire: Wire,
    id: usize,
}

/// A stream. Dropping it is the system call `close`.
#[derive(Debug)]
pub(crate) struct FakeStream {
    wire: Wire,
    pub(crate) id: usize,
}

impl FakeListener {
    pub(crate) fn new(wire: &Wire) -> Self {
        let id = wire.borrow_mut().listen();
        FakeListener { wire: wire.clone(), id }
    }
}

impl FakeStream {
    /// Returns a stream that the host has accepted itself.
    pub(crate) fn of_host(wire: &Wire) -> Self {
        let id = wire.borrow_mut().connect_to_host();
        FakeStream { wire: wire.clone(), id }
    }

    /// Notes that the host has taken it over.
    pub(crate) fn taken(self) -> Self {
        self.wire.borrow_mut().sockets[self.id].taken = true;
        self
    }

    /// Reads, as the host does that has taken it over.
    pub(crate) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wire.borrow_mut().read(self.id, into)
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.wire.borrow().sockets[self.id].watched.is_some()
    }
}

impl Net for FakeNet {
    type Listener = FakeListener;
    type Stream = FakeStream;

    fn short_read_drains(&self, _: &FakeStream) -> bool {
        self.0.borrow().short_read_drains
    }

    fn accept(&mut self, listener: &mut FakeListener) -> io::Result<FakeStream> {
        let id = self.0.borrow_mut().accept(listener.id)?;
        Ok(FakeStream { wire: self.0.clone(), id })
    }

    fn watch(&mut self, stream: &mut FakeStream, token: Token, interest: Interest) -> io::Result<()> {
        self.0.borrow_mut().watch(stream.id, token, interest, true)
    }

    fn rewatch(&mut self, stream: &mut FakeStream, token: Token, interest: Interest) -> io::Result<()> {
        self.0.borrow_mut().watch(stream.id, token, interest, false)
    }

    fn unwatch(&mut self, stream: &mut FakeStream) -> io::Result<()> {
        self.0.borrow_mut().unwatch(stream.id);
        Ok(())
    }

    fn take_over(&mut self, stream: &mut FakeStream) -> io::Result<()> {
        self.0.borrow_mut().unwatch(stream.id);
        Ok(())
    }

    fn watch_listener(&mut self, listener: &mut FakeListener, token: Token) -> io::Result<()> {
        self.0.borrow_mut().watch_listener(listener.id, Some(token));
        Ok(())
    }

    fn unwatch_listener(&mut self, listener: &mut FakeListener) {
        self.0.borrow_mut().watch_listener(listener.id, None);
    }
}

impl Drop for FakeListener {
    fn drop(&mut self) {
        self.wire.borrow_mut().watch_listener(self.id, None);
    }
}

impl Stream for FakeStream {
    fn read(&mut self, into: &mut [u8], mut passed: Passed<'_>) -> io::Result<usize> {
        let mut world = self.wire.borrow_mut();
        let result = world.read(self.id, into);
        let mut received = std::mem::take(&mut world.sockets[self.id].received);
        if passed.are_wanted() {
            let count = received.len();
            received.truncate(world.receivable.min(passed.room()));
            let is_cut = received.len() < count;
            for descriptor in received {
                passed.add(descriptor);
            }
            if is_cut {
                passed.are_cut();
            }
        }
        result
    }

    fn write(&mut self, bytes: &[u8], flush: Flush) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)], flush)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>], flush: Flush) -> io::Result<usize> {
        self.wire.borrow_mut().write(self.id, parts, flush)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.wire.borrow_mut().shut_down(self.id)
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        self.wire.borrow_mut().reset_on_close(self.id);
        Ok(())
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.wire.borrow_mut().take_error(self.id))
    }
}

impl Peer for FakeStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self.wire.borrow().sockets[self.id].is_reset() {
            false => Ok((Ipv4Addr::new(192, 0, 2, 1), 1024 + self.id as u16).into()),
            true => Err(ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        self.wire.borrow_mut().close(self.id);
    }
}
