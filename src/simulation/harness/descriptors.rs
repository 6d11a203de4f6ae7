//! Descriptors that clients pass, and where each of them is.
//!
//! A descriptor of the simulation is one end of a pair of real sockets. The other end stays in the simulated kernel, and
//! is at its end when the descriptor is closed, wherever it was.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

use super::client::Client;
use super::handler::Site;
use super::kernel::World;
use super::messages::Message;
use super::sim::Sim;
use super::socket::Arrival;
use crate::handler::request::Request;
use crate::slot::Slot;
use crate::state::State;

impl World {
    /// Makes a message with this number of descriptors arrive.
    pub(super) fn pass(&mut self, id: usize, bytes: Vec<u8>, count: usize) {
        assert!(!bytes.is_empty(), "only bytes can carry descriptors");
        assert!(!self.short_read_drains, "only a Unix socket can carry them, and it may cut a read");
        let pairs = (0..count).map(|_| UnixStream::pair().expect("a pair of sockets"));
        let (kept, passed): (Vec<_>, Vec<_>) = pairs.unzip();
        for kept in &kept {
            kept.set_nonblocking(true).expect("non-blocking");
        }
        self.passed.extend(kept);
        let socket = &mut self.sockets[id];
        let (start, end) = (socket.input.len(), socket.input.len() + bytes.len());
        let descriptors = passed.into_iter().map(OwnedFd::from).collect();
        socket.messages.0.push_back(Message { start, end, descriptors });
        socket.input.extend(bytes);
    }

    /// Returns how many descriptors that were passed are open.
    pub(crate) fn open_descriptors(&mut self) -> usize {
        self.passed.retain_mut(|kept| kept.read(&mut [0]).is_err());
        self.passed.len()
    }
}

impl Client {
    /// Sends bytes that carry this number of descriptors.
    pub(crate) fn pass(&self, bytes: &[u8], count: usize) {
        self.arrive(Arrival::Passing(bytes.to_vec(), count));
    }
}

impl Site {
    /// Notes how many descriptors came with a request. None of them came with a request before.
    pub(super) fn note_descriptors(&mut self, request: &Request<'_>) {
        let mut count = 0;
        for descriptor in request.descriptors() {
            let file = File::from(descriptor.try_clone_to_owned().expect("it is open"));
            let is_new = self.seen_descriptors.insert(file.metadata().expect("it has a number").ino());
            assert!(is_new, "{request:?} has a descriptor of another request");
            count += 1;
        }
        self.passed.push(count);
    }
}

impl Sim {
    /// Checks that each descriptor that is open is unread, or held for a request that is still arriving.
    pub(super) fn check_descriptors(&self) {
        let ((table, pool), descriptors) = (self.engine.internals(), self.engine.descriptors());
        let mut world = self.world();
        let unread: usize = world.sockets.iter().map(|socket| socket.messages.descriptors()).sum();
        assert_eq!(world.open_descriptors(), unread + descriptors.open(), "descriptors that are open");
        let limit = self.engine.config().limits.descriptors;
        for slot in (0..self.engine.config().max_connections).map(Slot::new) {
            let count = descriptors.count(slot);
            assert!(count.is_none_or(|count| count <= limit));
            let is_arriving = table.get(slot).is_some_and(|connection| match connection.state {
                State::Head | State::AwaitingBuffer | State::Body | State::Holding => true,
                State::Sending | State::Deferred => connection.exchange.is_some_and(|id| pool.has_body(id)),
                _ => false,
            });
            assert!(is_arriving || count == Some(0), "slot {slot} holds descriptors of no request");
        }
    }
}
