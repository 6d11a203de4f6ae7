//! A client: what it does to the server, and what it receives.

use std::io::ErrorKind;

use super::net::{FakeStream, Wire};
use super::requests;
use super::responses::{Response, responses};
use super::socket::{Arrival, Call, Ending, Socket};

/// The client's end of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    wire: Wire,
    pub(crate) id: usize,
}

impl Client {
    pub(crate) fn new(wire: &Wire, listener: usize) -> Self {
        let id = wire.borrow_mut().connect(listener);
        Client { wire: wire.clone(), id }
    }

    /// Returns the client of a stream that the host has accepted.
    pub(crate) fn of(wire: &Wire, stream: &FakeStream) -> Self {
        Client { wire: wire.clone(), id: stream.id }
    }

    // --- what it does ---

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.arrive(Arrival::Bytes(bytes.to_vec()));
    }

    /// Sends a GET request.
    pub(crate) fn get(&self, target: &str) {
        self.send(&requests::get(target));
    }

    /// Sends a GET request with `Connection: close`.
    pub(crate) fn get_and_close(&self, target: &str) {
        self.send(&requests::get_and_close(target));
    }

    /// Makes something arrive right after the read that takes the rest of the input.
    pub(crate) fn later(&self, arrival: Arrival) {
        self.with(|socket| socket.later.push_back(arrival));
    }

    pub(crate) fn send_later(&self, bytes: &[u8]) {
        self.later(Arrival::Bytes(bytes.to_vec()));
    }

    pub(crate) fn send_urgent(&self) {
        self.arrive(Arrival::Urgent);
    }

    /// Sends its FIN, and reads on.
    pub(crate) fn fin(&self) {
        self.arrive(Arrival::Fin);
    }

    /// Closes altogether: sends its FIN, and a reset in reply to everything that it receives from now on.
    pub(crate) fn close(&self) {
        self.with(|socket| socket.client_gone = true);
        self.arrive(Arrival::Fin);
    }

    pub(crate) fn reset(&self) {
        self.arrive(Arrival::Reset);
    }

    /// Reads nothing from now on.
    pub(crate) fn stop_reading(&self) {
        self.wire.borrow_mut().fill(self.id);
    }

    /// Reads this number of bytes.
    pub(crate) fn read(&self, bytes: usize) {
        self.wire.borrow_mut().open(self.id, bytes);
    }

    // --- what the kernel does to it ---

    pub(crate) fn fail_read(&self, kind: ErrorKind) {
        self.with(|socket| socket.read_faults.push_back(kind));
    }

    pub(crate) fn fail_write(&self, kind: ErrorKind) {
        self.with(|socket| socket.write_faults.push_back(kind));
    }

    // --- what it has received ---

    pub(crate) fn received(&self) -> Vec<u8> {
        self.with(|socket| socket.sent().to_vec())
    }

    pub(crate) fn received_len(&self) -> usize {
        self.with(|socket| socket.sent().len())
    }

    pub(crate) fn responses(&self) -> Vec<Response> {
        responses(&self.received())
    }

    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.responses().iter().map(|response| response.status).collect()
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        self.with(|socket| socket.ending)
    }

    /// Returns whether the server's FIN came in one segment with the last bytes.
    pub(crate) fn got_fin_with_bytes(&self) -> bool {
        self.with(|socket| socket.fin_with_bytes)
    }

    // --- what the server did to get there ---

    /// Returns whether the server has accepted it and not closed it.
    pub(crate) fn is_served(&self) -> bool {
        self.with(|socket| socket.accepted && !socket.closed && !socket.taken)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.with(|socket| socket.closed)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.with(|socket| socket.calls.clone())
    }

    pub(crate) fn count(&self, which: impl Fn(Call) -> bool) -> usize {
        self.calls().into_iter().filter(|&call| which(call)).count()
    }

    pub(crate) fn called(&self, call: Call) -> bool {
        self.calls().contains(&call)
    }

    /// Returns whether the other side has read everything that has arrived.
    pub(crate) fn has_nothing_left(&self) -> bool {
        self.with(|socket| socket.input.is_empty() && socket.later.is_empty())
    }

    /// Returns whether everything that it has sent has arrived.
    pub(crate) fn has_nothing_to_come(&self) -> bool {
        self.with(|socket| socket.later.is_empty())
    }

    /// Delivers something after everything that was to arrive later, because the order of sending is kept.
    pub(super) fn arrive(&self, arrival: Arrival) {
        let mut later = self.with(|socket| std::mem::take(&mut socket.later));
        later.push_back(arrival);
        for arrival in later {
            self.wire.borrow_mut().arrive(self.id, arrival);
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Socket) -> T) -> T {
        look(&mut self.wire.borrow_mut().sockets[self.id])
    }
}
