//! The buffers, beside a `Vec` that is treated the same.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::net::{Peer, Then};
use crate::properties::holds_for_any;

/// Shares are of what there is, in 256ths.
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
fn input_is_what_came_and_was_not_dropped_wherever_it_has_moved() {
    let step = prop_oneof![
        4 => any::<u8>().prop_map(Step::Fill),
        3 => any::<u8>().prop_map(Step::Consume),
        1 => any::<u8>().prop_map(Step::Keep),
        1 => Just(Step::Clear),
    ];
    // One that is moved together each time, and one that has space for more than a read.
    const MOST: usize = 5000;
    let sizes = prop_oneof![1..300usize, Just(MOST + 1000), Just(3 * MOST)];
    holds_for_any((sizes, prop::collection::vec(step, 0..40)), |(size, steps)| {
        let (mut memory, mut marks) = (vec![0; size], InputMarks::default());
        let mut input = Input { bytes: &mut memory, head_size: size, marks: &mut marks };
        let (mut model, mut next) = (Vec::new(), 0u8);
        for step in steps {
            match step {
                // There is always room for one byte more than the longest request.
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

/// A client that takes so many bytes of each write.
struct Taker {
    most: usize,
    taken: Vec<u8>,
    /// What the last write offered, and with what behind it.
    offered: usize,
    then: Then,
}

impl Stream for Taker {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        unreachable!()
    }

    fn write(&mut self, bytes: &[u8], then: Then) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)], then)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>], then: Then) -> io::Result<usize> {
        (self.offered, self.then) = (parts.iter().map(|part| part.len()).sum(), then);
        if self.most == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let before = self.taken.len();
        self.taken.extend(parts.iter().flat_map(|part| part.iter()).take(self.most));
        Ok(self.taken.len() - before)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        unreachable!()
    }

    fn reset_on_close(&mut self) -> io::Result<()> {
        unreachable!()
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        unreachable!()
    }
}

impl Peer for Taker {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(ErrorKind::NotConnected.into())
    }
}

fn any_tail() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Static(b"static")),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|bytes| Body::Shared(Arc::from(bytes))),
        (prop::collection::vec(any::<u8>(), 1..300), 0..20_000u64)
            .prop_map(|(page, len)| Body::Repeat { page: Arc::from(page), len }),
    ]
}

fn bytes_of(body: &Body) -> Vec<u8> {
    match body {
        Body::Static(bytes) => bytes.to_vec(),
        Body::Shared(bytes) => bytes.to_vec(),
        Body::Repeat { page, len } => page.iter().copied().cycle().take(*len as usize).collect(),
    }
}

#[test]
fn output_leaves_in_order_and_once_whatever_each_write_takes() {
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
            assert_eq!(out.room().len(), ROOM, "behind {}", expected.len());
            out.room()[..answer.len()].copy_from_slice(answer);
            out.commit(answer.len());
            expected.extend_from_slice(answer);
        }
        assert_eq!((out.copied(), out.is_empty()), (expected.len(), expected.is_empty()));
        expected.extend(bytes_of(&tail));
        out.append(tail);

        let mut taker = Taker { most: 0, taken: Vec::new(), offered: 0, then: Then::Wait };
        // In the end it takes everything.
        for (most, limit) in writes.into_iter().chain(std::iter::repeat((usize::MAX, usize::MAX))) {
            let left = expected.len() - taker.taken.len();
            assert_eq!((out.pending(), out.is_empty()), (left as u64, left == 0));
            if left == 0 {
                break;
            }
            taker.most = most;
            let before = taker.taken.len();
            match out.write_to(&mut taker, limit, Then::Fin) {
                Ok(written) => assert_eq!(written, taker.taken.len() - before),
                Err(error) => assert_eq!((most, error.kind()), (0, ErrorKind::WouldBlock)),
            }
            assert_eq!(taker.then == Then::Fin, taker.offered == left, "a FIN is behind the last byte alone");
        }
        assert!(taker.taken == expected);
        out.clear();
        assert!(out.is_empty() && out.is_untouched() && !out.has_tail() && out.copied() == 0);
    });
}
