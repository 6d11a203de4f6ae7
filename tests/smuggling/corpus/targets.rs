//! Targets and hosts: what is asked for, and of whom (RFC 9112 §3.2, RFC 9110 §4.2 and §7.2).

use super::{PUBLIC, Row, Then, hidden, refused, row, shown};
use crate::common::witness::Asked;

/// Targets of GET that one server may read as another does not.
const BROKEN_TARGETS: &[&[u8]] = &[
    b"public",
    b"./public",
    b"?public",
    b"test/public",
    b"test:80/public",
    b"test:80",
    b"*",
    b"/public#",
    b"/public#/../hidden",
    b"/public?a#b",
    b"http://test/public#/hidden",
    b"#/public",
    b"http://",
    b"http:///public",
    b"http:///",
    b"https://",
    b"http://?public",
    b"http://:80/public",
    b"http://:/public",
    b"http:/public",
    b"http:public",
    b"http:",
    b"http:\\\\test\\public",
    b"http:/\\test/public",
    b"http//test/public",
    b"://test/public",
    b" http://test/public",
    b"http://user@test/public",
    b"http://user:word@test/public",
    b"http://test@/public",
    b"http://test:80@other/public",
    b"http://test\\@other/public",
    b"http://test\\/public",
    b"http://test:port/public",
    b"http://test:80:80/public",
    b"http://test:-1/public",
    b"http://test:+80/public",
    b"http://[::1/public",
    b"http://::1]/public",
    b"http://[]/public",
    b"http://[test]x/public",
    b"http://te[st/public",
    b"http://te\"st/public",
    b"http://te<st/public",
    b"http://te|st/public",
    b"ftp://test/public",
    b"ws://test/public",
    b"file:///public",
    b"httpx://test/public",
    b"xhttp://test/public",
    b"mailto:test",
    b"/public\0",
    b"/public\x7f",
    b"/public\x01",
    b"/public\xe9",
    b"/public\xc0\xaf",
    b"/public\xe2\x80\xa8",
    b"/public HTTP/1.1 ",
    b"/public HTTP/1.1\tx",
    b"/public\thidden",
    b"/public hidden",
    b"/public\x0bhidden",
    b"",
];

/// Targets that are sound, and arrive as they were sent.
const TARGETS: &[&str] = &[
    "/",
    "//other/public",
    "///",
    "/public?",
    "/public?/hidden",
    "/public??a=http://other/",
    "/public;a=b",
    "/public/../public",
    "/public/%2e%2e/public",
    "/public%00%0d%0a",
    "/public%23hidden",
    "/public\\hidden",
    "/http://other/public",
    "/*",
    "/@other",
    "http://test",
    "http://test/",
    "http://test/public",
    "http://test?public",
    "http://test:80/public",
    "http://test:/public",
    "HTTP://test/public",
    "HtTpS://test/public",
    "http://[::1]/public",
    "http://[::1]:80/public",
    "http://127.0.0.1/public",
    "http://te%73t/public",
    // Host is to be ignored then (RFC 9112 §3.2.2): what counts is in the target.
    "http://other/public",
    "https://other:8443/public?a",
];

/// Lines in place of `Host: test`.
const BROKEN_HOSTS: &[&[u8]] = &[
    b"X: y",
    b"Host: test\r\nHost: test",
    b"Host: test\r\nhost: other",
    b"Host: test\r\nHOST:",
    b"Host:\r\nHost: test",
    b"Host: test, other",
    b"Host: test other",
    b"Host: test\tother",
    b"Host: http://test",
    b"Host: test/",
    b"Host: /",
    b"Host: test?",
    b"Host: test#",
    b"Host: user@test",
    b"Host: test@other",
    b"Host: test\\other",
    b"Host: test:80:80",
    b"Host: test:-1",
    b"Host: test:+80",
    b"Host: test:0x50",
    b"Host: test:80x",
    b"Host: test: 80",
    b"Host: test :80",
    b"Host: [::1",
    b"Host: ::1]",
    b"Host: ::1",
    b"Host: []",
    b"Host: [::1]x",
    b"Host: [[::1]]",
    b"Host: \"test\"",
    b"Host: <test>",
    b"Host: te|st",
    b"Host: te^st",
    b"Host: te{st",
    b"Host: te`st",
    b"Host: test\0",
    b"Host: \0test",
    b"Host: test\x0b",
    b"Host: test\xa0",
    b"Host: t\xe9st",
    b"Host: test\r",
    b"Host : test",
    b"Host\t: test",
    b" Host: test",
    b"Host\0: test",
    b"Host test",
    b"Host: test\r\n other",
    b"Host:\r\n test",
    b"X: y\nHost: test",
    b"X: y\rHost: test",
    b"Host: test\nHost: other",
    b"Host: test\rHost: other",
];

const HOSTS: &[&str] = &[
    "Host: test:80",
    "Host: test:",
    "Host:",
    "Host:test",
    "Host: \t test \t ",
    "hOsT: test",
    "Host: [::1]:80",
    "Host: [v1.a:b]",
    "Host: 127.0.0.1",
    "Host: test.",
    "Host: te%73t",
    "Host: te-st_.~!$&'()*+,;=",
    "Host: test\r\nX-Forwarded-Host: other",
    "Host: test\r\nX-Host: other\r\nHosts: other",
];

pub fn rows() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    for target in BROKEN_TARGETS {
        let rest = format!(" HTTP/1.1\r\nHost: test\r\n\r\n{data}");
        rows.push(refused(shown(target), [b"GET ", *target, rest.as_bytes()].concat(), 400));
    }
    for target in TARGETS {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        rows.push(row(*target, bytes, &[Asked::new("GET", target, "")], Then::GoesOn));
    }
    for lines in BROKEN_HOSTS {
        for version in ["1.1", "1.0"] {
            // Only 1.1 needs a Host.
            if version == "1.0" && lines == b"X: y" {
                continue;
            }
            let front = format!("GET {PUBLIC} HTTP/{version}\r\n");
            let bytes = [front.as_bytes(), lines, b"\r\n\r\n", data.as_bytes()].concat();
            rows.push(refused(format!("{} in {version}", shown(lines)), bytes, 400));
        }
    }
    for lines in HOSTS {
        let bytes = format!("GET {PUBLIC} HTTP/1.1\r\n{lines}\r\n\r\n");
        rows.push(row(shown(lines), bytes, &[Asked::new("GET", PUBLIC, "")], Then::GoesOn));
    }
    rows.extend(other_methods(&data));
    rows
}

fn other_methods(data: &str) -> Vec<Row> {
    let whole = |line: &str| format!("{line} HTTP/1.1\r\nHost: test\r\n\r\n");
    let bad = |line: &str, status| refused(line, whole(line) + data, status);
    let good = |method: &str, target: &str| {
        let line = format!("{method} {target}");
        row(line.clone(), whole(&line), &[Asked::new(method, target, "")], Then::GoesOn)
    };
    vec![
        bad("CONNECT test:80", 501),
        bad("CONNECT /public", 501),
        bad("CONNECT http://test/public", 501),
        bad("OPTIONS *x", 400),
        bad("OPTIONS **", 400),
        bad("OPTIONS test:80", 400),
        bad("options *", 400),
        bad("POST *", 400),
        bad("HEAD *", 400),
        good("OPTIONS", "*"),
        good("OPTIONS", "/public"),
        good("OPTIONS", "http://test"),
        good("connect", "/public"),
    ]
}
