//! Content-Length in every way that is sound (RFC 9110 §8.6, RFC 9112 §6.2 and §6.3).

use super::{PUBLIC, Row, Then, hidden, post, posted, row, shown};
use crate::common::witness::Asked;

/// Values behind `Content-Length:` that are five.
const FIVE: &[&[u8]] = &[b" 5", b"5", b"\t5", b"  5", b" 5 ", b" 5\t", b" 05", b" 0000000005"];

/// Values that are zero.
const NONE: &[&str] = &[" 0", " 00", " 0000000000000000000000000000000000000000"];

pub fn rows() -> Vec<Row> {
    let field = |value: &[u8]| [b"Content-Length:", value].concat();
    let fives = FIVE.iter().map(|value| posted(shown(value), post(field(value), "hello"), "hello"));
    let none = |value: &&str| posted(format!("none: {value}"), post(field(value.as_bytes()), ""), "");
    let mut rows: Vec<Row> = fives.chain(NONE.iter().map(none)).collect();
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
    let unasked = posted("a body that did not wait for 100", expects, &data);
    counted.into_iter().chain(chunks).chain([unasked]).collect()
}
