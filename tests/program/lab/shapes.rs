//! What each ladder shows: states, segments and calls, without their times. The text and the JSON show the same.

use super::{SCENARIOS, json, lab, ladders, rows};
use crate::common::json::Json;

/// Returns the states that an end goes through, each once in a row.
fn states(ladder: &Json, side: &str) -> Vec<String> {
    let mut states = vec![ladder.text(&format!("before.{side}")).to_owned()];
    states.extend(rows(ladder).iter().map(|row| row.text(&format!("{side}.state")).to_owned()));
    states.dedup();
    states
}

/// Returns the ladders of a scenario. On a busy machine other connections hide some counts, and a timer of the kernel may
/// come between two steps, so it is tried again until `is_right`.
fn ladder_that(scenario: &str, index: usize, is_right: impl Fn(&Json) -> bool) -> Json {
    const ATTEMPTS: usize = 5;
    for _ in 1..ATTEMPTS {
        let report = json(&[scenario]);
        if is_right(&ladders(&report)[index]) {
            return ladders(&report)[index].clone();
        }
    }
    let report = json(&[scenario]);
    ladders(&report)[index].clone()
}

/// Returns a ladder that has these states.
fn expect_states(scenario: &str, index: usize, client: &[&str], server: &[&str]) -> Json {
    let is_right = |ladder: &Json| states(ladder, "client") == client && states(ladder, "server") == server;
    let ladder = ladder_that(scenario, index, |ladder| {
        is_right(ladder) && *ladder.at("closing_segments") != Json::Null
    });
    assert_eq!(states(&ladder, "client"), client, "{scenario}");
    assert_eq!(states(&ladder, "server"), server, "{scenario}");
    ladder
}

fn has_note(ladder: &Json, name: &str) -> bool {
    let is_it = |notes: &Json| match notes {
        Json::Array(notes) => notes.iter().any(|note| note.text("note") == name),
        _ => false,
    };
    is_it(ladder.at("notes")) || rows(ladder).iter().any(|row| is_it(row.at("notes")))
}

#[test]
fn three_segments_open_a_connection_before_it_is_accepted() {
    let open = ["CLOSED", "ESTABLISHED"];
    let ladder = expect_states("open", 0, &open, &["LISTEN", "ESTABLISHED"]);
    assert_eq!(ladder.count("opening_segments"), 3);
    assert!(has_note(&ladder, "open_before_accept"));
    let deferred = expect_states("open", 1, &open, &["LISTEN", "SYN_RECV", "ESTABLISHED"]);
    assert_eq!(deferred.count("opening_segments"), 3);
}

#[test]
fn a_server_that_closes_first_takes_three_segments_and_holds_time_wait() {
    let client = ["CLOSED", "ESTABLISHED", "CLOSE_WAIT", "CLOSED"];
    let server = ["LISTEN", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT"];
    let ladder = expect_states("server-first", 0, &client, &server);
    assert_eq!(ladder.count("closing_segments"), 3);
    assert!(has_note(&ladder, "fin_rides_on_data") && has_note(&ladder, "kernel_goes_on"));
    let text = lab(&["server-first"]).stdout;
    assert!(text.contains("Three segments closed it, not four: the ACK rode on the FIN."), "{text}");
}

#[test]
fn a_client_that_closes_first_takes_four_segments_and_holds_time_wait() {
    let client = ["CLOSED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"];
    let server = ["LISTEN", "ESTABLISHED", "CLOSE_WAIT", "CLOSED"];
    let ladder = expect_states("client-first", 0, &client, &server);
    assert_eq!(ladder.count("closing_segments"), 4);
    assert!(has_note(&ladder, "delayed_ack"));
}

#[test]
fn a_reset_ends_both_ends_at_once() {
    let server = ["LISTEN", "ESTABLISHED", "CLOSED"];
    let ladder = expect_states("rst", 0, &["CLOSED", "ESTABLISHED", "CLOSED"], &server);
    assert!(has_note(&ladder, "reset_is_final") && has_note(&ladder, "no_time_wait"));
    let errors = rows(&ladder).iter().filter_map(|row| match row {
        Json::Object(row) => {
            row.get("call").filter(|call| matches!(call, Json::Object(call) if call.contains_key("error")))
        }
        _ => None,
    });
    let errors: Vec<_> = errors.map(|call| call.text("error").to_owned()).collect();
    assert_eq!(errors, ["WouldBlock", "ConnectionReset"]);
}

#[test]
fn a_client_that_half_closes_waits_in_fin_wait_2_for_its_answer() {
    let client = ["CLOSED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"];
    let server = ["LISTEN", "ESTABLISHED", "CLOSE_WAIT", "CLOSED"];
    let ladder = expect_states("half-close", 0, &client, &server);
    assert_eq!(ladder.count("closing_segments"), 4);
    let answer =
        rows(&ladder).iter().position(|row| row.at("client.state") == &Json::Text("FIN_WAIT_2".into()));
    let sent =
        rows(&ladder).iter().rposition(|row| matches!(row, Json::Object(row) if row.contains_key("fourway")));
    assert!(answer < sent, "the answer comes after the FIN");
}

#[test]
fn a_fin_behind_data_without_a_window_shows_last_ack() {
    let client = ["CLOSED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"];
    let server = ["LISTEN", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"];
    let ladder = expect_states("half-close", 1, &client, &server);
    assert!(has_note(&ladder, "fin_waits") && has_note(&ladder, "last_ack"));
    assert_eq!(ladder.count("closing_segments"), 4);
}

#[test]
fn two_ends_that_close_at_once_pass_through_closing_and_both_hold_time_wait() {
    let client = ["CLOSED", "ESTABLISHED", "FIN_WAIT_1", "CLOSING", "TIME_WAIT"];
    let server = ["LISTEN", "ESTABLISHED", "FIN_WAIT_2", "TIME_WAIT"];
    let ladder = expect_states("half-close", 2, &client, &server);
    assert!(has_note(&ladder, "closing") && has_note(&ladder, "both_time_wait"));
    assert_eq!(ladder.count("closing_segments"), 4);
}

#[test]
fn a_plain_close_with_unread_input_loses_what_a_lingering_close_saves() {
    let plain = expect_states(
        "unread-data",
        0,
        &["CLOSED", "ESTABLISHED", "CLOSED"],
        &["LISTEN", "ESTABLISHED", "CLOSED"],
    );
    assert!(has_note(&plain, "reset_by_unread"));
    let lingering = ladder_that("unread-data", 1, |ladder| has_note(ladder, "discarded"));
    assert!(has_note(&lingering, "discarded"));
    let sum = |ladder: &Json| -> u64 {
        let bytes = |row: &Json| match row {
            Json::Object(members) => match members.get("call") {
                Some(call) if row.text("actor") == "client" && call.text("name") == "recv" => match call {
                    Json::Object(call) => call.get("bytes").and_then(Json::as_count),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        rows(ladder).iter().filter_map(bytes).sum()
    };
    assert!(sum(&plain) < 200_000, "{}", sum(&plain));
    assert!(sum(&lingering) > 200_000, "{}", sum(&lingering));
}

#[test]
fn a_client_that_does_not_read_closes_its_window() {
    let ladder = ladder_that("slow-reader", 0, |ladder| has_note(ladder, "probe"));
    assert!(has_note(&ladder, "zero_window") && has_note(&ladder, "probe"));
    assert!(rows(&ladder).iter().any(|row| row.at("server.window") == &Json::Number("0".into())));
}

#[test]
fn a_full_queue_leaves_a_client_in_syn_sent_until_its_kernel_asks_again() {
    let client = ["CLOSED", "SYN_SENT", "ESTABLISHED"];
    let ladder = expect_states("backlog", 0, &client, &["LISTEN", "ESTABLISHED"]);
    assert!(has_note(&ladder, "syn_dropped") && has_note(&ladder, "syn_again"));
    // SYN, the same again, SYN+ACK and ACK.
    assert!(ladder.count("opening_segments") >= 4);
}

#[test]
fn no_scenario_takes_three_seconds() {
    for ladder in ladders(&json(&["all"])) {
        let last = rows(ladder).last().expect("a row").number("ms");
        assert!(last < 3000.0, "{}: {last} ms", ladder.text("ladder"));
    }
}

/// Returns the words that a row of JSON puts into the columns of a text.
fn words_of(row: &Json, before: (&str, &str)) -> Vec<String> {
    let mut words = Vec::new();
    if let Json::Object(members) = row {
        if let Some(call) = members.get("call") {
            words.push(call.text("name").to_owned());
        }
        if let Some(fourway) = members.get("fourway") {
            words.push(fourway.text("state").to_owned());
        }
    }
    for (side, before) in [("client.state", before.0), ("server.state", before.1)] {
        words.extend(Some(row.text(side).to_owned()).filter(|state| state != before));
    }
    words
}

#[test]
fn json_and_text_show_the_same() {
    for scenario in SCENARIOS {
        let matches = || {
            let (report, text) = (json(&[scenario]), lab(&[scenario]).stdout);
            let mut words: Vec<String> = Vec::new();
            for ladder in ladders(&report) {
                let mut before = (ladder.text("before.client"), ladder.text("before.server"));
                words.extend([before.0.to_owned(), before.1.to_owned()]);
                for row in rows(ladder) {
                    words.extend(words_of(row, before));
                    before = (row.text("client.state"), row.text("server.state"));
                }
            }
            // The rows of the text, in the columns of the ends and of the server.
            let mut shown: Vec<String> = Vec::new();
            for line in text.lines().filter(|line| is_row(line)) {
                let column = |from: usize, len: usize| line.chars().skip(from).take(len).collect::<String>();
                for cell in [column(7, 12), column(45, 12), column(58, 30)] {
                    let is_word = |word: &&str| word.chars().any(|char| char.is_alphabetic());
                    let word = |word: &str| word.trim_end_matches(':').to_owned();
                    let name = cell.split_whitespace().filter(is_word).map(word);
                    shown
                        .extend(name.filter(|word| !["WouldBlock", "Connec", "in"].contains(&word.as_str())));
                }
            }
            words.sort();
            shown.sort();
            (words == shown, words, shown)
        };
        let (mut is_same, mut words, mut shown) = matches();
        for _ in 1..4 {
            if !is_same {
                (is_same, words, shown) = matches();
            }
        }
        assert_eq!(words, shown, "{scenario}");
    }
}

/// Returns whether a line is one of a ladder, and no note, title or heading.
fn is_row(line: &str) -> bool {
    let time = line.chars().take(6).collect::<String>();
    let is_timed = time.trim().parse::<f64>().is_ok();
    let is_first = line.trim_start().starts_with("CLOSED") && line.ends_with("LISTEN");
    is_timed || is_first || line.starts_with("       ") && line.contains(['▶', '◀']) || is_state_line(line)
}

/// Returns whether a line has nothing but a state, below a call of the client.
fn is_state_line(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let is_state = |word: &&str| {
        word.len() > 5 && word.chars().all(|char| char.is_ascii_uppercase() || "_12".contains(char))
    };
    line.starts_with("       ")
        && !words.is_empty()
        && words.iter().all(|word| is_state(word) || *word == "│" || *word == "┊")
}
