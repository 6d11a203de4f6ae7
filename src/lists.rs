//! Lists of slots: each a ring of links, all in one array.
//!
//! A slot is in one list at most, and its place in it is a pair of links in the array, at its own
//! number: joining and leaving are a few stores, and never ask for memory. In front of the slots'
//! places stand the lists' own, each the end and the beginning of its ring. So no place is without neighbours,
//! and nothing has to be asked before it is linked or unlinked. A slot that is in no list is a ring of itself.

/// The places before and behind one in its ring.
#[derive(Debug, Clone, Copy)]
struct Links {
    prev: u32,
    next: u32,
}

/// `N` first-in-first-out lists of slots. All operations are O(1).
#[derive(Debug)]
pub(crate) struct Lists<const N: usize> {
    links: Vec<Links>,
    lens: [usize; N],
}

impl<const N: usize> Lists<N> {
    /// What each slot takes.
    pub(crate) const PER_SLOT: usize = size_of::<Links>();

    /// Empty lists with memory for this many slots.
    pub(crate) fn new(slots: usize) -> Self {
        let mut links = Vec::with_capacity(slots + N);
        links.extend((0..N as u32).map(|own| Links { prev: own, next: own }));
        Lists { links, lens: [0; N] }
    }

    /// Makes a place for the slot behind the last that has one, if it is not one of them.
    pub(crate) fn add_entry(&mut self, slot: u32) {
        let place = slot + N as u32;
        if place as usize == self.links.len() {
            self.links.push(Links { prev: place, next: place });
        }
    }

    pub(crate) fn len(&self, list: usize) -> usize {
        self.lens[list]
    }

    /// Whether a slot is in one of the lists.
    #[inline]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        let place = slot + N as u32;
        self.links[place as usize].next != place
    }

    pub(crate) fn first(&self, list: usize) -> Option<u32> {
        self.links[list].next.checked_sub(N as u32)
    }

    /// The one behind `slot` in its list.
    pub(crate) fn behind(&self, slot: u32) -> Option<u32> {
        self.links[slot as usize + N].next.checked_sub(N as u32)
    }

    /// Puts a slot that is in no list at the end of one.
    #[inline]
    pub(crate) fn push_back(&mut self, list: usize, slot: u32) {
        let place = slot + N as u32;
        let last = std::mem::replace(&mut self.links[list].prev, place);
        self.links[last as usize].next = place;
        self.links[place as usize] = Links { prev: last, next: list as u32 };
        self.lens[list] += 1;
    }

    /// Takes a slot out of the list that it is in; whether it was the first there.
    #[inline]
    pub(crate) fn remove(&mut self, list: usize, slot: u32) -> bool {
        let place = slot + N as u32;
        let Links { prev, next } =
            std::mem::replace(&mut self.links[place as usize], Links { prev: place, next: place });
        self.links[prev as usize].next = next;
        self.links[next as usize].prev = prev;
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

    /// What is in a list, from its front.
    fn all<const N: usize>(lists: &Lists<N>, list: usize) -> Vec<u32> {
        let slots = std::iter::successors(lists.first(list), |&slot| lists.behind(slot));
        // In a list that is broken they might come round again.
        slots.take(lists.links.len()).collect()
    }

    fn lists() -> Lists<2> {
        let mut lists = Lists::new(4);
        (0..4).for_each(|slot| lists.add_entry(slot));
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
    fn a_slot_leaves_from_anywhere_in_its_list_and_is_in_none_then() {
        for gone in 0..3 {
            let mut lists = lists();
            (0..3).for_each(|slot| lists.push_back(0, slot));
            assert_eq!(lists.remove(0, gone), gone == 0, "whether it was the first");
            assert!(!lists.contains(gone) && lists.contains((gone + 1) % 3));
            let rest: Vec<u32> = (0..3).filter(|&slot| slot != gone).collect();
            assert_eq!(all(&lists, 0), rest);
            lists.push_back(1, gone);
            assert_eq!((all(&lists, 0), all(&lists, 1)), (rest, vec![gone]));
        }
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
    fn any_lists_are_as_queues_of_which_a_slot_can_leave_from_anywhere() {
        const SLOTS: u32 = 8;
        let steps = prop::collection::vec((0..SLOTS, 0..3usize), 0..100);
        holds_for_any(steps, |steps| {
            let mut lists: Lists<3> = Lists::new(SLOTS as usize);
            (0..SLOTS).for_each(|slot| lists.add_entry(slot));
            let mut model = [const { VecDeque::new() }; 3];
            for (slot, list) in steps {
                // A slot that is in a list leaves it; one that is in none joins this.
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
