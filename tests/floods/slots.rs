//! Floods that take slots.

use crate::flood::Flood;
use crate::scene::beside;
use crate::site;

const SLOTS: usize = 500;

const STAY: Flood =
    Flood { rate: 0.0, at_a_time: usize::MAX, opening: b"", refrain: b"", small_window: false };

#[test]
fn honest_clients_are_served_beside_clients_that_never_take_their_large_last_answer() {
    let opening = b"GET /large HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    beside(Flood { rate: 250.0, opening, ..STAY }, SLOTS, 0, || site::with_slots(SLOTS));
}

#[test]
fn honest_clients_are_served_beside_clients_that_should_close_first_and_never_do() {
    let opening = b"GET /last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    beside(Flood { rate: 250.0, opening, ..STAY }, SLOTS, 0, || site::with_slots_in_mode_peer(SLOTS));
}

#[test]
fn honest_clients_are_served_beside_clients_that_say_nothing() {
    beside(Flood { rate: 1500.0, ..STAY }, SLOTS, 0, || site::with_slots(SLOTS));
}

#[test]
fn honest_clients_are_served_beside_clients_that_send_half_a_head() {
    const MANY: usize = 5000;
    const BUFFERS: usize = 4096;
    let opening = b"GET / HTTP/1.1\r\nHost: test\r\nX-Half: ";
    beside(Flood { rate: 2970.0, opening, ..STAY }, MANY, 0, || site::with_slots_and_buffers(MANY, BUFFERS));
}
