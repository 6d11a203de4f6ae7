//! The costs of the parts that need no socket: answering, the table, the deadlines.

#[path = "../tests/common/browser.rs"]
mod browser;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use fourway::internals::{Answering, Table};
use fourway::{Config, Handler, handler_fn};

fn main() {
    divan::main();
}

// --- from a request's bytes to its response's ---

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
    10\r\n0123456789abcdef\r\n20\r\n0123456789abcdef0123456789abcdef\r\n5\r\n01234\r\n0\r\n\r\n";

fn hello() -> impl Handler {
    handler_fn(|_, responder| responder.send(200, "text/plain", b"xixizi"))
}

fn answer(bencher: Bencher, arrived: &[u8], requests: usize) {
    let mut answering = Answering::new(Config::default());
    let mut handler = hello();
    let bencher = bencher.counter(ItemsCount::new(requests)).counter(BytesCount::of_slice(arrived));
    bencher.bench_local(|| answering.answer(black_box(arrived), &mut handler));
}

#[divan::bench(sample_size = 64)]
fn answer_a_small_get(bencher: Bencher) {
    answer(bencher, GET, 1);
}

#[divan::bench(sample_size = 64)]
fn answer_sixteen_pipelined(bencher: Bencher) {
    answer(bencher, &GET.repeat(16), 16);
}

#[divan::bench(sample_size = 64)]
fn answer_a_browser(bencher: Bencher) {
    answer(bencher, browser::request().as_bytes(), 1);
}

#[divan::bench(sample_size = 64)]
fn answer_a_chunked_post(bencher: Bencher) {
    answer(bencher, CHUNKED, 1);
}

// --- bodies that are almost nothing but framing; see the bytes per second ---

/// Answers a chunked body of about 15 KB, which repeats one line and then ends.
fn answer_framing(bencher: Bencher, front: &str, line: &str, end: &str) {
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lines = line.repeat(15_000 / line.len());
    answer(bencher, [head, front, &lines, end].concat().as_bytes(), 1);
}

#[divan::bench(sample_size = 4)]
fn framing_of_tiny_chunks(bencher: Bencher) {
    answer_framing(bencher, "", "1\r\nx\r\n", "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_tiny_extensions(bencher: Bencher) {
    answer_framing(bencher, "", "1;\r\nx\r\n", "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_leading_zeros(bencher: Bencher) {
    answer_framing(bencher, "", &format!("{}1\r\nx\r\n", "0".repeat(60)), "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_extensions(bencher: Bencher) {
    answer_framing(bencher, "", "1;name=0123456789abcdefghijklmno;name=0123456789\r\nx\r\n", "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_quoted_strings(bencher: Bencher) {
    let line = "1;name=\"0123456789 \\\" abcdefghijk\";a=\"\";b=\"\\\\\\\\\"\r\nx\r\n";
    answer_framing(bencher, "", line, "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_escapes(bencher: Bencher) {
    let line = format!("1;a=\"{}\"\r\nx\r\n", "\\x".repeat(100));
    answer_framing(bencher, "", &line, "0\r\n\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_trailers(bencher: Bencher) {
    answer_framing(bencher, "0\r\n", "Trailer-Name: 0123456789 abcdefghij\r\n", "\r\n");
}

#[divan::bench(sample_size = 4)]
fn framing_of_tiny_trailers(bencher: Bencher) {
    answer_framing(bencher, "0\r\n", "a:\r\n", "\r\n");
}

/// Answers with bodies whose length is filled in afterwards. The lengths are all the same, or alternate with an empty
/// body.
#[divan::bench(sample_size = 64, args = [(17, 17), (17, 0), (60_000, 60_000), (60_000, 0)])]
fn answer_by_writing(bencher: Bencher, (length, other): (usize, usize)) {
    let pages = [vec![b'x'; length], vec![b'x'; other]];
    let mut answering = Answering::new(Config::default());
    let mut is_other = false;
    let mut handler = handler_fn(|_, responder| {
        is_other = !is_other;
        responder.body_with(200, "text/plain", |body| body.write_all(&pages[usize::from(is_other)]))
    });
    let bencher = bencher.counter(ItemsCount::new(1usize));
    bencher.bench_local(|| answering.answer(black_box(GET), &mut handler));
}

// --- the table ---

/// The numbers of connections besides the one that is measured.
const CROWDS: [usize; 3] = [1, 1_000, 1_000_000];

/// Creates a table of this number of connections, with a free slot, and returns it with their slots.
fn crowd(connections: usize) -> (Table, Vec<u32>) {
    let mut table = Table::new(connections + 1);
    let slots = (0..connections).map(|_| table.insert()).collect();
    (table, slots)
}

#[divan::bench(args = CROWDS)]
fn insert_and_remove(bencher: Bencher, connections: usize) {
    let (mut table, _) = crowd(connections);
    bencher.bench_local(|| {
        let slot = table.insert();
        table.arm(slot, 0);
        table.remove(black_box(slot));
    });
}

#[divan::bench(args = CROWDS)]
fn queue_and_next_ready(bencher: Bencher, connections: usize) {
    let (mut table, slots) = crowd(connections);
    let mut next = slots.iter().cycle();
    bencher.bench_local(|| {
        table.queue(*next.next().expect("it goes round"));
        table.next_ready()
    });
}

#[divan::bench(args = CROWDS)]
fn find_by_token(bencher: Bencher, connections: usize) {
    let (table, slots) = crowd(connections);
    let tokens: Vec<_> = slots.iter().map(|&slot| table.token(slot)).collect();
    let mut next = tokens.iter().cycle();
    bencher.bench_local(|| table.find(*next.next().expect("it goes round")));
}

// --- the deadline lists ---

/// Creates a table in which this number of connections wait, in the order of their slots.
fn waiting(connections: usize) -> (Table, Vec<u32>) {
    let (mut table, slots) = crowd(connections);
    for (now, &slot) in slots.iter().enumerate() {
        table.arm(slot, now as u64);
    }
    (table, slots)
}

/// Arms the last connection, and disarms it again.
#[divan::bench(args = CROWDS)]
fn arm_and_disarm_at_the_end(bencher: Bencher, connections: usize) {
    let (mut table, _) = waiting(connections);
    let slot = table.insert();
    bencher.bench_local(|| {
        table.arm(black_box(slot), connections as u64);
        table.disarm(slot);
    });
}

/// Moves each connection from the head of the list to its end.
#[divan::bench(args = CROWDS)]
fn rearm_from_the_head(bencher: Bencher, connections: usize) {
    let (mut table, slots) = waiting(connections);
    let mut head = slots.iter().cycle();
    let mut now = connections as u64;
    bencher.bench_local(|| {
        let slot = *head.next().expect("it goes round");
        now += 1;
        table.rearm(slot, now);
    });
}

/// Moves each connection to the end of the list, from between two neighbours that are far away in memory.
#[divan::bench(args = CROWDS)]
fn rearm_from_the_middle(bencher: Bencher, connections: usize) {
    // A prime that divides none of the crowds, so the walk meets every slot.
    const STRIDE: usize = 7_919;
    let (mut table, slots) = waiting(connections);
    // The walk follows two orders in turn. While it follows one, the list has the other, so the walk hardly ever meets
    // the list's ends.
    let strides: Vec<u32> = (0..connections).map(|at| slots[at * STRIDE % connections]).collect();
    let mut walk = strides.iter().chain(&slots).cycle();
    let mut now = connections as u64;
    bencher.bench_local(|| {
        let slot = *walk.next().expect("it goes round");
        now += 1;
        table.rearm(slot, now);
    });
}
