//! Transfer-Encoding, beside Content-Length and alone: one reader takes it for chunked and another does not (RFC 9112
//! §6.1, §6.3 and §11.2).

use super::{Case, PUBLIC, case, chunk, get, hidden, post, proven, shown};

const BESIDE_LENGTH: &str = "9112 §6.1";
const ALONE: &str = "9112 §6.3";

/// Values behind `Transfer-Encoding:` that are chunked, and sound where there is no length.
pub const CHUNKED: &[&str] = &[
    " chunked",
    "chunked",
    " Chunked",
    " CHUNKED",
    " cHuNkEd",
    "  chunked",
    "\tchunked",
    " \t chunked",
    " chunked ",
    " chunked\t",
    " chunked \t ",
    // Empty members of a list are to be ignored (RFC 9110 §5.6.1.2).
    " ,chunked",
    " chunked,",
    " , chunked ,,",
];

/// Values that are refused where there is no length, and with which status.
const VALUES: &[(&[u8], u16)] = &[
    // The last coding is not chunked.
    (b" xchunked", 400),
    (b" chunkedx", 400),
    (b" chunke", 400),
    (b" chunked;a", 400),
    (b" chunked;a=b", 400),
    (b" chunked;", 400),
    (b" \"chunked\"", 400),
    (b" 'chunked'", 400),
    (b" [chunked]", 400),
    (b" chunked identity", 400),
    (b" identity chunked", 400),
    (b" chunked chunked", 400),
    (b" chun ked", 400),
    (b" chunked\xa0", 400),
    (b" \xa0chunked", 400),
    (b" \xc2\xa0chunked", 400),
    (b" \xef\xbb\xbfchunked", 400),
    // U+212A, which is a k where letters are made small as Unicode does.
    (b" chun\xe2\x84\xaaed", 400),
    (b" chunked\xff", 400),
    (b" %63hunked", 400),
    (b" =?utf-8?q?chunked?=", 400),
    (b" identity", 400),
    (b" gzip", 400),
    (b" chunked, identity", 400),
    (b" chunked, gzip", 400),
    (b" chunked,x", 400),
    (b" : chunked", 400),
    (b" Transfer-Encoding: chunked", 400),
    // Another coding in front of chunked, which SHOULD be answered with 501.
    (b" identity, chunked", 501),
    (b" gzip, chunked", 501),
    (b" xchunked,chunked", 501),
    (b" chunked;a, chunked", 501),
    (b" \"a, chunked", 501),
    (b" chunked, chunked", 400),
    (b" chunked,chunked,chunked", 400),
    (b"", 400),
    (b" ", 400),
    (b" ,", 400),
    // Not the value of a header.
    (b" \x0bchunked", 400),
    (b" chunked\x0b", 400),
    (b"\x0cchunked", 400),
    (b" chunked\x0c", 400),
    (b" \0chunked", 400),
    (b" chunked\0", 400),
    (b" chunked\0, identity", 400),
    (b" chunked\x08", 400),
    (b" chunked\x7f", 400),
    (b" chun\x1bked", 400),
    (b" chunked\r", 400),
    (b" \rchunked", 400),
    (b" chunked\rX: y", 400),
    (b" chunked\nX: y", 400),
    (b" identity\nX: chunked", 400),
    (b" \nchunked", 400),
    (b"\r\n chunked", 400),
    (b"\r\n\tchunked", 400),
    (b" \r\n chunked", 400),
    (b" chunked\r\n , identity", 400),
    (b" identity\r\n , chunked", 400),
    // Several lines.
    (b" chunked\r\nTransfer-Encoding: chunked", 400),
    (b" chunked\r\ntransfer-encoding: identity", 400),
    (b" chunked\r\nTRANSFER-ENCODING: x", 400),
    (b" identity\r\nTransfer-Encoding: chunked", 501),
    (b" x\r\nTransfer-encoding: chunked", 501),
    (b"\r\nTransfer-Encoding: chunked", 400),
    (b" chunked\r\nTransfer-Encoding:", 400),
    (b" chunked\r\nTransfer-Encoding: ,", 400),
];

/// Lines that some take for a Transfer-Encoding, or for its end, although they are no header lines.
const LINES: &[&[u8]] = &[
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding\x0b: chunked",
    b"Transfer-Encoding\0: chunked",
    b"Transfer-Encoding\r: chunked",
    b"Transfer-Encoding\xa0: chunked",
    b"Transfer\0-Encoding: chunked",
    b"Transfer Encoding: chunked",
    b"Transfer-Encoding chunked",
    b"Transfer-Encoding=chunked",
    b"Transfer-Encoding; chunked",
    b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked",
    b"\0Transfer-Encoding: chunked",
    b"\xefTransfer-Encoding: chunked",
    b":Transfer-Encoding: chunked",
    b"\"Transfer-Encoding\": chunked",
    b"Transfer-Encoding\r\n : chunked",
    b"Transfer-Encoding\r\n: chunked",
    b"Transfer-Encoding\n: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\r\nTransfer-Encoding: chunked",
    b"X: y\0\r\nTransfer-Encoding: chunked",
    b"X:\nTransfer-Encoding: chunked",
    b"X\r\nTransfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\n\rX: y",
];

/// Values to a GET, which has no body.
const TO_GET: &[(&str, u16)] = &[
    ("", 400),
    ("gzip", 400),
    ("xchunked", 400),
    ("chunked, gzip", 400),
    ("chunked, chunked", 400),
    ("chunked\r\nTransfer-Encoding: chunked", 400),
    ("chunked\r\nTransfer-Encoding:", 400),
    ("gzip, chunked", 501),
];

fn field(value: impl AsRef<[u8]>) -> Vec<u8> {
    [b"Transfer-Encoding:", value.as_ref()].concat()
}

/// The lines that are refused without a length, each with its status.
fn refused_lines() -> impl Iterator<Item = (Vec<u8>, u16)> {
    let values = VALUES.iter().map(|(value, status)| (field(value), *status));
    values.chain(LINES.iter().map(|line| (line.to_vec(), 400)))
}

/// A POST with two kinds of lines that are sound by themselves. The end of the second one proves it wrong.
fn proven_by_second(lines: Vec<u8>, body: &str) -> Case {
    let bytes = post(&lines, body);
    let proof = bytes.len() - body.len() - b"\r\n".len();
    Case { proof: Some(proof), ..case(shown(&lines), BESIDE_LENGTH, bytes, 400) }
}

/// A reader that counts takes the hidden request for a part of the body. One that reads chunks takes it for the next.
pub fn cl_te() -> Vec<Case> {
    let body = format!("0\r\n\r\n{}", hidden());
    let length = format!("Content-Length: {}", body.len());
    let both = |line: &[u8]| {
        let in_front = [line, b"\r\n", length.as_bytes()].concat();
        let behind = [length.as_bytes(), b"\r\n", line].concat();
        [in_front, behind]
    };
    let mut cases = Vec::new();
    for value in CHUNKED {
        cases.extend(both(&field(value)).map(|lines| proven_by_second(lines, &body)));
    }
    for (line, _) in refused_lines() {
        cases.extend(both(&line).map(|lines| case(shown(&lines), BESIDE_LENGTH, post(&lines, &body), 400)));
    }
    let old = format!("POST {PUBLIC} HTTP/1.0\r\nHost: test\r\n{length}\r\nTransfer-Encoding: chunked\r\n");
    cases.push(proven("in 1.0", BESIDE_LENGTH, old, format!("\r\n{body}"), 400));
    let unknown = format!("POST {PUBLIC} HTTP/1.1\r\nHost: test\r\n{length}\r\nTransfer-Encoding: a\r\n");
    cases.push(proven("an unknown coding", BESIDE_LENGTH, unknown, format!("\r\n{body}"), 400));
    let to_get = get("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n");
    cases.push(proven("to GET", BESIDE_LENGTH, to_get, "\r\n", 400));
    cases
}

/// A reader of chunks takes the hidden request for a chunk. One that counts takes it for the next request.
pub fn te_cl() -> Vec<Case> {
    let data = hidden();
    let size = format!("{:x}\r\n", data.len());
    let body = format!("{}0\r\n\r\n", chunk(&data));
    let length = format!("\r\nContent-Length: {}", size.len());
    let both = |line: &[u8]| [line, length.as_bytes()].concat();
    let mut cases: Vec<Case> =
        CHUNKED.iter().map(|value| proven_by_second(both(&field(value)), &body)).collect();
    for (line, _) in refused_lines() {
        let lines = both(&line);
        cases.push(case(shown(&lines), BESIDE_LENGTH, post(&lines, &body), 400));
    }
    let to_get = get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n");
    cases.push(proven("to GET", BESIDE_LENGTH, to_get, "\r\n", 400));
    cases
}

/// Codings without a length. The hidden request is in a chunk.
pub fn te_te() -> Vec<Case> {
    let body = format!("{}0\r\n\r\n", chunk(&hidden()));
    let new = format!("POST {PUBLIC} HTTP/1.1\r\nHost: test\r\n");
    let old = format!("POST {PUBLIC} HTTP/1.0\r\nHost: test\r\n");
    let after_head = format!("\r\n{body}");
    let by_line = |lines: &str| format!("{new}Transfer-Encoding: {lines}\r\n");
    let by_head = |lines: &str| by_line(lines) + "\r\n";
    let mut cases = vec![
        proven(
            "a second coding behind chunked",
            ALONE,
            by_line("chunked\r\nTransfer-Encoding: a"),
            &after_head,
            400,
        ),
        proven("chunked twice", BESIDE_LENGTH, by_line("Chunked, Chunked"), &after_head, 400),
        proven("blanks alone", ALONE, by_line("\t"), &after_head, 400),
        // Another line could still name chunked, or be wrong in another way.
        proven("an unknown coding in front", BESIDE_LENGTH, by_head("gzip, chunked"), "", 501),
        proven("an unknown coding alone", ALONE, by_head("a"), "", 400),
        proven("in 1.0", BESIDE_LENGTH, format!("{old}Transfer-Encoding: chunked\r\n"), &after_head, 400),
        case(
            "in 1.0 that is kept alive",
            BESIDE_LENGTH,
            format!("{old}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n{after_head}"),
            400,
        ),
        case(
            "in 1.0 behind keep-alive",
            BESIDE_LENGTH,
            format!("{old}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n{after_head}"),
            400,
        ),
    ];
    for (line, status) in refused_lines() {
        let source = if status == 501 { BESIDE_LENGTH } else { ALONE };
        cases.push(case(shown(&line), source, post(&line, &body), status));
    }
    for (value, status) in TO_GET {
        let name = format!("{value} to GET");
        cases.push(case(name, ALONE, get(format!("Transfer-Encoding: {value}\r\n\r\n")), *status));
    }
    cases
}
