use super::*;

#[test]
fn each_pair_of_states_has_one_row_and_each_state_one_row_of_ends() {
    for (at, row) in CHANGES.iter().enumerate() {
        let is_same = |other: &&Change| other.from == row.from && other.to == row.to;
        assert_eq!(
            CHANGES.iter().position(|other| is_same(&other)),
            Some(at),
            "{:?} -> {:?}",
            row.from,
            row.to
        );
        assert!(!row.why.is_empty());
    }
    for (at, (state, reasons)) in ENDS.iter().enumerate() {
        assert!(ENDS.iter().position(|end| end.0 == *state) == Some(at) && !reasons.is_empty(), "{state:?}");
    }
}

#[test]
#[should_panic(expected = "Closing -> Idle is not in the table")]
fn a_change_that_is_not_in_the_table_is_found() {
    check_change(State::Closing, State::Idle, "all sent");
}

#[test]
#[should_panic(expected = "Sending -> Idle (for no reason) is not in the table")]
fn a_reason_that_is_not_in_the_table_is_found() {
    check_change(State::Sending, State::Idle, "for no reason");
}

#[test]
#[should_panic(expected = "Deferred -> gone (idle timeout) is not in the table")]
fn an_end_that_is_not_in_the_table_is_found() {
    check_end(State::Deferred, Reason::IdleTimeout);
}
