//! The chunked coding: sizes, extensions, the ends of chunks and of bodies, trailers (RFC 9112 §7.1).

use super::{HIDDEN, Row, chunk, hidden, post_chunked, posted, refused, shown};

/// Sizes of `hello` that are sound.
const FIVE: &[&str] = &["5", "05", "0000000000000005", "00000000000000000000000000000005"];

/// Five for some reader, and no number for others.
const BROKEN: &[&[u8]] = &[
    b"",
    b" 5",
    b"5 ",
    b"\t5",
    b"5\t",
    b"+5",
    b"-5",
    b"0x5",
    b"0X5",
    b"x5",
    b"0x",
    b"5h",
    b"\\x5",
    b"5_",
    b"0_5",
    b"5'",
    b"5,",
    b"5,5",
    b"5.",
    b"5.0",
    b"5 5",
    b"\"5\"",
    b"5:",
    b"5=",
    b"g",
    b"five",
    b"\xd9\xa5",
    b"\xef\xbc\x95",
    b"5\xa0",
    b"\xa05",
    b"\x0b5",
    b"5\x0b",
    b"5\x0c",
    b"5\0",
    b"\x005",
    b"5\x7f",
    b"5\r",
    b"\r5",
    b"\n5",
    b"\r\n5",
    b"5\n",
    b"5\n\r",
];

/// Beyond the limit, and where numbers of some width wrap around: by five they are five again.
const HUGE: &[&str] = &[
    "100001",
    "7fffffff",
    "80000000",
    "80000005",
    "ffffffff",
    "FFFFFFFF",
    "100000000",
    "100000005",
    "7fffffffffffffff",
    "8000000000000000",
    "8000000000000005",
    "ffffffffffffffff",
    "fffffffffffffffe",
    "10000000000000000",
    "10000000000000005",
    "100000000000000000000000000000005",
    "0000000000000000000000000000010000000000000005",
];

pub fn sizes() -> Vec<Row> {
    let behind = format!("\r\nhello\r\n0\r\n\r\n{}", hidden());
    let mut rows = Vec::new();
    for size in FIVE {
        rows.push(posted(*size, post_chunked(format!("{size}\r\nhello\r\n0\r\n\r\n")), "hello"));
    }
    for size in BROKEN {
        rows.push(refused(shown(size), post_chunked([size, behind.as_bytes()].concat()), 400));
    }
    for size in HUGE {
        rows.push(refused(*size, post_chunked(format!("{size}{behind}")), 413));
        let second = format!("5\r\nhello\r\n{size}{behind}");
        rows.push(refused(format!("{size} behind a chunk"), post_chunked(second), 413));
    }
    for last in ["0", "00", "0000000000000000"] {
        let body = format!("5\r\nhello\r\n{last}\r\n\r\n");
        rows.push(posted(format!("the last is {last}"), post_chunked(body), "hello"));
    }
    for last in ["-0", "+0", "0x0", "0 ", " 0", "0h", "00x", "0_0", "0.0", "O"] {
        let body = format!("5\r\nhello\r\n{last}\r\n\r\n{}", hidden());
        rows.push(refused(format!("the last is {last}"), post_chunked(body), 400));
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

/// The line ends in several places, or in none.
const BROKEN_EXTENSIONS: &[&[u8]] = &[
    b";a\n",
    b";\n",
    b"\n;a",
    b";a=b\nc",
    b";a\r",
    b";\r",
    b";a\rb",
    b"\r;a",
    b";a\0",
    b";a\x0b",
    b";a\x7f",
    b";a=\"b\nc\"",
    b";a=\"b\rc\"",
    b";a=\"b\r\nc\"",
    b";a=\"\r\nc\"",
    b";a=\"\\\r\nc\"",
    b";a=\"b",
    b";a=\"b\\\"",
    b";a=\"b\\",
    b";\"",
    b";a=\"b\"\"",
    b";a=\"\0\"",
    b" a",
    b" a=b",
    b" =b",
    b" \";a\"",
    b",a",
    b"a;a\rx",
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
    for extension in BROKEN_EXTENSIONS {
        let behind = format!("\r\nhello\r\n0\r\n\r\n{data}");
        let body = [b"5", *extension, behind.as_bytes()].concat();
        rows.push(refused(shown(extension), post_chunked(body), 400));
        let body = [b"5\r\nhello\r\n0", *extension, b"\r\n\r\n", data.as_bytes()].concat();
        rows.push(refused(format!("{} on the last", shown(extension)), post_chunked(body), 400));
    }
    // One reader ends the line at the LF and finds a chunk in it, the other finds the next behind it.
    let two_lines = format!("2;\nxx\r\n{:x}\r\n0\r\n\r\n{data}\r\n0\r\n\r\n", data.len() + 5);
    rows.push(refused("a line in a line", post_chunked(two_lines), 400));
    let quoted = format!("5;a=\"\r\nhello\r\n0\r\n\r\n{data}\"\r\nhello\r\n0\r\n\r\n");
    rows.push(refused("a request in quotes", post_chunked(quoted), 400));
    for long in [
        ";a=".to_owned() + &"b".repeat(300),
        ";a=\"".to_owned() + &"\\\"".repeat(200) + "\"",
        ";\"\"".repeat(100),
        " ".repeat(300),
    ] {
        let body = format!("5{long}\r\nhello\r\n0\r\n\r\n{data}");
        rows.push(refused(format!("{} bytes of {}", long.len(), &long[..5]), post_chunked(body), 400));
    }
    rows
}

/// What may not stand for the CRLF behind a chunk's data.
const BROKEN_ENDS: &[&[u8]] = &[
    b"",
    b"\n",
    b"\r",
    b"\n\r",
    b"\r\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b" \r\n",
    b"\t\r\n",
    b"x\r\n",
    b"xx",
    b";a\r\n",
    b"\0\r\n",
    b"\r\0\n",
    b"\r\n ",
];

/// What may not stand for the CRLF CRLF behind the last chunk's size.
const BROKEN_LAST: &[&[u8]] = &[
    b"\n\n",
    b"\n\r\n",
    b"\r\n\n",
    b"\r\r",
    b"\r\n\r\r\n",
    b"\r\n \r\n\r\n",
    b"\r\n\t\r\n",
    b"\r\n\0\r\n",
    b"\r\r\n\r\n",
    b"\r\n\rX\r\n",
];

pub fn ends() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    for end in BROKEN_ENDS {
        let behind = format!("0\r\n\r\n{data}");
        let body = [b"5\r\nhello", *end, behind.as_bytes()].concat();
        rows.push(refused(format!("behind a chunk {}", shown(end)), post_chunked(body), 400));
    }
    for end in BROKEN_LAST {
        let body = [b"5\r\nhello\r\n0", *end, data.as_bytes()].concat();
        rows.push(refused(format!("behind the last {}", shown(end)), post_chunked(body), 400));
    }
    // Two bytes that are skipped unseen hold the digits of another size.
    let spill = format!("5\r\nhello{:x}\r\n{data}\r\n0\r\n\r\n", data.len());
    rows.push(refused("a size for the end of a chunk", post_chunked(spill), 400));
    let short = format!("3\r\nhello\r\n0\r\n\r\n{data}");
    rows.push(refused("a chunk longer than its size", post_chunked(short), 400));
    let long = format!("6\r\nhello\r\n0\r\n\r\n{data}");
    rows.push(refused("a chunk shorter than its size", post_chunked(long), 400));
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

/// Lines that are none.
const BROKEN_TRAILERS: &[&[u8]] = &[
    b"X",
    b"X y",
    b": y",
    b"X : y",
    b"X\t: y",
    b" X: y",
    b"\tX: y",
    b"X: y\r\n z",
    b"X: y\n",
    b"X: y\nZ: w",
    b"X: y\r",
    b"X: y\rZ: w",
    b"X: y\0",
    b"X\0: y",
    b"X\xe9: y",
    b"X: \x7f",
    b"\r",
    b"\n",
    b"X\n",
    b"(X): y",
];

pub fn trailers() -> Vec<Row> {
    let data = hidden();
    let mut rows = Vec::new();
    for lines in TRAILERS {
        let body = format!("{}0\r\n{lines}\r\n\r\n", chunk(&data));
        rows.push(posted(shown(lines), post_chunked(body), &data));
    }
    for lines in BROKEN_TRAILERS {
        let body = [b"5\r\nhello\r\n0\r\n", *lines, b"\r\n\r\n", data.as_bytes()].concat();
        rows.push(refused(shown(lines), post_chunked(body), 400));
    }
    // The next request for those who end a body at its last chunk.
    let body = format!("5\r\nhello\r\n0\r\n{data}");
    rows.push(refused("a request for a trailer", post_chunked(body), 400));
    let body = format!("5\r\nhello\r\n0\r\nX: GET {HIDDEN} HTTP/1.1\r\nHost: test\r\n\r\n");
    rows.push(posted("a request in a trailer", post_chunked(body), "hello"));
    rows
}
