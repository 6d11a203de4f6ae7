//! Tokens: how the poller and the server name a socket to each other.
//!
//! A token is `start + (generation << slot_bits | slot)`, in a range that the host sets aside. The first
//! [`LISTENERS`] slots name listeners. A slot that is used again gets another generation. So the server
//! recognises an event for the former owner of the slot as stale.

use std::sync::atomic::{AtomicU32, Ordering};

use mio::Token;

use crate::slot::Slot;

/// How many listeners one server can have. They have the first slots of its tokens.
pub(crate) const LISTENERS: usize = 64;

/// A range of tokens that the host sets aside for one server.
///
/// The range is half-open: `[start, start + len)`. The host's other sources use tokens outside it.
///
/// ```
/// use fourway::TokenRange;
/// use mio::Token;
///
/// let (first, second) = (TokenRange::nth(0), TokenRange::nth(1));
/// assert!(!first.contains(Token(0)) && !first.contains(Token(usize::MAX)));
///
/// let own = TokenRange::new(1000, 1 << 20).unwrap();
/// assert!(own.contains(Token(1000)) && !own.contains(Token(1000 + (1 << 20))));
/// assert!(TokenRange::new(usize::MAX - 10, 11).is_none(), "many hosts use usize::MAX themselves");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRange {
    start: usize,
    len: usize,
}

impl TokenRange {
    /// Returns the `len` tokens from `start`. Returns `None` if the range is empty, wraps, or touches
    /// `usize::MAX`.
    pub const fn new(start: usize, len: usize) -> Option<Self> {
        match start.checked_add(len) {
            Some(_) if len > 0 => Some(TokenRange { start, len }),
            _ => None,
        }
    }

    /// Returns one of 256 ready-made ranges. They do not overlap, and leave the small tokens free.
    ///
    /// On 64-bit systems each has 2³² tokens from 2⁶² up, enough for 2²⁷ connections. On 32-bit systems each
    /// has 2²² tokens from 2³⁰ up, enough for 2¹⁷ connections.
    pub const fn nth(n: u8) -> Self {
        TokenRange { start: (1 << (usize::BITS - 2)) + ((n as usize) << Self::BITS), len: 1 << Self::BITS }
    }

    /// Returns a range that no other call in this process has returned, as long as those of [`nth`](Self::nth).
    /// It overlaps none of those, and leaves the small tokens free.
    ///
    /// It is for a library that makes a server in the loop of its user, because such a library does not know
    /// the user's ranges. There are 2²⁹ ranges (256 on 32-bit systems). Then the first is returned again.
    ///
    /// ```
    /// use fourway::TokenRange;
    ///
    /// let (first, second) = (TokenRange::fresh(), TokenRange::fresh());
    /// assert!(first != second && first != TokenRange::nth(0));
    /// ```
    pub fn fresh() -> Self {
        static GIVEN: AtomicU32 = AtomicU32::new(0);
        // Each thread gets another number, in whatever order the threads see them.
        Self::fresh_nth(GIVEN.fetch_add(1, Ordering::Relaxed))
    }

    const fn fresh_nth(n: u32) -> Self {
        let n = n as usize & ((1 << Self::FRESH_BITS) - 1);
        TokenRange { start: Self::FRESH + (n << Self::BITS), len: 1 << Self::BITS }
    }

    /// A ready-made range has 2 to this power tokens.
    const BITS: u32 = usize::BITS / 2 + if usize::BITS == 32 { 6 } else { 0 };

    /// Where the fresh ranges begin, above those of `nth`. There are 2 to the second number of them.
    const FRESH: usize = if usize::BITS == 32 { 1 << (usize::BITS - 1) } else { 3 << (usize::BITS - 3) };
    const FRESH_BITS: u32 = if usize::BITS == 32 { 8 } else { 29 };

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns whether a token is in the range.
    pub const fn contains(&self, token: Token) -> bool {
        token.0.wrapping_sub(self.start) < self.len
    }
}

/// The layout of slots and generations in a token range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    range: TokenRange,
    slot_bits: u32,
    generation_bits: u32,
}

impl Tokens {
    /// The fewest bits of a generation. Few suffice, because a token survives in at most one batch of events.
    const MIN_GENERATION_BITS: u32 = 4;

    /// Returns the layout for this many connections. The error is the length that the range would need.
    pub(crate) fn layout(range: TokenRange, connections: usize) -> Result<Self, usize> {
        let slots = LISTENERS.saturating_add(connections);
        let slot_bits = usize::BITS - (slots - 1).leading_zeros();
        let len_bits = usize::BITS - 1 - range.len.leading_zeros();
        if len_bits < slot_bits + Self::MIN_GENERATION_BITS {
            let need = 1usize.checked_shl(slot_bits + Self::MIN_GENERATION_BITS);
            return Err(need.unwrap_or(usize::MAX));
        }
        let generation_bits = (len_bits - slot_bits).min(u16::BITS);
        Ok(Tokens { range, slot_bits, generation_bits })
    }

    /// Returns the token of a connection.
    pub(crate) fn of(&self, slot: Slot, generation: u16) -> Token {
        self.encode(LISTENERS + slot.index(), generation)
    }

    pub(crate) fn encode(&self, slot: usize, generation: u16) -> Token {
        Token(self.range.start + ((generation as usize) << self.slot_bits | slot))
    }

    /// Returns the slot and generation of a token, or `None` if it is not in the range. If the range is
    /// longer than the layout, the generation may be one that was never given.
    pub(crate) fn decode(&self, token: Token) -> Option<(usize, usize)> {
        self.range.contains(token).then(|| {
            let offset = token.0 - self.range.start;
            (offset & ((1 << self.slot_bits) - 1), offset >> self.slot_bits)
        })
    }

    pub(crate) fn generation_mask(&self) -> u16 {
        u16::MAX >> (u16::BITS - self.generation_bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::properties::holds_for_any;

    /// Makes ranges of any length, most of them near a power of two.
    fn any_range() -> impl Strategy<Value = TokenRange> {
        let len = (0..usize::BITS, -2..3isize)
            .prop_map(|(bits, more)| (1usize << bits).saturating_add_signed(more));
        (prop_oneof![0..1000usize, any::<usize>()], len)
            .prop_filter_map("the range wraps", |(start, len)| TokenRange::new(start, len))
    }

    #[test]
    fn a_range_too_small_says_what_is_needed() {
        let range = TokenRange::new(0, 1024).unwrap();
        assert_eq!(Tokens::layout(range, 1000).unwrap_err(), 1 << 15);
        assert!(Tokens::layout(TokenRange::new(7, 1 << 15).unwrap(), 1000).is_ok());
    }

    #[test]
    fn every_token_of_a_range_decodes_without_overflow() {
        let range = TokenRange::new(5, (1 << 15) + 3).unwrap();
        let tokens = Tokens::layout(range, 1000).unwrap();
        for token in 0..(1 << 15) + 20 {
            assert_eq!(tokens.decode(Token(token)).is_some(), range.contains(Token(token)));
        }
        assert!(tokens.decode(Token(usize::MAX)).is_none());
    }

    #[test]
    fn ready_made_ranges_never_touch() {
        for n in 0..255 {
            let (a, b) = (TokenRange::nth(n), TokenRange::nth(n + 1));
            assert_eq!(a.start + a.len, b.start);
        }
        assert!(TokenRange::nth(255).start.checked_add(TokenRange::nth(255).len).is_some());
    }

    #[test]
    fn fresh_ranges_lie_behind_each_other_and_above_all_others() {
        let last_of_nth = TokenRange::nth(255);
        let mut end = last_of_nth.start + last_of_nth.len;
        let last = (1 << TokenRange::FRESH_BITS) - 1;
        for n in [0, 1, 2, last - 1, last] {
            let range = TokenRange::fresh_nth(n);
            assert!(range.start >= end && range.len == last_of_nth.len, "{n}");
            assert_eq!(TokenRange::new(range.start, range.len), Some(range));
            end = range.start + range.len;
        }
        assert_eq!(TokenRange::fresh_nth(last + 1), TokenRange::fresh_nth(0));
        assert_eq!(TokenRange::fresh_nth(u32::MAX), TokenRange::fresh_nth(last));
    }

    #[test]
    fn a_fresh_range_is_given_once_whichever_thread_asks() {
        let ask = || (0..100).map(|_| TokenRange::fresh()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(ask)).collect();
        let mut given: Vec<_> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).map(|range| range.start).collect();
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), 400);
    }

    #[test]
    fn what_was_encoded_in_any_range_decodes_to_the_same_and_is_within_it() {
        // Most numbers are near a power of two, where their slots need a bit more or less.
        let near =
            (0..24u32, -1..2isize).prop_map(|(bits, more)| (1usize << bits).saturating_add_signed(more));
        let connections = near.prop_map(|slots| slots.saturating_sub(LISTENERS).max(1));
        let slot = prop_oneof![Just(usize::MAX), any::<usize>()];
        holds_for_any(
            (any_range(), connections, slot, any::<u16>()),
            |(range, connections, slot, generation)| {
                let tokens = match Tokens::layout(range, connections) {
                    Ok(tokens) => tokens,
                    Err(need) => {
                        assert!(range.len < need, "{need} are not needed");
                        assert!(Tokens::layout(TokenRange::new(0, need).unwrap(), connections).is_ok());
                        return;
                    }
                };
                let last = LISTENERS + connections - 1;
                let slot = if slot == usize::MAX { last } else { slot % last };
                let generation = generation & tokens.generation_mask();
                let token = tokens.encode(slot, generation);
                assert!(range.contains(token));
                assert_eq!(tokens.decode(token), Some((slot, usize::from(generation))));
            },
        );
    }

    #[test]
    fn a_token_outside_of_any_range_is_nobodys() {
        holds_for_any((any_range(), any::<usize>()), |(range, token)| {
            let Ok(tokens) = Tokens::layout(range, 1) else { return };
            let is_inside = range.start <= token && token < range.start + range.len;
            let around = [range.start.wrapping_sub(1), range.start + range.len, usize::MAX];
            assert!(around.iter().all(|&outside| tokens.decode(Token(outside)).is_none()));
            assert_eq!(tokens.decode(Token(token)).is_some(), is_inside);
        });
    }
}
