//! RFC 9112 §3.2 and §3.3, RFC 9110 §4.2 and §7: targets and hosts.

use super::{Closes, GoesOn, Row, check, ok, row, served};

fn hosts() -> Vec<Row> {
    let lines = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let old = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    vec![
        served("9112 §3.2", "an empty one, where the URI has none", lines("Host:\r\n"), "GET / "),
        served("9112 §3.2", "a port", lines("Host: test:80\r\n"), "GET / "),
        served("9112 §3.2", "an address", lines("Host: [::1]:80\r\n"), "GET / "),
        served("9110 §7.2", "it need not be the first", lines("X: a\r\nHost: test\r\n"), "GET / "),
        row("9110 §7.2", "1.0 needs none", old(""), &[ok("GET / ")], Closes),
    ]
}

fn forms() -> Vec<Row> {
    let line = |line: &str| format!("{line} HTTP/1.1\r\nHost: test\r\n\r\n");
    let good = |section, rule, request: &str| served(section, rule, line(request), &format!("{request} "));
    vec![
        good("9112 §3.2.1", "a path", "GET /a/b"),
        good("9112 §3.2.1", "a path and a query", "GET /a?b=c?d"),
        good("9112 §3.2.1", "a path of empty segments", "GET //a"),
        good("9112 §3.2.2", "a URL MUST be accepted", "GET http://test/a?b"),
        good("9112 §3.2.2", "with any method", "POST http://test/a"),
        good("9112 §3.2.2", "without a path", "GET http://test"),
        good("9112 §3.2.2", "in capitals", "GET HTTP://TEST/"),
        served(
            "9112 §3.2.2",
            "whose host counts, and Host does not",
            line("GET http://other:80/host"),
            "other:80",
        ),
        served("9112 §3.2", "in any other form Host does", line("GET /host?http://other/"), "test"),
        row("9112 §3.2", "where there is one", "GET /host HTTP/1.0\r\n\r\n", &[ok("")], Closes),
        row(
            "9112 §3.2.2",
            "but not in 1.0",
            "GET http://test/ HTTP/1.0\r\n\r\n",
            &[ok("GET http://test/ ")],
            Closes,
        ),
        good("9112 §3.2.4", "a star is for OPTIONS", "OPTIONS *"),
    ]
}

fn routing() -> Vec<Row> {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let get = |version: &str, lines: &str| format!("GET / HTTP/{version}\r\nHost: test\r\n{lines}\r\n");
    vec![
        served("9110 §7.8", "an Upgrade may be ignored", get("1.1", upgrade), "GET / "),
        served(
            "9110 §7.8",
            "to HTTP/2 as well",
            get("1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
            "GET / ",
        ),
        row("9110 §7.8", "in 1.0 it MUST be ignored", get("1.0", upgrade), &[ok("GET / ")], Closes),
        served(
            "9110 §7.6.1",
            "options that are unknown are ignored",
            get("1.1", "Connection: x, y\r\nX: a\r\n"),
            "GET / ",
        ),
        served(
            "9110 §7.6.1",
            "what Connection names still reaches the handler",
            "GET /field/x HTTP/1.1\r\nHost: test\r\nConnection: x\r\nX: a\r\n\r\n",
            "a",
        ),
        row(
            "9110 §7.6.2",
            "Max-Forwards is for intermediaries",
            "OPTIONS * HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\n\r\n",
            &[ok("OPTIONS * ")],
            GoesOn,
        ),
    ]
}

#[test]
fn every_request_of_1_1_has_one_host() {
    check(&hosts());
}

#[test]
fn a_target_has_one_of_four_forms() {
    check(&forms());
}

#[test]
fn headers_for_proxies_change_nothing() {
    check(&routing());
}
