//! Content-Length: once, in digits, and no more than fits (RFC 9110 §8.6, RFC 9112 §6.2 and §6.3).

use super::{PUBLIC, Row, Then, hidden, post, posted, refused, row, shown};
use crate::common::witness::Asked;

/// Five, in every way that is sound.
const FIVE: &[&[u8]] = &[b" 5", b"5", b"\t5", b"  5", b" 5 ", b" 5\t", b" 05", b" 0000000005"];

/// Five for some reader, or one of two numbers, or nothing.
const BROKEN: &[&[u8]] = &[
    b"",
    b" ",
    b" five",
    b" +5",
    b" -5",
    b" 5-",
    b" --5",
    b" 5.",
    b" 5.0",
    b" .5",
    b" 5e0",
    b" 5,",
    b" ,5",
    b" 5,5",
    b" 5, 5",
    b" 5 ,5",
    b" 5, 0",
    b" 0, 5",
    b" 5;",
    b" 5;q=1",
    b" 5 5",
    b" 5 0",
    b" 0x5",
    b" 5h",
    b" 0b101",
    b" 0o5",
    b" 5_",
    b" 0_5",
    b" 0'5",
    b" \"5\"",
    b" '5'",
    b" (5)",
    b" 5\xa0",
    b" \xa05",
    b" \xef\xbb\xbf5",
    // Other digits: Arabic, and full width.
    b" \xd9\xa5",
    b" \xef\xbc\x95",
    b" \xb2",
    b" \x0b5",
    b" 5\x0b",
    b" \x0c5",
    b" 5\0",
    b" \x005",
    b" 5\x08",
    b" 5\x7f",
    b" 5\r",
    b" \r5",
    b" 5\nX: y",
    b" \n5",
    b"\r\n 5",
    b" 5\r\n 0",
    b" 1\r\n 0",
    b" 5\r\nContent-Length: 5",
    b" 5\r\nContent-Length: 0",
    b" 0\r\nContent-Length: 5",
    b" 5\r\ncontent-length: 6",
    b" 5\r\nContent-Length:",
    b"\r\nContent-Length: 5",
];

/// Beyond the limit, and where numbers of some width wrap around: by five they are five again.
const HUGE: &[&str] = &[
    "1048577",
    "2147483647",
    "2147483648",
    "2147483649",
    "2147483653",
    "4294967295",
    "4294967296",
    "4294967297",
    "4294967301",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775809",
    "9223372036854775813",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551617",
    "18446744073709551621",
    "36893488147419103237",
    "340282366920938463463374607431768211461",
    "99999999999999999999999999999999999999999999999999",
    "00000000000000000000000018446744073709551621",
];

/// Lines that some take for a length although they are no header.
const LINES: &[&[u8]] = &[
    b"Content-Length : 5",
    b"Content-Length\t: 5",
    b"Content-Length\x0b: 5",
    b"Content-Length\0: 5",
    b"Content-Length\xa0: 5",
    b"Content Length: 5",
    b"Content-Length 5",
    b"Content-Length=5",
    b" Content-Length: 5",
    b"\tContent-Length: 5",
    b":Content-Length: 5",
    b"\0Content-Length: 5",
    b"X: y\nContent-Length: 5",
    b"X: y\rContent-Length: 5",
    b"X: y\r\n Content-Length: 5",
    b"Content-Length: 5\r\n\rX: y",
];

pub fn rows() -> Vec<Row> {
    let field = |value: &[u8]| [b"Content-Length:", value].concat();
    let behind = format!("hello{}", hidden());
    let mut rows = Vec::new();
    for value in FIVE {
        rows.push(posted(shown(value), post(field(value), "hello"), "hello"));
    }
    for value in BROKEN {
        rows.push(refused(shown(value), post(field(value), &behind), 400));
    }
    for value in HUGE {
        rows.push(refused(*value, post(format!("Content-Length: {value}"), &behind), 413));
    }
    for line in LINES {
        rows.push(refused(shown(line), post(line, &behind), 400));
    }
    rows.extend(
        [" 0", " 00", " 0000000000000000000000000000000000000000"]
            .map(|none| posted(format!("none: {none}"), post(format!("Content-Length:{none}"), ""), "")),
    );
    rows.push(refused("-0", post("Content-Length: -0", hidden()), 400));
    rows.push(refused("a bare LF behind the head", post("Content-Length: 5\r\nX: y\n", &behind), 400));
    rows.extend(of_other_methods());
    rows
}

/// A body is a body, whatever the method means by it: the hidden request is all of it.
fn of_other_methods() -> Vec<Row> {
    let data = hidden();
    let methods = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "PUT", "PATCH", "BREW", "get", "Head"];
    let counted = methods.map(|method| {
        let head =
            format!("{method} {PUBLIC} HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", data.len());
        let asked = Asked::new(method, PUBLIC, &data);
        row(format!("{method} with a length"), head + &data, &[asked], Then::GoesOn)
    });
    let chunks = methods.map(|method| {
        let head = format!("{method} {PUBLIC} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        let asked = Asked::new(method, PUBLIC, &data);
        let body = format!("{}0\r\n\r\n", super::chunk(&data));
        row(format!("{method} with chunks"), head + &body, &[asked], Then::GoesOn)
    });
    let expects = post(format!("Expect: 100-continue\r\nContent-Length: {}", data.len()), &data);
    let rest = [
        posted("a body that did not wait for 100", expects, &data),
        refused(
            "another expectation",
            post(format!("Expect: y 100-continue\r\nContent-Length: {}", data.len()), &data),
            417,
        ),
        refused(
            "a list of expectations",
            post(format!("Expect: 100-continue, y\r\nContent-Length: {}", data.len()), &data),
            417,
        ),
    ];
    counted.into_iter().chain(chunks).chain(rest).collect()
}
