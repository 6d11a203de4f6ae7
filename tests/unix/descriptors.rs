//! Clients that pass descriptors with their bytes (SCM_RIGHTS), although the server wants none. So the kernel
//! closes them where it reads: it never has any, whatever is sent to it.

use std::io::{IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::*;
use crate::common::wait_until;

/// As many in each message; the kernel passes up to 253.
const PASSED: usize = 100;

/// Sends bytes, and with them descriptors of one end of a pair of sockets. The other end tells when the last
/// of those is closed, wherever it was: then it is at its end.
fn send_with_descriptors(client: &Client, bytes: &str) -> UnixStream {
    let (kept, passed) = UnixStream::pair().expect("a pair");
    kept.set_nonblocking(true).expect("non-blocking");
    let descriptors = [passed.as_fd(); PASSED];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PASSED))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let bytes = [IoSlice::new(bytes.as_bytes())];
    let sent = sendmsg(client.0.get_ref(), &bytes, &mut control, SendFlags::empty()).expect("a message");
    assert_eq!(sent, bytes[0].len());
    drop(passed);
    kept
}

/// Whether the last descriptor of a pair's other end is closed.
pub(super) fn is_at_its_end(mut kept: &UnixStream) -> bool {
    match kept.read(&mut [0]) {
        Ok(len) => len == 0,
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            false
        }
    }
}

#[test]
fn descriptors_that_come_with_a_request_are_closed_by_reading_it() {
    let mut site = Site::new();
    let mut client = site.client();
    let mut passed = Vec::new();
    for number in 0..20 {
        passed.push(send_with_descriptors(&client, &get(&format!("/{number}"))));
        assert!(!is_at_its_end(&passed[number]), "they are on their way");
        site.until_asked(number + 1);
        assert_eq!(client.body(), format!("/{number}").as_bytes());
        assert!(is_at_its_end(&passed[number]), "the kernel has closed them");
    }
}

/// A read ends behind the bytes that descriptors came with, although more are there.
#[test]
fn a_request_in_pieces_that_come_with_descriptors_each_is_answered() {
    let mut site = Site::new();
    let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for at in 1..request.len() {
        let mut client = site.client();
        let (first, rest) = request.split_at(at);
        let passed = [first, rest].map(|piece| send_with_descriptors(&client, piece));
        site.until_asked(at);
        assert_eq!(client.body(), b"/ab", "{at}");
        assert!(passed.iter().all(is_at_its_end), "{at}");
    }
}

#[test]
fn unread_descriptors_are_closed_with_their_connection() {
    let mut site = Site::new();
    let mut client = site.client();
    client.send(get("/later"));
    site.until("it waits", |server, _| server.stats().deferred == 1);
    let unread = send_with_descriptors(&client, &get("/behind"));
    assert_eq!(site.host.gather(&mut site.server, PATIENCE), [], "an event has come");
    site.server.process(Instant::now(), &mut site.world);
    assert!(!is_at_its_end(&unread), "nothing is read while the host's answer is waited for");
    site.server.abort();
    wait_until("the kernel has closed them", || is_at_its_end(&unread));
}

#[test]
fn descriptors_that_come_after_the_last_answer_are_closed_by_discarding_them() {
    let mut site = Site::new();
    let mut client = site.client();
    client.send("nonsense\r\n\r\n");
    site.until("it lingers", |server, _| server.stats().errors(400) == 1);
    let passed = send_with_descriptors(&client, "more nonsense");
    let bytes = 12 + 13;
    site.until("it is discarded", |server, _| server.stats().bytes_in == bytes);
    assert!(is_at_its_end(&passed));
    assert_eq!(site.server.stats().open, 1);
}
