//! The input and the output, compared with a `Vec` that takes the same steps.

use std::io::IoSlice;
use std::num::NonZeroU64;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::body::Body;
use crate::config::OUT_BATCH;
use crate::http::body::BodyReader;
use crate::http::fields::Framing;
use crate::http::response::Terms;
use crate::intake::Intake;
use crate::properties::holds_for_any;

#[test]
fn input_moves_to_the_front_when_space_gets_short() {
    let (mut bytes, mut marks) = ([0; 100], InputMarks::default());
    let mut input = Input { bytes: &mut bytes, head_size: 100, marks: &mut marks };
    assert_eq!(input.space(100).len(), 100);
    input.space(90)[..90].copy_from_slice(&[7; 90]);
    input.filled(90);
    input.consume(85);
    assert_eq!(input.space(95).len(), 95);
    assert_eq!((input.pending(), input.marks.start), (&[7; 5][..], 0));
}

/// Makes a record that collects a body with this framing. Of its head and body, `arrived` bytes have arrived.
fn collecting(record: &mut Record, framing: Framing, arrived: usize) {
    (record.input.start, record.input.end) = (0, arrived);
    record.in_flight.body = Some(Incoming {
        reader: BodyReader::new(10, framing, 500).expect("it is short"),
        intake: Intake::Whole,
        serial: NonZeroU64::MIN,
        terms: Terms::default(),
        is_paused: false,
        was_deferred: false,
    });
}

#[test]
fn a_body_needs_a_buffer_if_its_head_buffer_is_full_or_continue_is_due() {
    let (mut head, mut body, mut out) = ([0; 100], [0; 600], [0; OUT_BATCH + 1]);
    for (framing, expects_continue, arrived, lacks) in [
        (Framing::Length(91), false, 10, false),
        (Framing::Length(91), false, 99, false),
        (Framing::Length(91), false, 100, true),
        (Framing::Length(90), true, 10, false),
        (Framing::Length(91), true, 10, true),
        (Framing::Chunked, true, 99, false),
        (Framing::Chunked, false, 100, true),
    ] {
        let mut record = Record::default();
        collecting(&mut record, framing, arrived);
        record.in_flight.expects_continue = expects_continue;
        assert_eq!(record.over(&mut head, 100, &mut out).lacks_body_buffer(), lacks, "{framing:?}");
        // It is the same in the buffer of an earlier body, which was lent for that body only.
        assert_eq!(record.over(&mut body, 100, &mut out).lacks_body_buffer(), lacks, "{framing:?}");
        record.in_flight.is_apart = true;
        assert!(!record.over(&mut body, 100, &mut out).lacks_body_buffer());
    }
}

#[test]
fn a_read_takes_no_more_than_its_buffer_is_meant_for() {
    let (mut head, mut body, mut out) = ([0; 100], [0; 600], [0; OUT_BATCH + 1]);
    let mut record = Record::default();
    assert_eq!(record.over(&mut head, 100, &mut out).space().len(), 100);
    collecting(&mut record, Framing::Length(400), 10);
    assert_eq!(record.over(&mut body, 100, &mut out).space().len(), 90, "no more than a head buffer holds");
    record.in_flight.is_apart = true;
    assert_eq!(record.over(&mut body, 100, &mut out).space().len(), 400, "what the body lacks");
    collecting(&mut record, Framing::Chunked, 10);
    assert_eq!(record.over(&mut body, 100, &mut out).space().len(), 100, "the rest fits a head buffer");
}

#[test]
fn a_response_fits_after_the_longest_batch() {
    let (mut bytes, mut marks) = ([0; OUT_BATCH + 100], OutMarks::default());
    let mut out = Out { bytes: &mut bytes, marks: &mut marks };
    assert_eq!(out.room().len(), 100);
    out.marks.copied = OUT_BATCH;
    assert_eq!(out.room().len(), 100);
}

/// A step of the test. The number is a share of the space or of the input, where 255 is all of it.
#[derive(Debug, Clone)]
enum Step {
    Fill(u8),
    Consume(u8),
    Keep(u8),
    Clear,
}

fn share(of: usize, part: u8) -> usize {
    (of * usize::from(part)).div_ceil(255)
}

#[test]
fn input_is_the_bytes_received_and_not_consumed_wherever_they_move() {
    let step = prop_oneof![
        4 => any::<u8>().prop_map(Step::Fill),
        3 => any::<u8>().prop_map(Step::Consume),
        1 => any::<u8>().prop_map(Step::Keep),
        1 => Just(Step::Clear),
    ];
    // In a small buffer the bytes move each time. A large one has space for more than one read.
    const MOST: usize = 5000;
    let sizes = prop_oneof![1..300usize, Just(MOST + 1000), Just(3 * MOST)];
    holds_for_any((sizes, prop::collection::vec(step, 0..40)), |(size, steps)| {
        let (mut memory, mut marks) = (vec![0; size], InputMarks::default());
        let mut input = Input { bytes: &mut memory, head_size: size, marks: &mut marks };
        let (mut model, mut next) = (Vec::new(), 0u8);
        for step in steps {
            match step {
                // The limits leave space for one byte more than the longest request.
                Step::Fill(_) if model.len() == size => {}
                Step::Fill(part) => {
                    let space = input.space(MOST);
                    assert_eq!(space.len(), MOST.min(size - model.len()));
                    let new: Vec<u8> =
                        (0..share(space.len(), part)).map(|at| next.wrapping_add(at as u8)).collect();
                    space[..new.len()].copy_from_slice(&new);
                    input.filled(new.len());
                    next = next.wrapping_add(101);
                    model.extend(new);
                }
                Step::Consume(part) => {
                    let len = share(model.len(), part);
                    input.consume(len);
                    model.drain(..len);
                }
                Step::Keep(part) => {
                    let len = share(model.len(), part);
                    input.keep(len);
                    model.truncate(len);
                }
                Step::Clear => {
                    input.clear();
                    model = Vec::new();
                }
            }
            assert!(input.pending() == model && input.pending_mut() == model);
            assert_eq!(input.is_empty(), model.is_empty());
        }
    });
}

fn any_tail() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Static(b"static")),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|bytes| Body::Shared(Arc::from(bytes))),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(Body::Owned),
        (prop::collection::vec(any::<u8>(), 2000), 0..1000usize, 1000..=2000usize)
            .prop_map(|(bytes, start, end)| Body::Part { of: Arc::from(bytes), range: start..end }),
        (prop::collection::vec(any::<u8>(), 1..300), 0..20_000u64)
            .prop_map(|(page, len)| Body::Repeat { page: Arc::from(page), len }),
    ]
}

fn bytes_of(body: &Body) -> Vec<u8> {
    match body {
        Body::Static(bytes) => bytes.to_vec(),
        Body::Owned(bytes) => bytes.clone(),
        Body::Shared(bytes) => bytes.to_vec(),
        Body::Part { of, range } => of[range.clone()].to_vec(),
        Body::Repeat { page, len } => page.iter().copied().cycle().take(*len as usize).collect(),
    }
}

#[test]
fn output_leaves_once_and_in_order_however_short_the_writes_are() {
    const ROOM: usize = 700;
    let copied = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=ROOM), 0..40);
    let writes = prop::collection::vec((0..9000usize, 1..9000usize), 0..30);
    holds_for_any((copied, any_tail(), writes), |(copied, tail, writes)| {
        let (mut memory, mut marks) = (vec![0; OUT_BATCH + ROOM], OutMarks::default());
        let mut out = Out { bytes: &mut memory, marks: &mut marks };
        let mut expected = Vec::new();
        for answer in &copied {
            if expected.len() > OUT_BATCH {
                break;
            }
            assert_eq!(out.room().len(), ROOM, "after {} bytes", expected.len());
            out.room()[..answer.len()].copy_from_slice(answer);
            out.commit(answer.len());
            expected.extend_from_slice(answer);
        }
        assert_eq!((out.copied(), out.is_empty()), (expected.len(), expected.is_empty()));
        expected.extend(bytes_of(&tail));
        out.append(tail);

        let mut taken: Vec<u8> = Vec::new();
        // In the end one write takes all that is left.
        for (most, limit) in writes.into_iter().chain(std::iter::repeat((usize::MAX, usize::MAX))) {
            let left = expected.len() - taken.len();
            assert_eq!((out.pending(), out.is_empty()), (left as u64, left == 0));
            if left == 0 {
                break;
            }
            let mut pieces = [IoSlice::new(b""); MOST_PIECES];
            let Pieces { bytes, is_all } = out.pieces(limit, &mut pieces);
            let offered: usize = bytes.iter().map(|piece| piece.len()).sum();
            assert_eq!(is_all, offered == left, "only the last pieces are all");
            let before = taken.len();
            taken.extend(bytes.iter().flat_map(|piece| piece.iter()).take(most));
            out.sent(taken.len() - before);
        }
        assert!(taken == expected);
        out.clear();
        assert!(out.is_empty() && out.is_untouched() && !out.has_tail() && out.copied() == 0);
    });
}
