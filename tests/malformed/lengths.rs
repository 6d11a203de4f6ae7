//! Content-Length: once, in digits, and no more than fits (RFC 9110 §8.6, RFC 9112 §6.2 and §6.3).

use super::{Case, Limits, PUBLIC, case, get, hidden, post, proven, shown};

const SECTION: &str = "9112 §6.3";

/// What stands behind `Content-Length:`. It is five to some reader, or one of two numbers, or nothing. The end of its
/// line proves it wrong.
const WRONG: &[&[u8]] = &[
    b"",
    b" ",
    b" five",
    b" +5",
    b" -5",
    b" -0",
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
    b" 5, 6",
    b" 5, 0",
    b" 0, 5",
    b" 5;",
    b" 5;q=1",
    b" 5 5",
    b" 5 0",
    b" 0x5",
    b" 0x10",
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
    // RFC 9110 §8.6 lets a server take the same length twice for one, as it does `5,5`. This one refuses both.
    b" 5\r\nContent-Length: 5",
    b" 5\r\nContent-Length: 0",
    b" 0\r\nContent-Length: 5",
    b" 5\r\ncontent-length: 6",
    b" 5\r\nContent-Length:",
];

/// The same, but they are no values of a header.
const BROKEN: &[&[u8]] = &[
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
    b"\r\nContent-Length: 5",
];

/// The same to a GET, which has no body.
const TO_GET: &[&str] =
    &["", " five", " +5", " -5", " 1.0", " 0x10", " 1 2", " 1, 2", " 1\r\nContent-Length: 2"];

/// Beyond every limit, and where numbers of some width wrap around: five more is five again.
const HUGE: &[&str] = &[
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

/// Lines that some take for a length although they are no header lines.
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
    b"Content-Length: 5\r\nX: y\n",
];

pub fn cases(limits: &Limits) -> Vec<Case> {
    let start = format!("POST {PUBLIC} HTTP/1.1\r\nHost: test\r\n");
    let field = |value: &[u8]| [b"Content-Length:", value].concat();
    let behind = format!("hello{}", hidden());
    let mut cases = Vec::new();
    for value in WRONG {
        let proof = [start.as_bytes(), &field(value), b"\r\n"].concat();
        cases.push(proven(shown(value), SECTION, proof, format!("\r\n{behind}"), 400));
    }
    for value in BROKEN {
        cases.push(case(shown(value), SECTION, post(field(value), &behind), 400));
    }
    for value in TO_GET {
        let line = format!("Content-Length:{value}\r\n");
        cases.push(proven(format!("{value} to GET"), SECTION, get(line), "\r\n", 400));
    }
    for line in LINES {
        cases.push(case(shown(line), SECTION, post(line, &behind), 400));
    }
    let beyond = limits.body_bytes + 1;
    cases.push(beyond_limit(&beyond.to_string(), &start, &behind));
    cases.extend(HUGE.iter().map(|length| beyond_limit(length, &start, &behind)));
    let to_get = get(format!("Content-Length: {beyond}\r\n\r\n"));
    cases.push(proven(format!("{beyond} to GET"), "9110 §15.5.14", to_get, "", 413).in_body());
    cases
}

/// A number is looked at when its line ends, and compared with the limit when the head ends.
fn beyond_limit(length: &str, start: &str, behind: &str) -> Case {
    let line = format!("{start}Content-Length: {length}\r\n");
    if length.parse::<u64>().is_ok() {
        return proven(length, "9110 §15.5.14", line + "\r\n", behind, 413).in_body();
    }
    proven(length, "9110 §8.6", line, format!("\r\n{behind}"), 413)
}
