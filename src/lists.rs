//! Lists of slots. Each list is a ring of entries, and all entries are in one array.
//!
//! A slot is in one list at most. Its entry in the array has the links to its neighbours. So joining and leaving a list
//! take a few stores, and never allocate. The first entries of the array belong to the lists themselves: each is the
//! beginning and the end of its ring. So every entry has neighbours, and linking or unlinking one needs no check. The
//! entry of a slot that is in no list is a ring of its own.

/// The neighbours of an entry in its ring, and the value of its slot.
#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    prev: u32,
    next: u32,
    value: T,
}

/// `N` first-in-first-out lists of slots, with a value for each slot that is in a list. All operations are O(1).
#[derive(Debug)]
pub(crate) struct Lists<const N: usize, T = ()> {
    entries: Vec<Entry<T>>,
    lens: [usize; N],
}

impl<const N: usize> Lists<N> {
    /// Puts a slot that is in no list at the end of one.
    #[inline]
    pub(crate) fn push_back(&mut self, list: usize, slot: u32) {
        self.push_back_with(list, slot, ());
    }
}

impl<const N: usize, T: Copy + Default> Lists<N, T> {
    /// How many bytes each slot takes.
    pub(crate) const PER_SLOT: usize = size_of::<Entry<T>>();

    /// Creates empty lists with memory for this number of slots.
    pub(crate) fn new(slots: usize) -> Self {
        let mut entries = Vec::with_capacity(slots + N);
        entries.extend((0..N as u32).map(|own| Entry { prev: own, next: own, value: T::default() }));
        Lists { entries, lens: [0; N] }
    }

    /// Adds an entry for a slot, if it has none. Slots get their entries in the order of their numbers.
    pub(crate) fn add_entry(&mut self, slot: u32) {
        let own = slot + N as u32;
        if own as usize == self.entries.len() {
            self.entries.push(Entry { prev: own, next: own, value: T::default() });
        }
    }

    pub(crate) fn len(&self, list: usize) -> usize {
        self.lens[list]
    }

    /// Returns whether a slot is in one of the lists.
    #[inline]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        let own = slot + N as u32;
        self.entries[own as usize].next != own
    }

    pub(crate) fn first(&self, list: usize) -> Option<u32> {
        self.entries[list].next.checked_sub(N as u32)
    }

    /// Returns the value of the first slot of a list.
    #[inline]
    pub(crate) fn first_value(&self, list: usize) -> Option<T> {
        let first = self.entries[list].next;
        (first >= N as u32).then(|| self.entries[first as usize].value)
    }

    /// Returns the value that a slot had when it last joined a list.
    pub(crate) fn value(&self, slot: u32) -> T {
        self.entries[slot as usize + N].value
    }

    /// Returns the one after `slot` in its list.
    pub(crate) fn behind(&self, slot: u32) -> Option<u32> {
        self.entries[slot as usize + N].next.checked_sub(N as u32)
    }

    /// Puts a slot that is in no list at the end of one, with a value.
    #[inline]
    pub(crate) fn push_back_with(&mut self, list: usize, slot: u32, value: T) {
        let own = slot + N as u32;
        let last = std::mem::replace(&mut self.entries[list].prev, own);
        self.entries[last as usize].next = own;
        self.entries[own as usize] = Entry { prev: last, next: list as u32, value };
        self.lens[list] += 1;
    }

    /// Moves a slot from the list that it is in to the end of a list, with a new value. Returns whether it was the first
    /// where it was.
    #[inline]
    pub(crate) fn move_to_back(&mut self, from: usize, to: usize, slot: u32, value: T) -> bool {
        let own = slot + N as u32;
        let entries = &mut self.entries[..];
        let Entry { prev, next, .. } = entries[own as usize];
        entries[prev as usize].next = next;
        entries[next as usize].prev = prev;
        let last = std::mem::replace(&mut entries[to].prev, own);
        entries[last as usize].next = own;
        entries[own as usize] = Entry { prev: last, next: to as u32, value };
        self.lens[from] -= 1;
        self.lens[to] += 1;
        prev as usize == from
    }

    /// Takes a slot out of the list that it is in. Returns whether it was the first there.
    #[inline]
    pub(crate) fn remove(&mut self, list: usize, slot: u32) -> bool {
        let own = slot + N as u32;
        let entry = &mut self.entries[own as usize];
        let (prev, next) = (entry.prev, entry.next);
        (entry.prev, entry.next) = (own, own);
        self.entries[prev as usize].next = next;
        self.entries[next as usize].prev = prev;
        self.lens[list] -= 1;
        prev as usize == list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::properties::holds_for_any;

    /// Returns the slots of a list, from its front.
    fn all<const N: usize>(lists: &Lists<N>, list: usize) -> Vec<u32> {
        let slots = std::iter::successors(lists.first(list), |&slot| lists.behind(slot));
        // A broken list might have no end.
        slots.take(lists.entries.len()).collect()
    }

    fn lists() -> Lists<2> {
        let mut lists = Lists::new(4);
        for slot in 0..4 {
            lists.add_entry(slot);
        }
        lists
    }

    #[test]
    fn a_list_is_first_in_first_out() {
        let mut lists = lists();
        for slot in [2, 0, 3] {
            lists.push_back(1, slot);
        }
        lists.push_back(0, 1);
        assert_eq!((all(&lists, 0), all(&lists, 1)), (vec![1], vec![2, 0, 3]));
        assert_eq!((lists.len(0), lists.len(1)), (1, 3));
    }

    #[test]
    fn a_removed_slot_is_in_no_list_wherever_it_stood() {
        for gone in 0..3 {
            let mut lists = lists();
            for slot in 0..3 {
                lists.push_back(0, slot);
            }
            assert_eq!(lists.remove(0, gone), gone == 0, "whether it was the first");
            assert!(!lists.contains(gone) && lists.contains((gone + 1) % 3));
            let rest: Vec<u32> = (0..3).filter(|&slot| slot != gone).collect();
            assert_eq!(all(&lists, 0), rest);
            lists.push_back(1, gone);
            assert_eq!((all(&lists, 0), all(&lists, 1)), (rest, vec![gone]));
        }
    }

    #[test]
    fn a_slot_moves_to_the_end_of_its_own_list_or_of_another() {
        for to in 0..2 {
            let mut lists = lists();
            for slot in 0..3 {
                lists.push_back(0, slot);
            }
            lists.push_back(1, 3);
            assert!(!lists.move_to_back(0, to, 1, ()), "the second was not the first");
            assert!(lists.move_to_back(0, to, 0, ()), "the first was");
            let expected = if to == 0 { (vec![2, 1, 0], vec![3]) } else { (vec![2], vec![3, 1, 0]) };
            assert_eq!((all(&lists, 0), all(&lists, 1)), expected);
            assert_eq!((lists.len(0), lists.len(1)), (expected.0.len(), expected.1.len()));
        }
    }

    #[test]
    fn a_slot_that_is_alone_moves_to_the_end_of_its_list() {
        let mut lists = lists();
        lists.push_back(0, 2);
        assert!(lists.move_to_back(0, 0, 2, ()));
        assert_eq!((all(&lists, 0), lists.len(0)), (vec![2], 1));
    }

    #[test]
    fn a_list_can_be_emptied_and_filled_again() {
        let mut lists = lists();
        for _ in 0..2 {
            lists.push_back(0, 3);
            assert!(lists.remove(0, 3));
            assert_eq!((lists.first(0), lists.len(0)), (None, 0));
        }
    }

    #[test]
    fn lists_behave_like_queues_that_allow_removal_anywhere() {
        const SLOTS: u32 = 8;
        let steps = prop::collection::vec((0..SLOTS, 0..3usize), 0..100);
        holds_for_any(steps, |steps| {
            let mut lists: Lists<3> = Lists::new(SLOTS as usize);
            for slot in 0..SLOTS {
                lists.add_entry(slot);
            }
            let mut model = [const { VecDeque::new() }; 3];
            for (slot, list) in steps {
                // A slot that is in a list leaves it. A slot that is in none joins this one.
                let home = (0..3).find(|&list| model[list].contains(&slot));
                assert_eq!(lists.contains(slot), home.is_some());
                match home {
                    Some(home) => {
                        assert_eq!(lists.remove(home, slot), model[home].front() == Some(&slot));
                        model[home].retain(|&other| other != slot);
                    }
                    None => {
                        lists.push_back(list, slot);
                        model[list].push_back(slot);
                    }
                }
                for (list, model) in model.iter().enumerate() {
                    assert_eq!(
                        (all(&lists, list), lists.len(list)),
                        (Vec::from_iter(model.clone()), model.len())
                    );
                }
            }
        });
    }
}
