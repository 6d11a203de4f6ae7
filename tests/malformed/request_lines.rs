//! Request lines: what stands in front of them, methods, versions, and what is between the words (RFC 9112 §2 and §3).

use super::{Case, PUBLIC, REST_OF_GET, case, proven, shown};

/// Bytes in front of a request line.
const IN_FRONT: &[&[u8]] = &[
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\xef\xbb\xbf",
    b"\n\n",
    b"\r\r\n",
    b"\r\n ",
    b"\r\n\r",
    b" \r\n",
    b"X: y\r\n",
    b"\x00\x00",
    b"\x80",
];

/// What stands in the place of a blank between two words.
const BLANKS: &[&[u8]] = &[
    b"\t",
    b" \t",
    b"\t ",
    b"\x0b",
    b"\x0c",
    b"\r",
    b"\r ",
    b"\xa0",
    b"\xc2\xa0",
    b"\0",
    b"",
    b"\n",
    b"\r\n ",
    b"+",
];

/// Targets of CONNECT, which is for proxies.
const CONNECT: &[&str] = &["test:80", "/public", "http://test/public", "test", "test:"];

/// What stands in the place of `HTTP/1.1`.
const VERSIONS: &[(&str, u16)] = &[
    ("HTTP/01.1", 400),
    ("HTTP/1", 400),
    ("HTTP/1.a", 400),
    ("HTTP/one", 400),
    ("http/1.1", 400),
    ("ICY/1.1", 400),
    ("HTTP/3.0", 505),
    ("HTTP/3.1", 505),
];

pub fn cases() -> Vec<Case> {
    [in_front(), words(), methods(), versions()].concat()
}

fn in_front() -> Vec<Case> {
    const SECTION: &str = "9112 §2.2";
    let request = format!("GET {PUBLIC}{REST_OF_GET}");
    let mut cases = vec![
        proven("a bare LF in front", SECTION, "\n", &request, 400),
        proven("a bare LF behind an empty line", SECTION, "\r\n\n", &request, 400),
        proven("a bare CR in front", SECTION, "\rG", &request[1..], 400),
        proven("a TLS handshake", SECTION, b"\x16", b"\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        case("a word", SECTION, "hello\r\n\r\n", 400),
    ];
    for part in IN_FRONT {
        let bytes = [part, request.as_bytes()].concat();
        cases.push(case(format!("in front {}", shown(part)), SECTION, bytes, 400));
    }
    cases
}

fn words() -> Vec<Case> {
    const SECTION: &str = "9112 §3";
    let target = format!("{PUBLIC}{REST_OF_GET}");
    let mut cases = vec![
        proven("two blanks behind the method", SECTION, "GET  ", &target, 400),
        proven("two blanks behind the target", SECTION, format!("GET {PUBLIC}  "), &REST_OF_GET[1..], 400),
        proven("two blanks and no target", SECTION, "GET  ", &REST_OF_GET[1..], 400),
        case("no target", SECTION, format!("GET{REST_OF_GET}"), 400),
        proven("no method", SECTION, " ", &target, 400),
        proven("a target with a blank", SECTION, "GET /public h", format!("idden{REST_OF_GET}"), 400),
        proven("no version", "9112 §2.3", format!("GET {PUBLIC}\r"), "\n", 400),
    ];
    for part in BLANKS {
        let bytes = [b"GET", *part, target.as_bytes()].concat();
        cases.push(case(format!("behind the method {}", shown(part)), SECTION, bytes, 400));
        let bytes = [b"GET ", PUBLIC.as_bytes(), part, &REST_OF_GET.as_bytes()[1..]].concat();
        cases.push(case(format!("behind the target {}", shown(part)), SECTION, bytes, 400));
    }
    cases
}

fn methods() -> Vec<Case> {
    const TOKEN: &str = "9112 §3.1";
    const FOR_PROXIES: &str = "9110 §9.3.6";
    let host = "Host: test\r\n\r\n";
    let rest = format!(" {PUBLIC}{REST_OF_GET}");
    let mut cases = vec![
        proven("a method that is no token", TOKEN, "G@", format!("T{rest}"), 400),
        case("a method with a bracket", TOKEN, format!("G(T{rest}"), 400),
        proven("CONNECT", FOR_PROXIES, "CONNECT test:443 HTTP/1.1\r\n", host, 501),
        proven("CONNECT by 1.2", FOR_PROXIES, "CONNECT test:443 HTTP/1.2\r\n", host, 501),
        proven("CONNECT by 3.0", "9110 §6.2", "CONNECT test:443 HTTP/3.0\r\n", "\r\n", 505),
    ];
    for target in CONNECT {
        let bytes = format!("CONNECT {target}{REST_OF_GET}");
        cases.push(case(format!("CONNECT {target}"), FOR_PROXIES, bytes, 501));
    }
    cases
}

fn versions() -> Vec<Case> {
    const NAME: &str = "9112 §2.3";
    const MAJOR: &str = "9110 §6.2";
    let line = |version: &str| format!("GET {PUBLIC} {version}");
    let host = "Host: test\r\n\r\n";
    let mut cases = vec![
        proven("another protocol", NAME, line("HTP"), format!("/1.1\r\n{host}"), 400),
        proven("a version of two digits", NAME, line("HTTP/1.10"), format!("\r\n{host}"), 400),
        proven("HTTP/0.9", MAJOR, line("HTTP/0.9\r\n"), host, 505),
        proven("HTTP/2.0", MAJOR, line("HTTP/2.0\r\n"), host, 505),
        proven("HTTP/2.1", MAJOR, line("HTTP/2.1\r\n"), host, 505),
        proven("the preface of HTTP/2", MAJOR, "PRI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n", 505),
    ];
    for (version, status) in VERSIONS {
        let source = if *status == 505 { MAJOR } else { NAME };
        cases.push(case(*version, source, format!("{}\r\n{host}", line(version)), *status));
    }
    cases
}
