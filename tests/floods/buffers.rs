//! Floods that take buffers, and time.

use std::sync::LazyLock;

use crate::flood::Flood;
use crate::scene::beside;
use crate::site;

const SLOTS: usize = 500;

#[test]
fn honest_clients_are_served_beside_as_many_readers_that_take_nothing_as_there_are_buffers() {
    const BUFFERS: usize = 125;
    static REQUESTS: LazyLock<Vec<u8>> =
        LazyLock::new(|| b"GET /copied HTTP/1.1\r\nHost: test\r\n\r\n".repeat(20));
    let readers =
        Flood { rate: 500.0, at_a_time: BUFFERS, opening: &REQUESTS, refrain: b"", small_window: true };
    beside(readers, SLOTS, 20, || site::with_slots_and_buffers(SLOTS, BUFFERS));
}

#[test]
fn honest_clients_are_served_beside_senders_of_chunk_extensions() {
    static CHUNKS: LazyLock<Vec<u8>> =
        LazyLock::new(|| format!("1;{}\r\nx\r\n", "e".repeat(240)).repeat(250).into_bytes());
    // An unoptimised server needs ten times as long for a byte.
    let at_a_time = if cfg!(debug_assertions) { 16 } else { 64 };
    let opening = b"POST /length HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let senders = Flood { rate: 500.0, at_a_time, opening, refrain: &CHUNKS, small_window: false };
    beside(senders, SLOTS, 0, || site::with_slots(SLOTS));
}

/// They take slots and heads, but no body buffer: that is lent when the buffer of the head is full.
#[test]
fn honest_clients_are_served_beside_uploads_that_stall() {
    let opening = b"POST /length HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbegun";
    let stalled = Flood { rate: 200.0, at_a_time: usize::MAX, opening, refrain: b"", small_window: false };
    beside(stalled, SLOTS, 20, || site::with_slots(SLOTS));
}
