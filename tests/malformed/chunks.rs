//! The chunked coding: sizes, extensions, the ends of chunks and of bodies, trailers (RFC 9112 §7.1).

use super::{Case, HIDDEN, Limits, PUBLIC, case, chunk, hidden, post_chunked, proven, shown};

const SECTION: &str = "9112 §7.1";
const EXTENSION: &str = "9112 §7.1.1";

/// A chunked body that is malformed somewhere.
fn body(name: impl Into<String>, source: &'static str, body: impl AsRef<[u8]>, status: u16) -> Case {
    case(name, source, post_chunked(body), status).in_body()
}

/// A chunked body that is proven malformed by the last byte of `proof`.
fn proven_body(
    name: impl Into<String>,
    source: &'static str,
    proof: impl AsRef<[u8]>,
    rest: impl AsRef<[u8]>,
    status: u16,
) -> Case {
    proven(name, source, post_chunked(proof), rest, status).in_body()
}

/// What stands in the place of the size of `hello`. It is five to some reader, and no number to others.
const SIZES: &[&[u8]] = &[
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
    b";x",
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

/// Beyond every limit, and where numbers of some width wrap around: five more is five again.
const HUGE: &[&str] = &[
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
    "ffffffffffffffffffff",
    "100000000000000000000000000000005",
    "0000000000000000000000000000010000000000000005",
];

pub fn sizes(limits: &Limits) -> Vec<Case> {
    const LIMIT: &str = "9110 §15.5.14";
    let behind = "\r\nhello\r\n0\r\n\r\n";
    let mut cases = vec![
        proven_body("a size of letters", SECTION, "x", "yz\r\n", 400),
        proven_body("no size", SECTION, "\r", "\n", 400),
        proven_body("a bare LF behind a size", SECTION, "1\n", "a\r\n0\r\n\r\n", 400),
        body("zeros without end", SECTION, "0".repeat(10_000), 400),
    ];
    for size in SIZES {
        cases.push(body(shown(size), SECTION, [size, behind.as_bytes()].concat(), 400));
    }
    let beyond = format!("{:x}", limits.body_bytes + 1);
    for size in HUGE.iter().copied().chain([beyond.as_str()]) {
        cases.push(body(size, LIMIT, format!("{size}{behind}"), 413));
        let second = format!("5\r\nhello\r\n{size}{behind}");
        cases.push(body(format!("{size} behind a chunk"), LIMIT, second, 413));
    }
    for last in ["-0", "+0", "0x0", "0 ", "0h", "00x", "0_0", "0.0", "O"] {
        let chunks = format!("5\r\nhello\r\n{last}\r\n\r\n");
        cases.push(body(format!("the last is {last}"), SECTION, chunks, 400));
    }
    cases
}

/// What stands between a size and the end of its line. The line ends in several places, or in none.
const EXTENSIONS: &[&[u8]] = &[
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
    b";a=\"",
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
];

pub fn extensions() -> Vec<Case> {
    let data = hidden();
    let mut cases = Vec::new();
    for extension in EXTENSIONS {
        let chunks = [b"5", *extension, b"\r\nhello\r\n0\r\n\r\n"].concat();
        cases.push(body(shown(extension), EXTENSION, chunks, 400));
        let chunks = [b"5\r\nhello\r\n0", *extension, b"\r\n\r\n"].concat();
        cases.push(body(format!("{} on the last", shown(extension)), EXTENSION, chunks, 400));
    }
    for size in ["3a", "0a"] {
        let chunks = format!("{size};a\rx\r\nhello\r\n0\r\n\r\n");
        cases.push(body(format!("a bare CR in an extension of {size}"), EXTENSION, chunks, 400));
    }
    // To one reader the line ends at the LF and a chunk follows. To another the next chunk does.
    let two_lines = format!("2;\nxx\r\n{:x}\r\n0\r\n\r\n{data}\r\n0\r\n\r\n", data.len() + 5);
    cases.push(body("a line in a line", EXTENSION, two_lines, 400));
    let quoted = format!("5;a=\"\r\nhello\r\n0\r\n\r\n{data}\"\r\nhello\r\n0\r\n\r\n");
    cases.push(body("a request in quotes", EXTENSION, quoted, 400));
    for (long, what) in [
        (";a=".to_owned() + &"b".repeat(300), "a long value"),
        (";a=\"".to_owned() + &"\\\"".repeat(200) + "\"", "a long value in quotes"),
        (";\"\"".repeat(100), "many of nothing"),
        (";".to_owned() + &"x".repeat(10_000), "a name without end"),
        (" ".repeat(300), "many blanks"),
        (" ".repeat(300) + ";x", "many blanks in front of one"),
    ] {
        cases.push(body(what, EXTENSION, format!("5{long}\r\nhello\r\n0\r\n\r\n"), 400));
    }
    cases
}

/// What stands in the place of the CRLF behind a chunk's data.
const ENDS: &[&[u8]] = &[
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

/// What stands in the place of the two CRLF behind the size of the last chunk.
const LAST_ENDS: &[&[u8]] = &[
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

pub fn ends() -> Vec<Case> {
    let data = hidden();
    let rest = "\r\n0\r\n\r\n";
    let mut cases = vec![
        proven_body("a chunk that goes on", SECTION, "1\r\nab", rest, 400),
        proven_body("a bare LF behind the last size", SECTION, "0\n", "\r\n", 400),
        body("a chunk longer than its size", SECTION, format!("3\r\nhello{rest}"), 400),
        body("a chunk shorter than its size", SECTION, format!("6\r\nhello{rest}"), 400),
    ];
    for end in ENDS {
        let chunks = [b"5\r\nhello", *end, b"0\r\n\r\n"].concat();
        cases.push(body(format!("behind a chunk {}", shown(end)), SECTION, chunks, 400));
    }
    for end in LAST_ENDS {
        // To some readers the body ends here, and the hidden request is the next.
        let chunks = [b"5\r\nhello\r\n0", *end, data.as_bytes()].concat();
        cases.push(body(format!("behind the last {}", shown(end)), SECTION, chunks, 400));
    }
    // Two bytes that are skipped unseen hold the digits of another size.
    let spill = format!("5\r\nhello{:x}\r\n{data}{rest}", data.len());
    cases.push(body("a size in the place of a chunk's end", SECTION, spill, 400));
    cases
}

/// What stands in the place of trailers, and is no header line.
const TRAILERS: &[&[u8]] = &[
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
    b"X: \0",
    b"X: y\0",
    b"X\0: y",
    b"X\xe9: y",
    b"X: \x7f",
    b"\r",
    b"\n",
    b"X\n",
    b"(X): y",
];

pub fn trailers() -> Vec<Case> {
    const LINE: &str = "9112 §7.1.2";
    let mut cases = vec![proven_body("a folded trailer", "9112 §5.2", "0\r\nX: y\r\n ", "z\r\n\r\n", 400)];
    for lines in TRAILERS {
        let chunks = [b"5\r\nhello\r\n0\r\n", *lines, b"\r\n\r\n"].concat();
        cases.push(body(shown(lines), LINE, chunks, 400));
    }
    // To those who end a body at its last chunk this is the next request.
    let chunks = format!("{}0\r\nGET {HIDDEN} HTTP/1.1\r\nHost: test\r\n\r\n", chunk("hello"));
    cases.push(body("a request in the place of a trailer", LINE, chunks, 400));
    cases.push(body(
        "a request line in the place of a trailer",
        LINE,
        format!("0\r\nGET {PUBLIC} HTTP/1.1\r\n\r\n"),
        400,
    ));
    cases
}
