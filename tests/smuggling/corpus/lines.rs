//! Where a line ends, where a head ends, and what a line may hold (RFC 9112 §2.2, §3 and §5).

use super::{PUBLIC, Row, Then, hidden, refused, row, shown};
use crate::common::witness::Asked;

/// In front of the request line.
const IN_FRONT: &[&[u8]] = &[
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\xef\xbb\xbf",
    b"\n\n",
    b"\r\r\n",
    b"\r\n\n",
    b"\r\n ",
    b"\r\n\r",
    b" \r\n",
    b"X: y\r\n",
    b"\x00\x00",
    b"\x80",
];

/// For the end of the request line.
const LINE_ENDS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r\n",
    b"\n\r",
    b" \r\n",
    b"\t\r\n",
    b"\0\r\n",
    b"\x0b\r\n",
    b"\r\n ",
    b"\r\n\t",
    b"\r\n \r\n",
    b"\r\n\n",
    b" HTTP/1.1\r\n",
    b"\r \n",
    b"\x85",
];

/// Between the words of the request line.
const BLANKS: &[&[u8]] = &[
    b"  ",
    b"\t",
    b" \t",
    b"\t ",
    b"\x0b",
    b"\x0c",
    b"\r",
    b"\xa0",
    b"\xc2\xa0",
    b"\0",
    b"",
    b"\n",
    b"\r\n ",
    b"+",
];

/// For the end of a header line, in front of what some take for the next one.
const FIELD_ENDS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\r\n",
    b"\n\r",
    b"\0\r\n",
    b"\r\n ",
    b"\r\n\t",
    b"\n ",
    b"\x0b\r\n",
    b"\x0c\r\n",
    b"\r\0\n",
    b"\r\n\r",
];

/// For the two ends of line behind the last header: to some the head ends here.
const HEAD_ENDS: &[&[u8]] = &[
    b"\n\n",
    b"\n\r\n",
    b"\r\n\n",
    b"\r\r",
    b"\r\r\n\r\r\n",
    b"\n\r\r\n",
    b"\r\n\r\r\n",
    b"\r\n\0\r\n",
    b"\r\n \r\n",
    b"\r\n\t\r\n",
    b"\r\n\x0b\r\n",
    b"\r\n\r",
    b"\r\n:\r\n",
    b"\r\nX\r\n",
];

/// Header lines that some drop, some fold, and some cut.
const FIELDS: &[&[u8]] = &[
    b"X : y",
    b"X\t: y",
    b" X: y",
    b"\tX: y",
    b": y",
    b":",
    b"X",
    b"X y",
    b"X y: z",
    b"X\0: y",
    b"X\x7f: y",
    b"X\xe9: y",
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
    b"X: y\r\n z",
    b"X: y\r\n\tz",
    b"X:\r\n y",
    b"X: \0",
    b"X: \x01",
    b"X: y\x08z",
    b"X: y\x1bz",
    b"X: \x7f",
    b"X: y\rz",
    b"X: y\nz",
    b"X: y\n",
    b"X: \r",
];

pub fn rows() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    let mut add = |place: &str, part: &[u8], bytes: Vec<u8>| {
        rows.push(refused(format!("{place} {}", shown(part)), bytes, 400));
    };
    let get = format!("GET {PUBLIC} HTTP/1.1");
    let host = "Host: test\r\n";
    for part in IN_FRONT {
        let rest = format!("{get}\r\n{host}\r\n{data}");
        add("in front", part, [part, rest.as_bytes()].concat());
    }
    for part in LINE_ENDS {
        let rest = format!("{host}\r\n{data}");
        add("for the end of the request line", part, [get.as_bytes(), part, rest.as_bytes()].concat());
    }
    for part in BLANKS {
        let target = format!("{PUBLIC} HTTP/1.1\r\n{host}\r\n{data}");
        add("behind the method", part, [b"GET", *part, target.as_bytes()].concat());
        let version = format!("HTTP/1.1\r\n{host}\r\n{data}");
        add("behind the target", part, [b"GET ", PUBLIC.as_bytes(), part, version.as_bytes()].concat());
    }
    for part in FIELD_ENDS {
        let (front, rest) =
            (format!("{get}\r\n{host}X: y"), format!("Content-Length: {}\r\n\r\n{data}", data.len()));
        add("for the end of a header", part, [front.as_bytes(), part, rest.as_bytes()].concat());
    }
    for part in HEAD_ENDS {
        let (front, rest) = (format!("{get}\r\n{host}X: y"), format!("{data}{data}"));
        add("for the end of the head", part, [front.as_bytes(), part, rest.as_bytes()].concat());
    }
    for part in FIELDS {
        let front = format!("{get}\r\n{host}");
        add("for a header", part, [front.as_bytes(), part, b"\r\n\r\n", data.as_bytes()].concat());
        let front = format!("{get}\r\n");
        let rest = format!("\r\n{host}\r\n{data}");
        add("for the first header", part, [front.as_bytes(), part, rest.as_bytes()].concat());
    }
    rows.extend(sound());
    rows
}

/// What looks like one of those, and is not.
fn sound() -> Vec<Row> {
    let asked = [Asked::new("GET", PUBLIC, "")];
    let get = |lines: &str| format!("GET {PUBLIC} HTTP/1.1\r\nHost: test\r\n{lines}\r\n");
    let quoted = "X: \"GET /hidden HTTP/1.1\\r\\nHost: test\"\r\n";
    vec![
        row("empty lines in front", format!("\r\n\r\n{}", get("")), &asked, Then::GoesOn),
        row("a request in a value", get("X: GET /hidden HTTP/1.1\r\n"), &asked, Then::GoesOn),
        row("a request in quotes", get(quoted), &asked, Then::GoesOn),
        row("empty values", get("X:\r\nY: \r\nZ:\t \r\n"), &asked, Then::GoesOn),
        row("a name of all that a token may hold", get("!#$%&'*+-.^_`|~09azAZ: y\r\n"), &asked, Then::GoesOn),
        row("bytes outside ASCII in a value", get("X: \u{e9}\u{85}\u{2028}\r\n"), &asked, Then::GoesOn),
    ]
}
