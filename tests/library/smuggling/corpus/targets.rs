//! Targets and hosts that are sound (RFC 9112 §3.2, RFC 9110 §4.2 and §7.2).

use super::{PUBLIC, Row, Then, row, shown};
use crate::common::witness::Asked;

/// Targets that arrive as they were sent.
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

/// Lines in the place of `Host: test`.
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

/// Other methods, with their targets.
const METHODS: &[(&str, &str)] =
    &[("OPTIONS", "*"), ("OPTIONS", PUBLIC), ("OPTIONS", "http://test"), ("connect", PUBLIC)];

pub fn rows() -> Vec<Row> {
    let gets = TARGETS.iter().map(|target| ("GET", *target));
    let of_target = |(method, target): (&str, &str)| {
        let bytes = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        row(format!("{method} {target}"), bytes, &[Asked::new(method, target, "")], Then::GoesOn)
    };
    let of_host = |lines: &&str| {
        let bytes = format!("GET {PUBLIC} HTTP/1.1\r\n{lines}\r\n\r\n");
        row(shown(lines), bytes, &[Asked::new("GET", PUBLIC, "")], Then::GoesOn)
    };
    let targets = gets.chain(METHODS.iter().copied()).map(of_target);
    targets.chain(HOSTS.iter().map(of_host)).collect()
}
