//! The fixed pool of memory for exchanges, and how it is lent.
//!
//! An idle connection owns no buffer. While it is served it works in the exchange that the pool has
//! to *spare*; only if something is still incomplete at the end (half a head, a response that the
//! kernel did not take) does it keep that exchange, and the next gets another spare. So a request
//! that arrives whole, with a response that leaves whole, passes through without a copy and leaves
//! nothing behind, and the spares are always those that are warm in the cache.

use crate::config::Config;
use crate::deferred::Awaited;
use crate::exchange::{Exchange, InFlight};

/// The memory for a fixed number of exchanges, of which at least one is free whenever a visit
/// begins.
#[derive(Debug)]
pub(crate) struct Pool {
    /// In groups, because each piece that is asked of the system costs a page for its header.
    groups: Vec<Box<[u8]>>,
    input_bytes: usize,
    output_bytes: usize,
    /// Of all that were ever used; the others' memory is untouched.
    states: Vec<InFlight>,
    size: usize,
    /// The last one given back is the next one lent.
    free: Vec<u32>,
}

/// How many exchanges share one piece of memory.
const GROUP: usize = 64;

impl Pool {
    /// The pool, or how many bytes could not be had.
    pub(crate) fn new(config: &Config) -> Result<Self, usize> {
        let (size, limits) = (config.pool_size(), &config.limits);
        let each = limits.input_bytes().saturating_add(limits.output_bytes());
        // Zeroed memory of this size comes from the system untouched: it provides each page when
        // the page is first written.
        let group = |first| zeroed(each.saturating_mul(GROUP.min(size - first)));
        Ok(Pool {
            groups: (0..size).step_by(GROUP).map(group).collect::<Result<_, _>>()?,
            input_bytes: limits.input_bytes(),
            output_bytes: limits.output_bytes(),
            states: Vec::with_capacity(size),
            size,
            free: Vec::with_capacity(size),
        })
    }

    pub(crate) fn has_spare(&self) -> bool {
        self.spares() > 0
    }

    pub(crate) fn spares(&self) -> usize {
        self.free.len() + (self.size - self.states.len())
    }

    /// How many are kept by connections.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn lent(&self) -> usize {
        self.states.len() - self.free.len()
    }

    /// The exchange to work in next, empty. It stays free until it is [`lend`](Self::lend)ed.
    #[inline]
    pub(crate) fn spare(&mut self) -> u32 {
        let handle = match self.free.last() {
            Some(&handle) => handle,
            None => self.never_used(),
        };
        if !cfg!(mutant = "spare_not_cleared") {
            self.states[handle as usize].clear();
        }
        handle
    }

    #[inline]
    pub(crate) fn open(&mut self, handle: u32) -> Exchange<'_> {
        let (group, place) = (handle as usize / GROUP, handle as usize % GROUP);
        let each = self.input_bytes + self.output_bytes;
        let memory = &mut self.groups[group][place * each..(place + 1) * each];
        let (input, out) = memory.split_at_mut(self.input_bytes);
        self.states[handle as usize].over(input, out)
    }

    #[cold]
    fn never_used(&mut self) -> u32 {
        assert!(self.states.len() < self.size, "a visit begins with a spare exchange");
        let handle = self.states.len() as u32;
        self.free.push(handle);
        self.states.push(InFlight::default());
        handle
    }

    /// The request of a lent exchange that waits for its answer.
    pub(crate) fn awaited(&self, handle: u32) -> Option<Awaited> {
        self.states[handle as usize].course.after.awaited()
    }

    /// Takes the spare out of the pool.
    pub(crate) fn lend(&mut self, handle: u32) {
        let lent = self.free.pop();
        assert!(lent == Some(handle), "only the spare is ever lent");
    }

    pub(crate) fn give_back(&mut self, handle: u32) {
        assert!(self.free.len() < self.states.len());
        // It may be long until it is lent again, and others may have a share in its body.
        self.states[handle as usize].clear();
        self.free.push(handle);
    }
}

/// Asks for memory first in the way that may fail, for the other way would end the process.
pub(crate) fn can_reserve<T>(count: usize) -> bool {
    let mut probe = Vec::<T>::new();
    let reserved = probe.try_reserve_exact(count).is_ok();
    // The compiler may leave out an allocation that nobody looks at, and call it a success.
    std::hint::black_box(&probe);
    reserved
}

fn zeroed(bytes: usize) -> Result<Box<[u8]>, usize> {
    if can_reserve::<u8>(bytes) { Ok(vec![0; bytes].into_boxed_slice()) } else { Err(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::After;

    fn pool() -> Pool {
        let mut config = Config::default();
        config.exchanges = 2;
        config.limits.head_bytes = 100;
        config.limits.body_bytes = 0;
        config.limits.out_bytes = 512;
        Pool::new(&config).expect("it is small")
    }

    #[test]
    fn the_exchange_given_back_last_is_lent_first() {
        let mut pool = pool();
        let first = pool.spare();
        pool.lend(first);
        let second = pool.spare();
        pool.lend(second);
        assert_eq!(pool.lent(), 2);
        assert_ne!(first, second);
        pool.give_back(first);
        assert_eq!(pool.spare(), first);
    }

    #[test]
    fn the_spare_is_empty_whatever_the_visit_before_left_in_it() {
        let mut pool = pool();
        let handle = pool.spare();
        pool.open(handle).input.filled(7);
        pool.open(handle).course.after = After::Drop;
        let handle = pool.spare();
        assert!(pool.open(handle).is_empty());
        assert_eq!(pool.open(handle).course.after, After::Keep);
    }
}
