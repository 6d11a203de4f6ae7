//! Transfer-Encoding that is chunked however it is written, and headers that only look like it (RFC 9112 §6.1 and §6.3).

use super::{HIDDEN, PUBLIC, Row, Then, chunk, hidden, post, posted, row, shown};
use crate::common::witness::Asked;
use crate::malformed::codings::CHUNKED;

/// Headers of other names, which say nothing about the body.
const OTHERS: &[&str] = &[
    "Transfer_Encoding",
    "Transfer-Encodings",
    "Transfer-Encoding-",
    "Transfer--Encoding",
    "Transfer.Encoding",
    "TransferEncoding",
    "X-Transfer-Encoding",
    "Transfer-Encodin",
    "ransfer-Encoding",
    "Transfer-Coding",
    "Content-Encoding",
    "TE",
    "Transfer-Encoding'",
];

/// The hidden request is in a chunk.
pub fn chunked() -> Vec<Row> {
    let body = format!("{}0\r\n\r\n", chunk(&hidden()));
    let of_value = |value: &&str| {
        let line = format!("Transfer-Encoding:{value}");
        posted(shown(&line), post(&line, &body), hidden())
    };
    CHUNKED.iter().map(of_value).collect()
}

/// The length counts, and the body looks as if it ended before.
pub fn other_headers() -> Vec<Row> {
    let body = format!("0\r\n\r\n{}", hidden());
    let of_name = |name: &&str| {
        let lines = format!("Content-Length: {}\r\n{name}: chunked", body.len());
        posted(*name, post(lines, &body), &body)
    };
    let mut rows: Vec<Row> = OTHERS.iter().map(of_name).collect();
    // Named by Connection, it is still the header that it is.
    let lines = "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked";
    let data = hidden();
    let bytes = post(lines, format!("{}0\r\n\r\n", chunk(&data)));
    rows.push(posted("Transfer-Encoding named by Connection", bytes, &data));
    let lines = format!("Connection: Content-Length\r\nContent-Length: {}", data.len());
    rows.push(posted("Content-Length named by Connection", post(lines, &data), &data));
    let target = format!("{PUBLIC}?Transfer-Encoding:%20chunked%0d%0aGET%20{HIDDEN}");
    let bytes = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
    rows.push(row("a coding in the target", bytes, &[Asked::new("GET", &target, "")], Then::GoesOn));
    rows
}
