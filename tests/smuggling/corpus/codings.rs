//! Transfer-Encoding, beside Content-Length and alone: written so that one reader takes it for
//! chunked and another does not (RFC 9112 §6.1, §6.3 and §11.2).

use super::{HIDDEN, PUBLIC, Row, Then, chunk, hidden, post, posted, refused, row, shown};
use crate::common::witness::Asked;

/// What a line, or some lines, about codings have to be taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// Refused when it stands alone.
    Refused(u16),
}

use Coding::{Chunked, Refused};

const LAST_IS_ANOTHER: Coding = Refused(400);
const FIRST_IS_ANOTHER: Coding = Refused(501);
const NO_FIELD_LINE: Coding = Refused(400);

/// In front of each value stands `Transfer-Encoding:`.
const VALUES: &[(&[u8], Coding)] = &[
    (b" chunked", Chunked),
    (b"chunked", Chunked),
    (b" Chunked", Chunked),
    (b" CHUNKED", Chunked),
    (b" cHuNkEd", Chunked),
    (b"  chunked", Chunked),
    (b"\tchunked", Chunked),
    (b" \t chunked", Chunked),
    (b" chunked ", Chunked),
    (b" chunked\t", Chunked),
    (b" chunked \t ", Chunked),
    // Empty members of a list are to be ignored (RFC 9110 §5.6.1.2).
    (b" ,chunked", Chunked),
    (b" chunked,", Chunked),
    (b" , chunked ,,", Chunked),
    (b" xchunked", LAST_IS_ANOTHER),
    (b" chunkedx", LAST_IS_ANOTHER),
    (b" chunke", LAST_IS_ANOTHER),
    (b" chunked;a", LAST_IS_ANOTHER),
    (b" chunked;a=b", LAST_IS_ANOTHER),
    (b" chunked;", LAST_IS_ANOTHER),
    (b" \"chunked\"", LAST_IS_ANOTHER),
    (b" 'chunked'", LAST_IS_ANOTHER),
    (b" [chunked]", LAST_IS_ANOTHER),
    (b" chunked identity", LAST_IS_ANOTHER),
    (b" identity chunked", LAST_IS_ANOTHER),
    (b" chunked chunked", LAST_IS_ANOTHER),
    (b" chun ked", LAST_IS_ANOTHER),
    (b" chunked\xa0", LAST_IS_ANOTHER),
    (b" \xa0chunked", LAST_IS_ANOTHER),
    (b" \xc2\xa0chunked", LAST_IS_ANOTHER),
    (b" \xef\xbb\xbfchunked", LAST_IS_ANOTHER),
    // U+212A, which is a k where letters are made small as Unicode does.
    (b" chun\xe2\x84\xaaed", LAST_IS_ANOTHER),
    (b" chunked\xff", LAST_IS_ANOTHER),
    (b" %63hunked", LAST_IS_ANOTHER),
    (b" =?utf-8?q?chunked?=", LAST_IS_ANOTHER),
    (b" identity", LAST_IS_ANOTHER),
    (b" gzip", LAST_IS_ANOTHER),
    (b" chunked, identity", LAST_IS_ANOTHER),
    (b" chunked, gzip", LAST_IS_ANOTHER),
    (b" chunked,x", LAST_IS_ANOTHER),
    (b" : chunked", LAST_IS_ANOTHER),
    (b" Transfer-Encoding: chunked", LAST_IS_ANOTHER),
    (b" identity, chunked", FIRST_IS_ANOTHER),
    (b" gzip, chunked", FIRST_IS_ANOTHER),
    (b" xchunked,chunked", FIRST_IS_ANOTHER),
    (b" chunked;a, chunked", FIRST_IS_ANOTHER),
    (b" \"a, chunked", FIRST_IS_ANOTHER),
    (b" chunked, chunked", Refused(400)),
    (b" chunked,chunked,chunked", Refused(400)),
    (b"", Refused(400)),
    (b" ", Refused(400)),
    (b" ,", Refused(400)),
    (b" \x0bchunked", NO_FIELD_LINE),
    (b" chunked\x0b", NO_FIELD_LINE),
    (b"\x0cchunked", NO_FIELD_LINE),
    (b" chunked\x0c", NO_FIELD_LINE),
    (b" \0chunked", NO_FIELD_LINE),
    (b" chunked\0", NO_FIELD_LINE),
    (b" chunked\0, identity", NO_FIELD_LINE),
    (b" chunked\x08", NO_FIELD_LINE),
    (b" chunked\x7f", NO_FIELD_LINE),
    (b" chun\x1bked", NO_FIELD_LINE),
    (b" chunked\r", NO_FIELD_LINE),
    (b" \rchunked", NO_FIELD_LINE),
    (b" chunked\rX: y", NO_FIELD_LINE),
    (b" chunked\nX: y", NO_FIELD_LINE),
    (b" identity\nX: chunked", NO_FIELD_LINE),
    (b" \nchunked", NO_FIELD_LINE),
    (b"\r\n chunked", NO_FIELD_LINE),
    (b"\r\n\tchunked", NO_FIELD_LINE),
    (b" \r\n chunked", NO_FIELD_LINE),
    (b" chunked\r\n , identity", NO_FIELD_LINE),
    (b" identity\r\n , chunked", NO_FIELD_LINE),
    (b" chunked\r\nTransfer-Encoding: chunked", Refused(400)),
    (b" chunked\r\ntransfer-encoding: identity", LAST_IS_ANOTHER),
    (b" chunked\r\nTRANSFER-ENCODING: x", LAST_IS_ANOTHER),
    (b" identity\r\nTransfer-Encoding: chunked", FIRST_IS_ANOTHER),
    (b" x\r\nTransfer-encoding: chunked", FIRST_IS_ANOTHER),
    (b"\r\nTransfer-Encoding: chunked", Refused(400)),
    (b" chunked\r\nTransfer-Encoding:", Refused(400)),
    (b" chunked\r\nTransfer-Encoding: ,", Refused(400)),
];

/// Lines that some take for a Transfer-Encoding, or for its end, although they are no header.
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

/// All of the lines, with what they have to be taken for.
fn lines() -> impl Iterator<Item = (Vec<u8>, Coding)> {
    let fields = VALUES.iter().map(|(value, coding)| ([b"Transfer-Encoding:", *value].concat(), *coding));
    fields.chain(LINES.iter().map(|line| (line.to_vec(), NO_FIELD_LINE)))
}

/// Whoever counts takes the hidden request for a part of the body; whoever reads chunks, for the
/// next one.
pub fn cl_te() -> Vec<Row> {
    let body = format!("0\r\n\r\n{}", hidden());
    let length = format!("Content-Length: {}", body.len());
    let both = lines().flat_map(|(line, _)| {
        let in_front = [&line, &b"\r\n"[..], length.as_bytes()].concat();
        let behind = [length.as_bytes(), b"\r\n", &line].concat();
        [in_front, behind]
    });
    both.map(|lines| refused(shown(&lines), post(&lines, &body), 400)).collect()
}

/// Whoever reads chunks takes the hidden request for one; whoever counts, for the next one.
pub fn te_cl() -> Vec<Row> {
    let data = hidden();
    let size = format!("{:x}\r\n", data.len());
    let body = format!("{}0\r\n\r\n", chunk(&data));
    let length = format!("\r\nContent-Length: {}", size.len());
    let both = lines().map(|(line, _)| [&line, length.as_bytes()].concat());
    both.map(|lines| refused(shown(&lines), post(&lines, &body), 400)).collect()
}

/// Without a length: the hidden request is in a chunk, and once more behind the last.
pub fn te_te() -> Vec<Row> {
    let body = format!("{}0\r\n\r\n", chunk(&hidden()));
    let of_line = |(line, coding): (Vec<u8>, Coding)| match coding {
        Chunked => posted(shown(&line), post(&line, &body), hidden()),
        Refused(status) => refused(shown(&line), post(&line, format!("{body}{}", hidden())), status),
    };
    let mut rows: Vec<Row> = lines().map(of_line).collect();
    let old = format!("POST {PUBLIC} HTTP/1.0\r\nHost: test\r\n");
    for lines in ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nConnection: keep-alive"] {
        let name = format!("{} in 1.0", shown(lines));
        rows.push(refused(name, format!("{old}{lines}\r\n\r\n{body}{}", hidden()), 400));
    }
    rows
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
