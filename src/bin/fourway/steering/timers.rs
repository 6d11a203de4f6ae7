//! Deadlines in any order, each of which can be taken back.
//!
//! The library's deadlines need no heap, because each of its waits has a length that never changes: a list in the order
//! of arrival is sorted. The delays of this program have any length, so they are in a binary heap. A client that leaves
//! takes its delay along, so the heap knows the place of each entry.

use std::time::Instant;

/// A heap of deadlines, with the earliest in front. A key names each, and has at most one.
#[derive(Debug, Default)]
pub struct Timers {
    heap: Vec<Entry>,
    /// The place in the heap of each key, or [`NOWHERE`].
    places: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    deadline: Instant,
    key: u32,
}

const NOWHERE: u32 = u32::MAX;

/// The bytes that a timer takes.
pub const PER_TIMER: usize = size_of::<Entry>() + size_of::<u32>();

impl Timers {
    /// Reserves memory for this number of timers. Their keys are below it.
    pub fn with_capacity(most: usize) -> Self {
        Timers { heap: Vec::with_capacity(most), places: Vec::with_capacity(most) }
    }

    /// Returns the earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.deadline)
    }

    /// Arms the timer of a key. A key that has one already gets the new deadline.
    pub fn arm(&mut self, key: usize, deadline: Instant) {
        self.disarm(key);
        if self.places.len() <= key {
            self.places.resize(key + 1, NOWHERE);
        }
        self.heap.push(Entry { deadline, key: key as u32 });
        self.rise(self.heap.len() - 1);
    }

    /// Takes the timer of a key back, if it has one.
    pub fn disarm(&mut self, key: usize) {
        match self.places.get(key) {
            Some(&place) if place != NOWHERE => self.remove(place as usize),
            _ => {}
        }
    }

    /// Takes the earliest timer out of the heap if it is due, and returns its key and its deadline.
    pub fn next_due(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let &Entry { deadline, key } = self.heap.first().filter(|entry| entry.deadline <= now)?;
        self.remove(0);
        Some((key as usize, deadline))
    }

    fn remove(&mut self, place: usize) {
        let removed = self.heap.swap_remove(place);
        self.places[removed.key as usize] = NOWHERE;
        if place < self.heap.len() {
            // The entry from the end may belong further up or further down.
            self.sink(place);
            self.rise(place);
        }
    }

    /// Moves an entry up until none above it is later.
    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.heap[above].deadline <= self.heap[place].deadline {
                break;
            }
            self.swap(place, above);
            place = above;
        }
        self.note(place);
    }

    /// Moves an entry down until none below it is earlier.
    fn sink(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let deadline = |place: usize| self.heap.get(place).map(|entry| entry.deadline);
            let below = match (deadline(left), deadline(right)) {
                (Some(first), Some(second)) if second < first => right,
                (Some(_), _) => left,
                _ => break,
            };
            if self.heap[place].deadline <= self.heap[below].deadline {
                break;
            }
            self.swap(place, below);
            place = below;
        }
        self.note(place);
    }

    /// Swaps an entry with another, which stays where it gets.
    fn swap(&mut self, moving: usize, other: usize) {
        self.heap.swap(moving, other);
        self.note(moving);
    }

    fn note(&mut self, place: usize) {
        self.places[self.heap[place].key as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use fastrand::Rng;

    use super::*;

    /// Checks that no entry is later than those below it, and that each key's place is right.
    fn check(timers: &Timers) {
        for (place, entry) in timers.heap.iter().enumerate() {
            assert_eq!(timers.places[entry.key as usize], place as u32);
            assert!(place == 0 || timers.heap[(place - 1) / 2].deadline <= entry.deadline);
        }
        let placed = timers.places.iter().filter(|&&place| place != NOWHERE).count();
        assert_eq!(placed, timers.heap.len());
    }

    #[test]
    fn timers_fire_in_the_order_of_their_deadlines_and_never_before() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut timers = Timers::with_capacity(4);
        for (key, ms) in [(0, 30), (1, 10), (2, 20), (3, 10)] {
            timers.arm(key, at(ms));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.next_due(at(9)), None);
        let mut first = [timers.next_due(at(10)), timers.next_due(at(10))];
        first.sort();
        assert_eq!(first, [Some((1, at(10))), Some((3, at(10)))]);
        assert_eq!(timers.next_due(at(19)), None);
        assert_eq!(timers.next_due(at(99)), Some((2, at(20))));
        assert_eq!(timers.next_due(at(99)), Some((0, at(30))));
        assert_eq!((timers.next_due(at(99)), timers.next()), (None, None));
    }

    #[test]
    fn timers_behave_like_a_sorted_map() {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| fastrand::u64(..));
        println!("SEED={seed}");
        let mut rng = Rng::with_seed(seed);
        let begin = Instant::now();
        let mut now = begin;
        let mut timers = Timers::with_capacity(64);
        let mut model = BTreeMap::<usize, Instant>::new();
        for _ in 0..20_000 {
            let key = rng.usize(..64);
            match rng.u32(..4) {
                0 | 1 => {
                    let deadline = now + Duration::from_millis(rng.u64(..50));
                    timers.arm(key, deadline);
                    model.insert(key, deadline);
                }
                2 => {
                    timers.disarm(key);
                    model.remove(&key);
                }
                _ => {
                    now += Duration::from_millis(rng.u64(..5));
                    while let Some((key, deadline)) = timers.next_due(now) {
                        assert_eq!(model.remove(&key), Some(deadline));
                        assert!(model.values().all(|&other| other >= deadline));
                    }
                    assert!(model.values().all(|&deadline| deadline > now));
                }
            }
            check(&timers);
            assert_eq!(timers.heap.len(), model.len());
            assert_eq!(timers.next(), model.values().min().copied());
        }
    }
}
