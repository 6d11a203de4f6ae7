//! Header lines that some drop, some fold, and some cut (RFC 9112 §5, RFC 9110 §5), and expectations (RFC 9110 §10.1.1).

use super::{Case, PUBLIC, case, get, hidden, post, proven, shown};

const NAME: &str = "9110 §5.1";
const COLON: &str = "9112 §5.1";
const FOLDED: &str = "9112 §5.2";
const VALUE: &str = "9110 §5.5";

/// Header lines, by the section that rules them.
const BROKEN: &[(&str, &[&[u8]])] = &[
    (COLON, &[b"X : y", b"X\t: y"]),
    ("9112 §2.2", &[b" X: y", b"\tX: y"]),
    ("9112 §5", &[b"X", b"X y"]),
    (
        NAME,
        &[
            b": y",
            b":",
            b"X y: z",
            b"X\0: y",
            b"X\x7f: y",
            b"X\xe9: y",
            b"\xc3\xa9: y",
            b"X\rY: z",
            b"X(: y",
            b"X[]: y",
            b"X\"y\": z",
            b"X@: y",
            b"X/: y",
            b"X,Y: z",
            b"X;Y: z",
            b"X=Y: z",
            b"X{}: y",
            b"X\\: y",
            b"X<: y",
        ],
    ),
    (FOLDED, &[b"X: y\r\n z", b"X: y\r\n\tz", b"X:\r\n y"]),
    (
        VALUE,
        &[
            b"X: \0",
            b"X: y\0z",
            b"X: \x01",
            b"X: y\x07z",
            b"X: y\x08z",
            b"X: y\x1bz",
            b"X: \x7f",
            b"X: y\x7fz",
            b"X: y\rz",
            b"X: y\nz",
            b"X: y\nZ: w",
            b"X: y\n",
            b"X: \r",
        ],
    ),
];

pub fn cases() -> Vec<Case> {
    let line = format!("GET {PUBLIC} HTTP/1.1\r\n");
    let first = |proof: &str| format!("{line}{proof}");
    let rest = "\r\n\r\n";
    let mut cases = vec![
        proven("a folded line", FOLDED, get("Name: y\r\n "), "z\r\n\r\n", 400),
        proven("a tab in front of the second line", FOLDED, get("\t"), "Name: y\r\n\r\n", 400),
        proven("a blank in front of the first line", "9112 §2.2", first(" "), "Host: test\r\n\r\n", 400),
        proven("a blank before the colon of Host", COLON, first("Host "), ": test\r\n\r\n", 400),
        proven("a blank before the colon, no Host", COLON, first("X "), ": y\r\n\r\n", 400),
        proven("no colon", "9112 §5", get("name\r"), "\n\r\n", 400),
        proven("no name", NAME, get(":"), " name\r\n\r\n", 400),
        proven("NUL in a name", NAME, get("Name\0"), ": y\r\n\r\n", 400),
        proven("a control byte in a value", VALUE, get("Name: \x01"), rest, 400),
        proven("DEL in a value", VALUE, get("Name: \x7f"), rest, 400),
        proven("NUL in a value", VALUE, get("Name: y\0"), "z\r\n\r\n", 400),
        proven("a bare CR in a value", VALUE, get("Name: y\rz"), rest, 400),
    ];
    for (source, lines) in BROKEN {
        for part in *lines {
            let bytes = [&get("")[..], part, b"\r\n\r\n"].concat();
            cases.push(case(shown(part), source, bytes, 400));
            let bytes = [line.as_bytes(), part, b"\r\nHost: test\r\n\r\n"].concat();
            cases.push(case(format!("{} as the first header", shown(part)), source, bytes, 400));
        }
    }
    cases
}

/// Lines that expect something else than `100-continue`.
const EXPECTATIONS: &[&str] = &[
    "Expect: 100-continue\r\nExpect: tea",
    "Expect: , tea",
    "Expect: 100-continue 100-continue",
    "Expect: 100-continue=tea",
];

pub fn expectations() -> Vec<Case> {
    const SECTION: &str = "9110 §10.1.1";
    let end = "\r\n";
    let mut cases = vec![
        proven("an unknown expectation", SECTION, get("Expect: tea\r\n"), end, 417),
        proven("two expectations", SECTION, get("Expect: 100-continue, tea\r\n"), end, 417),
    ];
    for lines in EXPECTATIONS {
        cases.push(proven(shown(lines), SECTION, get(format!("{lines}\r\n")), end, 417));
    }
    let body = hidden();
    let waiting = format!("Expect: tea\r\nContent-Length: {}", body.len());
    cases.push(case("an unknown expectation, and no body yet", SECTION, post(waiting, ""), 417));
    for value in ["tea", "tea 100-continue", "100-continue, tea"] {
        let lines = format!("Expect: {value}\r\nContent-Length: {}", body.len());
        cases.push(case(format!("{value} and a body"), SECTION, post(lines, &body), 417));
    }
    cases
}
