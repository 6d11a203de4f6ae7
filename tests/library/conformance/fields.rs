//! RFC 9112 §5 and RFC 9110 §5: header lines, their names and their values.

use fourway::{Config, handler_fn};

use super::{ANY_PORT, Client, Host, Row, check, echo, get, served};

/// The handler says back what it got under this name.
fn field(name: &str, lines: &str) -> String {
    format!("GET /field/{name} HTTP/1.1\r\nHost: test\r\n{lines}\r\n")
}

/// So many lines of different names.
fn many(count: usize) -> String {
    (0..count).map(|number| format!("X-{number}: a\r\n")).collect()
}

fn lines() -> Vec<Row> {
    vec![
        served("9110 §5.1", "names are not case-sensitive", field("x-y", "X-Y: a\r\nx-Y: b\r\n"), "a|b"),
        served("9110 §5.1", "unknown ones are no error", get("X-Unknown: a\r\n"), "GET / "),
        served(
            "9110 §5.2",
            "lines of one name keep their order",
            field("x", "X: a\r\nY: b\r\nX: c\r\n"),
            "a|c",
        ),
        // Host is one of them.
        served("9110 §5.4", "as many lines as the limit", get(&many(99)), "GET / "),
        served(
            "9110 §5.4",
            "the cookies of a browser, a line each",
            get(&"cookie: a=b\r\n".repeat(84)),
            "GET / ",
        ),
    ]
}

fn values() -> Vec<Row> {
    vec![
        served(
            "9110 §5.5",
            "blanks around a value are no part of it",
            field("x", "X: \t a b \t \r\n"),
            "a b",
        ),
        served("9110 §5.5", "nor are they needed", field("x", "X:a\r\n"), "a"),
        served("9110 §5.5", "a value may be empty", field("x", "X:\r\n"), ""),
        served("9110 §5.5", "blanks alone are an empty value", field("x", "X: \t \r\n"), ""),
        served("9110 §5.5", "a tab inside is a part of it", field("x", "X: a\tb\r\n"), "a\\tb"),
        served("9110 §5.6.1.2", "empty members of Expect", get("Expect: ,, 100-continue , ,\r\n"), "GET / "),
        served("9110 §5.6.1.2", "empty members of Connection", get("Connection: ,, x , ,\r\n"), "GET / "),
        served(
            "9110 §5.6.1.2",
            "empty members of Transfer-Encoding",
            super::post("Transfer-Encoding: , chunked,,\r\n", "1\r\na\r\n0\r\n\r\n"),
            "POST / a",
        ),
        served(
            "9110 §5.6.2",
            "words of a list are not case-sensitive",
            super::post("Transfer-Encoding: CHUNKED\r\n", "1\r\na\r\n0\r\n\r\n"),
            "POST / a",
        ),
        served(
            "9110 §5.6.3",
            "bad blanks in a chunk extension",
            super::post_chunked("1 ; a = b\r\na\r\n0 ;a\r\n\r\n"),
            "POST / a",
        ),
        served(
            "9110 §5.6.4",
            "quoted pairs in a chunk extension",
            super::post_chunked("1;a=\"\\\"\\\\\"\r\na\r\n0\r\n\r\n"),
            "POST / a",
        ),
    ]
}

#[test]
fn header_lines_have_names_in_any_case_and_keep_their_order() {
    check(&lines());
}

#[test]
fn values_arrive_as_they_are() {
    check(&values());
}

#[test]
fn a_host_may_allow_256_lines() {
    let mut config = Config::default();
    config.limits.headers = 256;
    let host = Host::start_with(ANY_PORT, config, handler_fn(echo)).expect("a server on a free port");
    for (count, status) in [(255, 200), (256, 431)] {
        let mut client = Client::connect(host.address);
        client.send(get(&many(count)));
        assert_eq!(client.response().status, status, "Host and {count} others");
    }
}
