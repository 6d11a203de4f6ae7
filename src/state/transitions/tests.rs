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

/// The states of each part of a connection's life, as the drawings group them.
const GROUPS: [(&str, &[State]); 3] = [
    (
        "reading",
        &[State::Idle, State::Received, State::Head, State::AwaitingBuffer, State::Body, State::Holding],
    ),
    ("responding", &[State::Sending, State::Deferred, State::Streaming]),
    ("closing", &[State::Closing]),
];

/// Returns the table in JSON.
fn json() -> String {
    let groups = GROUPS.map(|(name, states)| {
        let states: Vec<String> = states.iter().map(|state| format!("{state:?}")).collect();
        format!("    {name:?}: {states:?}")
    });
    let changes = CHANGES.iter().map(|Change { from, to, why }| {
        format!("    {{\"from\": \"{from:?}\", \"to\": \"{to:?}\", \"why\": {why:?}}}")
    });
    let ends = ENDS.iter().map(|(from, reasons)| {
        let why: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
        format!("    {{\"from\": \"{from:?}\", \"to\": \"gone\", \"why\": {why:?}}}")
    });
    let first = format!("    {{\"from\": \"accept\", \"to\": \"{FIRST:?}\", \"why\": []}}");
    let taken = Reason::TakenOver.as_str();
    let last = format!("    {{\"from\": \"{HANDED_OVER_FROM:?}\", \"to\": \"host\", \"why\": [{taken:?}]}}");
    let rows: Vec<String> = std::iter::once(first).chain(changes).chain(ends).chain([last]).collect();
    format!(
        "{{\n  \"groups\": {{\n{}\n  }},\n  \"rows\": [\n{}\n  ]\n}}\n",
        groups.join(",\n"),
        rows.join(",\n")
    )
}

#[test]
fn the_file_for_the_drawings_has_the_same_rows() {
    let expected = json();
    assert!(include_str!("transitions.json") == expected, "transitions.json has to be:\n{expected}");
    let states: Vec<State> = GROUPS.iter().flat_map(|group| group.1).copied().collect();
    assert_eq!(states.len(), State::COUNT);
    assert!(State::WAITING.iter().all(|state| states.contains(state)));
}
