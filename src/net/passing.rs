//! Reading from a Unix socket with the descriptors that a client passes (SCM_RIGHTS, unix(7)).

use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;

use mio::net::UnixStream;
use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

use super::descriptors::Passed;
use crate::config::MAX_DESCRIPTORS;

/// Bytes for what else the kernel may say about a message: the credentials of its sender, if the host has asked for them
/// (SO_PASSCRED). They come before the descriptors.
#[cfg(any(target_os = "linux", target_os = "android"))]
const OTHER_BYTES: usize = cmsg_space!(ScmCredentials(1));
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const OTHER_BYTES: usize = 64;

/// A program that the host starts does not inherit the descriptors. Not every system can receive them like this.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const FLAGS: RecvFlags = RecvFlags::empty();

/// Reads once, and takes the descriptors that come with the bytes if the server wants any. Without recvmsg(2), the kernel
/// closes them.
// Not inlined, so that the reads of other sockets do not pay for it.
#[inline(never)]
pub(super) fn read(stream: &mut UnixStream, into: &mut [u8], passed: Passed<'_>) -> io::Result<usize> {
    if passed.are_wanted() { receive(stream, into, passed) } else { stream.read(into) }
}

/// Reads once. The kernel is given space for no more descriptors than the request may have, and discards the others.
// Its space is on the stack, so other reads must not have it in their frame.
#[inline(never)]
fn receive(stream: &UnixStream, into: &mut [u8], mut passed: Passed<'_>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS)) + OTHER_BYTES];
    let most = cmsg_space!(ScmRights(passed.room())) + OTHER_BYTES;
    // What is left in this buffer is closed with it.
    let mut control = RecvAncillaryBuffer::new(&mut space[..most]);
    let mut bytes = [IoSliceMut::new(into)];
    let message = stream.try_io(|| Ok(recvmsg(stream, &mut bytes, &mut control, FLAGS)?))?;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            for descriptor in received {
                if FLAGS.is_empty() {
                    let _ = rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC);
                }
                passed.add(descriptor);
            }
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        passed.are_cut();
    }
    Ok(message.bytes)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::net::Stream as _;
    use crate::net::descriptors::Descriptors;
    use crate::net::sockets::Stream;

    #[test]
    fn the_trace_names_the_call_that_receives_descriptors() {
        let of = |limit| {
            let mut config = Config::default();
            config.limits.descriptors = limit;
            Descriptors::new(&config)
        };
        let stream = Stream::from(std::os::unix::net::UnixStream::pair().unwrap().0);
        assert_eq!([0, 1].map(|limit| stream.read_call(&of(limit))), ["recv", "recvmsg"]);
    }
}
