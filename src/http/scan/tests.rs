//! The verdict on any head, delivered in any pieces, and that of the parser.

use std::mem::MaybeUninit;

use proptest::prelude::*;

use super::*;
use crate::config::MAX_HEADERS;
use crate::http::head::Head;
use crate::http::work::LOOKED_AT;
use crate::malformed::{self, Case, Part};
use crate::properties::holds_for_any;

fn limits() -> Limits {
    Limits { head_bytes: 200, target_bytes: 30, headers: 5, ..Limits::default() }
}

/// The limits that malformed requests were made for.
fn limits_of(limits: malformed::Limits) -> Limits {
    let malformed::Limits { head_bytes, target_bytes, headers, body_bytes } = limits;
    Limits { head_bytes, target_bytes, headers, body_bytes, ..Limits::default() }
}

/// The result of a scan, and how many bytes of the head it needs.
type Verdict = (Result<bool, Refusal>, usize);

/// Returns the verdict on bytes that arrive in pieces of these lengths, and then the rest of them.
fn verdict(bytes: &[u8], pieces: impl IntoIterator<Item = usize>) -> Verdict {
    verdict_by(&limits(), bytes, pieces)
}

fn verdict_by(limits: &Limits, bytes: &[u8], pieces: impl IntoIterator<Item = usize>) -> Verdict {
    let (mut scan, mut end, mut bytes) = (Scan::default(), 0usize, bytes.to_vec());
    for piece in pieces.into_iter().chain([usize::MAX]) {
        end = bytes.len().min(end.saturating_add(piece));
        let found = scan.advance(&mut bytes[..end], limits);
        if found != Ok(false) || end == bytes.len() {
            return (found, end);
        }
    }
    unreachable!("the last piece is the rest")
}

fn byte_by_byte(bytes: &[u8]) -> Verdict {
    verdict(bytes, std::iter::repeat_n(1, bytes.len()))
}

/// Returns the length and the minor version of the head that the parser finds after a scan.
fn parsed(bytes: &[u8]) -> Option<(usize, u8)> {
    let mut bytes = bytes.to_vec();
    let _ = Scan::default().advance(&mut bytes, &limits());
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    Head::parse(&bytes, &mut headers, &limits()).map(|head| (head.raw.len(), head.minor))
}

/// Generates heads, most of them with something wrong.
fn any_head() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    let line = prop_oneof![
        8 => text("GET / HTTP/1.1\r\n"),
        2 => text("GET / HTTP/1.0\r\n"),
        1 => text("HEAD http://a/b HTTP/1.1\r\n"),
        1 => text("CONNECT a:1 HTTP/1.1\r\n"),
        1 => text("GET / HTTP/1.2\r\n"),
        1 => text("GET / HTTP/2.0\r\n"),
        1 => text("GET foo HTTP/1.1\r\n"),
        1 => "[A-Z]{1,60} /[a-z]{0,40}#? HTTP/[12].[0129]\r?\n".prop_map(String::into_bytes),
    ];
    let field = prop_oneof![
        4 => text("Host: x\r\n"),
        1 => text("Host: a b\r\n"),
        3 => "[A-Za-z]{1,5}:[ \t]{0,2}[ -~]{0,40}\r\n".prop_map(String::into_bytes),
        1 => "content-length: ?[0-9]{0,3}\r\n".prop_map(String::into_bytes),
        1 => "(TRANSFER-ENCODING|connection|expect):( ?(chunked|close|100-continue|x),?){0,3}\r\n"
            .prop_map(String::into_bytes),
        1 => "[ \t]?[A-Za-z]{0,3}[ :\r\n\t]{0,3}".prop_map(String::into_bytes),
    ];
    let fields = prop::collection::vec(field, 0..7);
    // The place of a wrong byte, if there is one.
    let error = (any::<prop::sample::Index>(), any::<u8>(), 0..4u8);
    (line, fields, prop::collection::vec(any::<u8>(), 0..4), error).prop_map(
        |(line, fields, behind, (at, byte, kind))| {
            let mut bytes = [line, fields.concat(), b"\r\n".to_vec(), behind].concat();
            if kind == 0 {
                *at.get_mut(&mut bytes) = byte;
            }
            bytes
        },
    )
}

#[test]
fn any_head_gets_the_same_verdict_in_any_pieces() {
    let pieces = prop::collection::vec(0..30usize, 0..20);
    holds_for_any((any_head(), pieces), |(bytes, pieces)| {
        let (found, needed) = byte_by_byte(&bytes);
        assert_eq!(verdict(&bytes, []).0, found, "at once");
        assert_eq!(verdict(&bytes, pieces).0, found, "in pieces");
        assert_eq!(verdict(&bytes[..needed], []).0, found, "later bytes do not matter");
        if needed > 0 {
            assert_eq!(verdict(&bytes[..needed - 1], []).0, Ok(false), "all of it is needed");
        }
    });
}

#[test]
fn the_parser_and_the_scan_agree_on_which_heads_are_sound() {
    holds_for_any(any_head(), |bytes| {
        let (found, needed) = byte_by_byte(&bytes);
        let is_skipped = bytes.starts_with(b"\r\n");
        if !is_skipped {
            let len = parsed(&bytes).map(|(len, _)| len);
            assert_eq!(len, (found == Ok(true)).then_some(needed), "{found:?}");
        }
    });
}

#[test]
fn a_higher_minor_version_is_read_as_1_1() {
    for (version, minor) in [("1.0", 0), ("1.1", 1), ("1.2", 1), ("1.9", 1)] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: x\r\n\r\n");
        assert_eq!(parsed(bytes.as_bytes()), Some((bytes.len(), minor)), "{version}");
    }
    for version in ["0.9", "2.0", "2.1", "3.1", "1.10", "1.a", "1", "01.1"] {
        let bytes = format!("GET / HTTP/{version}\r\nHost: x\r\n\r\n");
        assert_eq!(parsed(bytes.as_bytes()), None, "{version}");
    }
}

/// A request that is longer is cut in two at a few places only.
const SHORT: usize = 1000;

/// Malformed requests for both servers, each with the limits of its server.
fn malformed_in(part: Part) -> impl Iterator<Item = (Case, Limits)> {
    [malformed::SMALL, malformed::DEFAULT].into_iter().flat_map(move |made_for| {
        let cases = malformed::all(&made_for).into_iter().filter(move |case| case.part == part);
        cases.map(move |case| (case, limits_of(made_for)))
    })
}

#[test]
fn a_malformed_head_is_refused_at_the_byte_that_proves_it_however_it_is_cut_in_two() {
    for (case, limits) in malformed_in(Part::Head) {
        let title = case.title();
        // Empty lines in front of a head are no part of it, and are not scanned.
        let empty_lines = case.bytes.chunks(2).take_while(|line| line == b"\r\n").count();
        let bytes = &case.bytes[2 * empty_lines..];
        let (found, needed) = verdict_by(&limits, bytes, std::iter::repeat_n(1, bytes.len()));
        assert_eq!(found.map_err(|refusal| refusal.status.code()), Err(case.status), "{title}");
        let needed = 2 * empty_lines + needed;
        assert_eq!(needed, case.proof.unwrap_or(needed), "{title}");
        let step = if bytes.len() > SHORT { SHORT } else { 1 };
        for at in (0..=bytes.len()).step_by(step) {
            assert_eq!(verdict_by(&limits, bytes, [at]).0, found, "{title}, cut at {at}");
        }
    }
}

#[test]
fn a_head_in_front_of_a_malformed_body_is_sound() {
    for (case, limits) in malformed_in(Part::Body) {
        assert_eq!(verdict_by(&limits, &case.bytes, []).0, Ok(true), "{}", case.title());
    }
}

#[test]
fn the_first_of_two_errors_decides() {
    let two_errors = malformed_in(Part::Head).filter(|(case, _)| case.family == malformed::TWO_ERRORS);
    for (case, limits) in two_errors {
        let found = verdict_by(&limits, &case.bytes, []).0;
        assert_eq!(found.map_err(|refusal| refusal.status.code()), Err(case.status), "{}", case.title());
    }
}

#[test]
fn each_byte_is_examined_at_most_twice_in_any_pieces() {
    let bytes = format!("GET / HTTP/1.1\r\n{}\r\n", "A: 0123456789 0123456789\r\n".repeat(5));
    for piece in [1, 2, 7, bytes.len()] {
        LOOKED_AT.set(0);
        let pieces = std::iter::repeat_n(piece, bytes.len());
        assert_eq!(verdict(bytes.as_bytes(), pieces).0.unwrap_err().why, "the Host header is missing");
        assert!(LOOKED_AT.get() <= 2 * bytes.len(), "{} bytes in pieces of {piece}", LOOKED_AT.get());
    }
}
