//! The source of a story's numbers: a seed, which never ends, or bytes, which do.

use std::collections::VecDeque;

/// The numbers of one story.
pub(crate) enum Chance {
    /// A generator by Marsaglia (xorshift64*). It gives the same numbers for the same seed everywhere.
    Seed(u64),
    /// Bytes from a fuzzer, or from its corpus. A number takes no more bytes than its range needs, so one byte more or
    /// less changes one decision and leaves the others. After the last byte, each number is the largest of its range,
    /// which stands for the most usual decision.
    Bytes(VecDeque<u8>),
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance::Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Chance::Bytes(bytes.iter().copied().collect())
    }

    /// Returns whether all bytes are used.
    pub(crate) fn is_used_up(&self) -> bool {
        matches!(self, Chance::Bytes(left) if left.is_empty())
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        match self {
            Chance::Seed(state) => (next(state) % limit as u64) as usize,
            Chance::Bytes(left) => {
                let needed = 1 + (limit - 1).checked_ilog2().unwrap_or(0) / u8::BITS;
                let number = (0..needed)
                    .try_fold(0, |number, _| Some(number << u8::BITS | usize::from(left.pop_front()?)));
                number.map_or(limit - 1, |number| number % limit)
            }
        }
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
}

#[test]
fn each_byte_decides_one_thing_until_all_are_used() {
    let mut chance = Chance::of(&[7, 1, 2, 200]);
    assert_eq!((chance.below(5), chance.below(1000), chance.is_used_up()), (2, 258, false));
    assert_eq!((chance.below(256), chance.is_used_up()), (200, true));
    assert!(!chance.one_in(2) && chance.below(300) == 299 && chance.pick(&[1, 2, 3]) == 3);
}
