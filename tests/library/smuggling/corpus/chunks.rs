//! The chunked coding in every way that is sound: sizes, extensions, trailers (RFC 9112 §7.1).

use super::{HIDDEN, Row, chunk, hidden, post_chunked, posted, shown};

/// Sizes of `hello`.
const FIVE: &[&str] = &["5", "05", "0000000000000005", "00000000000000000000000000000005"];

pub fn sizes() -> Vec<Row> {
    let mut rows = Vec::new();
    for size in FIVE {
        rows.push(posted(*size, post_chunked(format!("{size}\r\nhello\r\n0\r\n\r\n")), "hello"));
    }
    for last in ["0", "00", "0000000000000000"] {
        let body = format!("5\r\nhello\r\n{last}\r\n\r\n");
        rows.push(posted(format!("the last is {last}"), post_chunked(body), "hello"));
    }
    let many = chunk("h").repeat(5) + "0\r\n\r\n";
    rows.push(posted("small chunks", post_chunked(many), "hhhhh"));
    let data = hidden();
    for size in [format!("{:x}", data.len()), format!("{:X}", data.len())] {
        let body = format!("{size}\r\n{data}\r\n0\r\n\r\n");
        rows.push(posted(format!("hidden in {size}"), post_chunked(body), &data));
    }
    let looks_done = format!("0\r\n\r\n{data}");
    let body = format!("{}0\r\n\r\n", chunk(&looks_done));
    rows.push(posted("a last chunk inside of a chunk", post_chunked(body), looks_done));
    rows
}

/// What may stand between a size and the end of its line.
const EXTENSIONS: &[&str] = &[
    ";a",
    ";a=b",
    "; a = b",
    ";a=b;c=d",
    ";a=\"b c\"",
    ";a=\"\"",
    ";a=\"\\\"\"",
    ";a=\"b;\\\"0;\"",
    ";a=\"0\"",
    ";a=5",
    // Blanks in front of an extension are bad, and to be ignored (RFC 9110 §5.6.3).
    " ;a",
    "\t;a=b",
    " \t ;a",
];

pub fn extensions() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    for extension in EXTENSIONS {
        let body = format!("{:x}{extension}\r\n{data}\r\n0\r\n\r\n", data.len());
        rows.push(posted(shown(extension), post_chunked(body), &data));
        let body = format!("{}0{extension}\r\n\r\n", chunk(&data));
        rows.push(posted(format!("{} on the last", shown(extension)), post_chunked(body), &data));
    }
    rows
}

/// Lines of trailers that are headers, whatever they would mean in a head.
const TRAILERS: &[&str] = &[
    "X: y",
    "X:",
    "X:y\r\nZ: \tw ",
    "Content-Length: 100",
    "Content-Length: five",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked",
    "Host: other",
    "Connection: close",
    "Expect: miracles",
    "X: \u{e9}",
];

pub fn trailers() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    for lines in TRAILERS {
        let body = format!("{}0\r\n{lines}\r\n\r\n", chunk(&data));
        rows.push(posted(shown(lines), post_chunked(body), &data));
    }
    let body = format!("5\r\nhello\r\n0\r\nX: GET {HIDDEN} HTTP/1.1\r\nHost: test\r\n\r\n");
    rows.push(posted("a request in a trailer", post_chunked(body), "hello"));
    rows
}
