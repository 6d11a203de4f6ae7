//! Host: once in each request of HTTP/1.1, and a name with a port at most (RFC 9112 §3.2, RFC 9110 §7.2).

use super::{Case, PUBLIC, case, get, proven, shown};

const SECTION: &str = "9112 §3.2";

/// Lines in the place of `Host: test`. They are header lines, and the last of them proves the request wrong by its end.
const WRONG: &[&[u8]] = &[
    b"Host: test\r\nHost: test",
    b"Host: test\r\nhost: other",
    b"Host: test\r\nHOST:",
    b"Host:\r\nHost: test",
    b"Host: test, other",
    b"Host: [test, other]",
    b"Host: test other",
    b"Host: test\tother",
    b"Host: http://test",
    b"Host: test/",
    b"Host: test/path",
    b"Host: /",
    b"Host: test?",
    b"Host: test#",
    b"Host: user@test",
    b"Host: test@other",
    b"Host: test\\other",
    b"Host: test:port",
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
    b"Host: test\xa0",
    b"Host: t\xe9st",
    b"Host: t\xc3\xa9st",
];

/// Lines in the place of `Host: test` that some take for header lines.
const BROKEN: &[&[u8]] = &[
    b"Host: test\0",
    b"Host: \0test",
    b"Host: test\x0b",
    b"Host: test\r",
    b"Host\t: test",
    b"Host\0: test",
    b"Host test",
    b"Host: test\r\n other",
    b"Host:\r\n test",
    b"X: y\nHost: test",
    b"X: y\rHost: test",
    b"Host: test\nHost: other",
    b"Host: test\rHost: other",
];

/// The same in HTTP/1.0. In HTTP/1.1 they stand among the header lines.
const BROKEN_IN_1_0: &[&[u8]] = &[b" Host: test", b"Host : test"];

/// Whole heads without a Host. Only HTTP/1.0 needs none.
const MISSING: &[(&str, &str)] = &[
    ("no header at all", "GET /public HTTP/1.1\r\n\r\n"),
    ("no Host", "GET /public HTTP/1.1\r\nX: y\r\n\r\n"),
    ("no Host in 1.2", "GET /public HTTP/1.2\r\n\r\n"),
    ("no Host in 1.3", "GET /public HTTP/1.3\r\nX: y\r\n\r\n"),
    ("no Host, but a host in the target", "GET http://test/public HTTP/1.1\r\n\r\n"),
    ("no Host, but close", "GET /public HTTP/1.1\r\nConnection: close\r\n\r\n"),
    ("no Host, but keep-alive", "GET /public HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"),
    ("no Host to HEAD", "HEAD /public HTTP/1.1\r\n\r\n"),
];

pub fn cases() -> Vec<Case> {
    let missing = MISSING.iter().map(|(name, head)| proven(*name, SECTION, head, "", 400));
    let mut cases: Vec<Case> = missing.collect();
    // Nothing is done before all header lines are there.
    cases.push(proven(
        "Host, and behind another header once more",
        "9110 §5.3",
        get("X: y\r\nhost: other\r\n"),
        "\r\n",
        400,
    ));
    for version in ["1.1", "1.0"] {
        let line = format!("GET {PUBLIC} HTTP/{version}\r\n");
        for lines in WRONG {
            let proof = [line.as_bytes(), lines, b"\r\n"].concat();
            cases.push(proven(format!("{} in {version}", shown(lines)), SECTION, proof, "\r\n", 400));
        }
        let old: &[&[u8]] = if version == "1.0" { BROKEN_IN_1_0 } else { &[] };
        for lines in BROKEN.iter().chain(old) {
            let bytes = [line.as_bytes(), lines, b"\r\n\r\n"].concat();
            cases.push(case(format!("{} in {version}", shown(lines)), SECTION, bytes, 400));
        }
    }
    cases
}
