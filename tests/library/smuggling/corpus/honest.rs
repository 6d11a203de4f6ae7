//! Requests in which nothing hides: every front has to bring them to the server as they are.

use super::{PUBLIC, Row, Then, chunk, post, post_chunked, posted, row};
use crate::common::witness::Asked;

/// Longer than what a front or the server takes in at a time.
const LONG: usize = 100_000;

pub fn rows() -> Vec<Row> {
    let whole = |method: &str, target: &str| {
        let bytes = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        row(format!("{method} {target}"), bytes, &[Asked::new(method, target, "")], Then::GoesOn)
    };
    let long = "0123456789abcdef".repeat(LONG / 16);
    let chunks: String =
        long.as_bytes().chunks(999).map(|part| chunk(std::str::from_utf8(part).expect("ASCII"))).collect();
    vec![
        whole("GET", PUBLIC),
        whole("HEAD", PUBLIC),
        whole("DELETE", PUBLIC),
        whole("OPTIONS", PUBLIC),
        whole("GET", "/public?a=b&c=%20d"),
        posted("POST of nothing", post("Content-Length: 0", ""), ""),
        posted("POST", post("Content-Length: 5", "hello"), "hello"),
        posted("POST of a line", post("Content-Length: 7", "hello\r\n"), "hello\r\n"),
        posted("a long POST", post(format!("Content-Length: {}", long.len()), &long), &long),
        posted("POST in a chunk", post_chunked("5\r\nhello\r\n0\r\n\r\n"), "hello"),
        posted("POST in chunks", post_chunked("1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"), "hello"),
        posted("POST of no chunk", post_chunked("0\r\n\r\n"), ""),
        posted("a long POST in chunks", post_chunked(chunks + "0\r\n\r\n"), &long),
        posted("POST with a trailer", post_chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), "hello"),
        posted("POST with an extension", post_chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), "hello"),
        posted("POST that expects", post("Expect: 100-continue\r\nContent-Length: 5", "hello"), "hello"),
        pipelined(),
    ]
}

fn pipelined() -> Row {
    let get =
        |method: &str, number: u32| format!("{method} {PUBLIC}?{number} HTTP/1.1\r\nHost: test\r\n\r\n");
    let asked = |method: &str, number: u32| Asked::new(method, &format!("{PUBLIC}?{number}"), "");
    let bytes = [
        get("GET", 1).into_bytes(),
        post("Content-Length: 5", "hello"),
        get("HEAD", 2).into_bytes(),
        post_chunked("5\r\nhello\r\n0\r\n\r\n"),
        get("GET", 3).into_bytes(),
    ];
    let body = Asked::new("POST", PUBLIC, "hello");
    let all = [asked("GET", 1), body.clone(), asked("HEAD", 2), body, asked("GET", 3)];
    row("a pipeline", bytes.concat(), &all, Then::GoesOn)
}
