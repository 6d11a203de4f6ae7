//! Passing descriptors over a Unix socket.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// As many as one message can carry.
pub const MOST: usize = 253;

pub fn pass(client: &UnixStream, bytes: &str, descriptors: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    let bytes = [IoSlice::new(bytes.as_bytes())];
    let sent = sendmsg(client, &bytes, &mut control, SendFlags::empty()).expect("a message");
    assert_eq!(sent, bytes[0].len());
}
