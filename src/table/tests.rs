//! The table, compared with a list of all connections that is searched each time.

use proptest::prelude::*;

use super::*;
use crate::properties::holds_for_any;
use crate::tokens::{LISTENERS, TokenRange};

fn table(capacity: usize) -> Table<()> {
    let tokens = Tokens::layout(TokenRange::nth(0), capacity).unwrap();
    Table::new(capacity, |state| [10, 20, 25, 30, 35, 40, 45, 47, 50][state as usize], tokens)
}

#[test]
fn the_ready_queue_takes_each_connection_once() {
    let mut table = table(4);
    let slots: Vec<Slot> = (0..4).map(|_| table.insert(())).collect();
    for &slot in &[slots[2], slots[0], slots[2], slots[3]] {
        table.queue(slot);
    }
    assert_eq!(table.ready_len(), 3);
    assert!(table.take_ready(slots[0]) && !table.take_ready(slots[0]));
    assert!(!table.take_ready(slots[1]), "it never was there");
    assert_eq!((table.first_ready(), table.ready_behind(slots[2])), (Some(slots[2]), Some(slots[3])));
}

#[test]
fn a_removed_connection_leaves_its_lists() {
    let mut table = table(2);
    let (first, second) = (table.insert(()), table.insert(()));
    for slot in [first, second] {
        table.arm(slot, State::Idle, 0);
        table.queue(slot);
    }
    table.remove(first, State::Idle);
    assert_eq!((table.first_ready(), table.longest_waiting(State::Idle)), (Some(second), Some(second)));
    assert_eq!((table.ready_len(), table.waiting_len(State::Idle)), (1, 1));
}

#[test]
fn the_next_deadline_is_the_earliest_of_all_lists() {
    let mut table = table(2);
    let (a, b) = (table.insert(()), table.insert(()));
    assert_eq!(table.next_deadline(), NEVER);
    table.arm(a, State::Closing, 5);
    table.arm(b, State::Head, 7);
    assert_eq!(table.next_deadline(), 27);
    table.disarm(b, State::Head);
    assert_eq!(table.next_deadline(), 55);
}

#[test]
fn a_reused_slot_has_a_new_token() {
    let mut table = table(1);
    let first = table.insert(());
    let old = table.token(first);
    table.arm(first, State::Idle, 0);
    table.remove(first, State::Idle);
    let second = table.insert(());
    assert_eq!(first, second);
    let (slot, generation) = table.tokens().decode(old).unwrap();
    assert_eq!(table.find(slot - LISTENERS, generation), None);
    let (slot, generation) = table.tokens().decode(table.token(second)).unwrap();
    assert_eq!(table.find(slot - LISTENERS, generation), Some(second));
}

const CAPACITY: usize = 6;
const DURATIONS: [u64; State::WAITING.len()] = [10, 20, 25, 30, 35, 40, 45, 47, u64::MAX];

/// A step of the test. A number chooses one of the connections in the table.
#[derive(Debug, Clone)]
enum Step {
    Insert,
    Remove(usize),
    Arm(usize, usize),
    Queue(usize),
    TakeReady(usize),
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let which = 0..CAPACITY;
    prop_oneof![
        3 => Just(Step::Insert),
        1 => which.clone().prop_map(Step::Remove),
        3 => (which.clone(), 0..State::WAITING.len()).prop_map(|(which, list)| Step::Arm(which, list)),
        2 => which.clone().prop_map(Step::Queue),
        1 => which.prop_map(Step::TakeReady),
        1 => (0..50u64).prop_map(Step::Pass),
    ]
}

/// What the test knows of one connection.
#[derive(Debug)]
struct Known {
    id: u32,
    slot: Slot,
    token: Token,
    state: State,
    deadline: u64,
}

/// The model: its connections are in the order in which they were armed last.
#[derive(Debug, Default)]
struct Model {
    connections: Vec<Known>,
    ready: Vec<Slot>,
    gone: Vec<Token>,
    now: u64,
}

impl Model {
    fn note_armed(&mut self, mut known: Known, state: State) {
        known.state = state;
        known.deadline = self.now.saturating_add(DURATIONS[state as usize].min(FOR_EVER));
        self.connections.push(known);
    }

    fn insert(&mut self, table: &mut Table<u32>, id: u32) {
        let slot = table.insert(id);
        let known = Known { id, slot, token: table.token(slot), state: State::Idle, deadline: 0 };
        table.arm(slot, State::Idle, self.now);
        self.note_armed(known, State::Idle);
    }

    fn apply(&mut self, table: &mut Table<u32>, step: Step) {
        let len = self.connections.len();
        match step {
            Step::Insert | Step::Pass(_) => unreachable!("they are about no connection"),
            _ if len == 0 => {}
            Step::Remove(which) => {
                let known = self.connections.remove(which % len);
                let removed = table.remove(known.slot, known.state);
                assert_eq!(*removed.socket.stream(), known.id);
                self.ready.retain(|&slot| slot != known.slot);
                self.gone.push(known.token);
            }
            Step::Arm(which, list) => {
                let known = self.connections.remove(which % len);
                let state = State::WAITING[list];
                table[known.slot].state = state;
                table.rearm(known.slot, known.state, state, self.now);
                self.note_armed(known, state);
            }
            Step::Queue(which) => {
                let slot = self.connections[which % len].slot;
                table.queue(slot);
                if !self.ready.contains(&slot) {
                    self.ready.push(slot);
                }
            }
            Step::TakeReady(which) => {
                let slot = self.connections[which % len].slot;
                assert_eq!(table.take_ready(slot), self.ready.contains(&slot));
                self.ready.retain(|&other| other != slot);
            }
        }
    }

    fn compare(&self, table: &Table<u32>) {
        assert_eq!(
            (table.len(), table.has_free_slot()),
            (self.connections.len(), self.connections.len() < CAPACITY)
        );
        let ready = std::iter::successors(table.first_ready(), |&slot| table.ready_behind(slot));
        // A broken list might have no end.
        let ready = ready.take(CAPACITY + 1);
        assert_eq!((ready.collect(), table.ready_len()), (self.ready.clone(), self.ready.len()));
        for state in State::WAITING {
            let expected: Vec<Slot> = self
                .connections
                .iter()
                .filter(|known| known.state == state)
                .map(|known| known.slot)
                .collect();
            let waiting =
                std::iter::successors(table.longest_waiting(state), |&slot| table.waiting_behind(slot));
            let waiting = waiting.take(CAPACITY + 1);
            assert_eq!(
                (waiting.collect(), table.waiting_len(state)),
                (expected.clone(), expected.len()),
                "{state:?}"
            );
        }
        let next = self.connections.iter().map(|known| known.deadline).min();
        assert_eq!(table.next_deadline(), next.unwrap_or(NEVER));
        for known in &self.connections {
            assert_eq!(find(table, known.token), Some(known.slot));
            assert_eq!(*table[known.slot].socket.stream(), known.id);
            assert_eq!(table.is_ready(known.slot), self.ready.contains(&known.slot));
            assert!(table.is_waiting(known.slot, known.state));
        }
        assert!(
            self.gone.iter().all(|&token| find(table, token).is_none()),
            "a token outlives its connection"
        );
    }
}

fn find(table: &Table<u32>, token: Token) -> Option<Slot> {
    let (slot, generation) = table.tokens().decode(token).expect("it is the table's");
    table.find(slot - LISTENERS, generation)
}

#[test]
fn a_table_behaves_like_a_list_that_is_searched() {
    holds_for_any(prop::collection::vec(any_step(), 0..80), |steps| {
        let tokens = Tokens::layout(TokenRange::nth(0), CAPACITY).expect("nth is large");
        let mut table = Table::new(CAPACITY, |state| DURATIONS[state as usize], tokens);
        let mut model = Model::default();
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Insert if table.has_free_slot() => model.insert(&mut table, id),
                Step::Insert => {}
                Step::Pass(by) => model.now += by,
                step => model.apply(&mut table, step),
            }
            model.compare(&table);
        }
    });
}
