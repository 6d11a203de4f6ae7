//! Targets that no server may take for one of the four forms (RFC 9112 §3.2, RFC 9110 §4.2 and §7.1).

use super::{Case, PUBLIC, REST_OF_GET, case, proven, shown};

/// Targets of GET, by the section that rules them. One server may read them as another does not.
const BROKEN: &[(&str, &[&[u8]])] = &[
    ("9112 §3.2.1", &[b"./public", b"?public", b"test/public", b"test:80/public"]),
    ("9112 §3.2.3", &[b"test:80"]),
    ("9112 §3.2", &[b"/public#/../hidden", b"/public?a#b", b"http://test/public#/hidden", b"#/public"]),
    (
        "9110 §4.2.1",
        &[
            b"http://",
            b"http:///public",
            b"http:///",
            b"http://?public",
            b"http://:80/public",
            b"http://:80/",
            b"http://:/public",
            b"http:/public",
            b"http:public",
            b"http:",
            b"http:\\\\test\\public",
            b"http:/\\test/public",
            b"http//test/public",
            b"://test/public",
            b" http://test/public",
        ],
    ),
    ("9110 §4.2.2", &[b"https://", b"https:///public", b"https://:443/"]),
    (
        "9110 §4.2.4",
        &[
            b"http://user:word@test/public",
            b"http://test@/public",
            b"http://test:80@other/public",
            b"http://test\\@other/public",
        ],
    ),
    (
        "9112 §3.2.2",
        &[
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
            b"ws://test/public",
            b"file:///public",
            b"httpx://test/public",
            b"xhttp://test/public",
            b"mailto:test",
        ],
    ),
    (
        "9112 §3.2",
        &[
            b"/public\0",
            b"/public\x7f",
            b"/public\x1b",
            b"/public\xe9",
            b"/public\xc0\xaf",
            b"/public\xe2\x80\xa8",
            b"/public HTTP/1.1 ",
            b"/public HTTP/1.1\tx",
            b"/public\thidden",
            b"/public\x0bhidden",
        ],
    ),
];

pub fn cases() -> Vec<Case> {
    let get = |proof: &[u8]| [b"GET ", proof].concat();
    let line = |target: &str| format!("GET {target} HTTP/1.1\r\n");
    let other = |line: &str, source| case(line, source, format!("{line}{REST_OF_GET}"), 400);
    let host = "Host: test\r\n\r\n";
    let mut cases = vec![
        proven("a relative target", "9112 §3.2.1", line("public"), host, 400),
        proven("a star to GET", "9110 §7.1", line("*"), host, 400),
        proven("another scheme", "9112 §3.2.2", line("ftp://test/public"), host, 400),
        proven("a user", "9110 §4.2.4", line("http://user@test/public"), host, 400),
        proven("a fragment", "9112 §3.2", get(b"/public#"), format!("b{REST_OF_GET}"), 400),
        proven("a control byte", "9112 §3.2", get(b"/public\x01"), REST_OF_GET, 400),
        proven(
            "a byte outside ASCII",
            "9112 §3.2",
            get(b"/\xc3"),
            [b"\xa9", REST_OF_GET.as_bytes()].concat(),
            400,
        ),
        proven("a control byte to HEAD", "9110 §9.3.2", format!("HEAD {PUBLIC}\x01"), REST_OF_GET, 400),
        other("OPTIONS *x", "9112 §3.2.4"),
        other("OPTIONS **", "9112 §3.2.4"),
        other("OPTIONS test:80", "9112 §3.2.3"),
        other("options *", "9110 §7.1"),
        other("POST *", "9110 §7.1"),
        other("HEAD *", "9110 §7.1"),
    ];
    for (source, targets) in BROKEN {
        for target in *targets {
            let bytes = [b"GET ", *target, REST_OF_GET.as_bytes()].concat();
            cases.push(case(shown(target), source, bytes, 400));
        }
    }
    cases
}
