//! Lines that look malformed, and are not (RFC 9112 §2.2, §3 and §5).

use super::{PUBLIC, Row, Then, row};
use crate::common::witness::Asked;

pub fn rows() -> Vec<Row> {
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
