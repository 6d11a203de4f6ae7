//! Receiving: one read, for the driver or for the first step of a wave.

use std::io;

use crate::connection::Connection;
use crate::connection::quota::Quota;
use crate::exchange::Input;
use crate::net::Stream;
use crate::shared::Shared;
use crate::slot::Slot;
use crate::state::State;
use crate::trace::why;

/// Takes the first step of a wave: reads once for an idle connection. Returns whether there is input. (If
/// this read meets the end or an error, the last step reads again and handles it.)
///
/// It needs neither the handler nor a response, so it takes fewer arguments than a driver has fields.
// Without this, a host with two servers has two copies, and the compiler inlines neither: 18 instructions a request.
#[inline(always)]
#[track_caller]
pub(crate) fn receive_first<S: Stream>(
    connection: &mut Connection<S>,
    slot: Slot,
    input: &mut Input<'_>,
    shared: &mut Shared,
    quota: &mut Quota,
) -> bool {
    let received = receive(connection, slot, input.first_space(), shared, quota);
    let Ok(Some(len @ 1..)) = received else { return false };
    input.filled(len);
    connection.enter(slot, State::Received, why!("input has arrived"));
    true
}

/// Reads once into `space`. Returns `None` if it would block.
#[inline(always)]
#[track_caller]
pub(super) fn receive<S: Stream>(
    connection: &mut Connection<S>,
    slot: Slot,
    space: &mut [u8],
    shared: &mut Shared,
    quota: &mut Quota,
) -> io::Result<Option<usize>> {
    let read = connection.socket.read(slot, space, &mut shared.descriptors);
    if let Ok(Some(len)) = read {
        shared.stats.bytes_in += len as u64;
        quota.has_read(len);
    }
    read
}
