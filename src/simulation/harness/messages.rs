//! The messages with descriptors in the input of a simulated socket.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// A message in a socket's input that carries descriptors. It ends a read.
#[derive(Debug)]
pub(crate) struct Message {
    /// How many bytes of the input are before its first byte, and before the byte after its last.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// The messages in a socket's input that carry descriptors.
#[derive(Debug, Default)]
pub(crate) struct Messages(pub(super) VecDeque<Message>);

impl Messages {
    /// Returns how many of these bytes a read can take.
    pub(super) fn available(&self, bytes: usize) -> usize {
        self.0.front().map_or(bytes, |message| message.end.min(bytes))
    }

    /// Notes that a read has taken this number of bytes. Returns the descriptors that came with them. A message whose
    /// first byte is read has given all of its descriptors.
    pub(super) fn read(&mut self, len: usize) -> Vec<OwnedFd> {
        let is_begun = self.0.front().is_some_and(|message| message.start < len);
        let received = if is_begun { self.0.pop_front() } else { None };
        for message in &mut self.0 {
            message.start -= len;
            message.end -= len;
        }
        received.map_or(Vec::new(), |message| message.descriptors)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn descriptors(&self) -> usize {
        self.0.iter().map(|message| message.descriptors.len()).sum()
    }
}
