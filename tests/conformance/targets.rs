//! RFC 9112 §3.2 and §3.3, RFC 9110 §4.2 and §7: targets and hosts.

use super::{Closes, GoesOn, Row, check, ok, refused, row, served};

fn hosts() -> Vec<Row> {
    let lines = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let old = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    vec![
        refused("9112 §3.2", "1.1 without Host", lines(""), 400),
        refused("9112 §3.2", "1.1 without Host, with another header", lines("X: a\r\n"), 400),
        refused("9112 §3.2", "two lines of Host", lines("Host: test\r\nHost: other\r\n"), 400),
        refused("9112 §3.2", "two lines of the same", lines("Host: test\r\nhost: test\r\n"), 400),
        refused("9112 §3.2", "two lines in 1.0", old("Host: test\r\nHost: other\r\n"), 400),
        refused("9112 §3.2", "a blank in it", lines("Host: a b\r\n"), 400),
        refused("9112 §3.2", "a path in it", lines("Host: test/a\r\n"), 400),
        refused("9112 §3.2", "a user in it", lines("Host: user@test\r\n"), 400),
        refused("9112 §3.2", "a scheme in it", lines("Host: http://test\r\n"), 400),
        refused("9112 §3.2", "a port that is none", lines("Host: test:a\r\n"), 400),
        refused("9112 §3.2", "brackets that stay open", lines("Host: [::1\r\n"), 400),
        refused("9112 §3.2", "one that is invalid in 1.0", old("Host: a b\r\n"), 400),
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
    let bad = |section, rule, request: &str, status| refused(section, rule, line(request), status);
    vec![
        good("9112 §3.2.1", "a path", "GET /a/b"),
        good("9112 §3.2.1", "a path and a query", "GET /a?b=c?d"),
        good("9112 §3.2.1", "a path of empty segments", "GET //a"),
        bad("9112 §3.2.1", "no path", "GET a", 400),
        bad("9112 §3.2.1", "a query alone", "GET ?a", 400),
        bad("9112 §3.2.1", "a fragment is no part of it", "GET /a#b", 400),
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
        refused("9112 §3.2.2", "Host is needed all the same", "GET http://test/ HTTP/1.1\r\n\r\n", 400),
        row(
            "9112 §3.2.2",
            "but not in 1.0",
            "GET http://test/ HTTP/1.0\r\n\r\n",
            &[ok("GET http://test/ ")],
            Closes,
        ),
        bad("9112 §3.2.3", "a host and a port is for CONNECT alone", "GET test:80", 400),
        bad("9110 §9.3.6", "CONNECT, which is for proxies", "CONNECT test:80", 501),
        bad("9110 §9.3.6", "CONNECT without a port", "CONNECT test", 501),
        bad("9110 §9.3.6", "CONNECT with an empty port", "CONNECT test:", 501),
        good("9112 §3.2.4", "a star is for OPTIONS", "OPTIONS *"),
        bad("9110 §7.1", "a star MUST NOT be used with GET", "GET *", 400),
        bad("9110 §7.1", "nor with POST", "POST *", 400),
        bad("9110 §4.2.1", "http without a host", "GET http:///a", 400),
        bad("9110 §4.2.1", "http with a port alone", "GET http://:80/", 400),
        bad("9110 §4.2.1", "http with a query alone", "GET http://?a", 400),
        bad("9110 §4.2.2", "https without a host", "GET https:///a", 400),
        bad("9110 §4.2.2", "https with a port alone", "GET https://:443/", 400),
        bad("9110 §4.2.4", "a user (SHOULD be an error)", "GET http://user@test/", 400),
        bad("9112 §3.2.2", "another scheme", "GET ftp://test/", 400),
        bad("9112 §3.2", "no control byte", "GET /\x01", 400),
        bad("9112 §3.2", "no byte outside ASCII", "GET /\u{e9}", 400),
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
fn what_is_for_proxies_changes_nothing() {
    check(&routing());
}
