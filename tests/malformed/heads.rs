//! The ends of lines and of heads: CRLF, and nothing else (RFC 9112 §2.1 and §2.2). Where the RFC lets a server take a
//! bare LF for the end of a line, this one refuses it.

use super::{Case, PUBLIC, case, get, hidden, proven, shown};

const SECTION: &str = "9112 §2.2";

/// What stands in the place of the CRLF of the request line.
const OF_REQUEST_LINE: &[&[u8]] = &[
    b"\r",
    b"\n\r\n",
    b"\n\r",
    b"\t\r\n",
    b"\0\r\n",
    b"\x0b\r\n",
    b"\r\n\t",
    b"\r\n \r\n",
    b"\r\n\n",
    b" HTTP/1.1\r\n",
    b"\r \n",
    b"\x85",
];

/// What stands in the place of the CRLF of a header line, in front of what some take for the next one.
const OF_FIELD: &[&[u8]] = &[
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

/// What stands in the place of the two CRLF behind the last header line. To some the head ends here.
const OF_HEAD: &[&[u8]] = &[
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

pub fn cases() -> Vec<Case> {
    let line = format!("GET {PUBLIC} HTTP/1.1");
    let host = "Host: test\r\n\r\n";
    let first = |proof: &str| format!("{line}\r\n{proof}");
    let mut cases = vec![
        proven("a bare LF behind the request line", SECTION, format!("{line}\n"), host, 400),
        proven("two CR behind the request line", SECTION, format!("{line}\r\r"), format!("\n{host}"), 400),
        proven("a blank behind the version", "9112 §3", format!("{line} "), format!("\r\n{host}"), 400),
        case("bare LFs alone", SECTION, format!("{line}\nHost: test\n\n"), 400),
        proven("a bare LF behind Host", SECTION, first("Host: test\n"), "X: y\r\n\r\n", 400),
        proven("a bare LF at the end", SECTION, get("\n"), "", 400),
        proven("two CR behind a header", SECTION, get("X: y\r\r"), "\n\r\n", 400),
        proven("two CR at the end", SECTION, get("\r\r"), "\n", 400),
    ];
    for part in OF_REQUEST_LINE {
        let bytes = [line.as_bytes(), part, host.as_bytes()].concat();
        cases.push(case(format!("behind the request line {}", shown(part)), SECTION, bytes, 400));
    }
    for part in OF_FIELD {
        // Where the next line is a header to somebody, the hidden request is its body.
        let body = hidden();
        let rest = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let bytes = [&get("X: y")[..], part, rest.as_bytes()].concat();
        cases.push(case(format!("behind a header {}", shown(part)), SECTION, bytes, 400));
    }
    for part in OF_HEAD {
        let bytes = [&get("X: y")[..], part, hidden().as_bytes()].concat();
        cases.push(case(format!("behind the last header {}", shown(part)), SECTION, bytes, 400));
    }
    cases
}
