//! Any chunking of any body, delivered in any pieces.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::*;
use crate::properties::holds_for_any;

const HEAD: &[u8] = b"head";

fn limits() -> Limits {
    Limits { body_bytes: 500, head_bytes: 200, ..Limits::default() }
}

/// Decodes `raw`, which arrives in pieces of these lengths, and then the rest of it. Returns the body, and how many
/// bytes of `raw` it takes.
fn decode(raw: &[u8], framing: Framing, pieces: &[usize]) -> Result<Option<(Vec<u8>, usize)>, Refusal> {
    let mut reader = BodyReader::new(HEAD.len(), framing, limits().body_bytes as u64)?;
    let (mut held, mut left) = (HEAD.to_vec(), raw);
    for &len in pieces.iter().chain([&usize::MAX]) {
        let (new, rest) = left.split_at(len.min(left.len()));
        held.extend_from_slice(new);
        left = rest;
        match reader.advance(&mut held, &limits())? {
            Collected::Part { kept, .. } => held.truncate(kept),
            Collected::Whole { body_end, consumed, .. } => {
                let unused = held.len() - consumed + left.len();
                return Ok(Some((held[HEAD.len()..body_end].to_vec(), raw.len() - unused)));
            }
        }
    }
    Ok(None)
}

/// Generates a chunk's data, and its size line.
fn any_chunk() -> impl Strategy<Value = (Vec<u8>, String)> {
    let quoted = r#"([ !#-\[\]-~]|\\[ -~]){0,9}"#;
    let extension = format!("[ \t]{{0,2}}(;[a-z]{{1,5}}(=\"{quoted}\")?){{1,3}}");
    let extension = prop_oneof![Just(String::new()), string_regex(&extension).expect("a pattern")];
    (prop::collection::vec(any::<u8>(), 1..60), 0..3usize, any::<bool>(), extension).prop_map(
        |(data, zeros, is_upper, extension)| {
            let size = if is_upper { format!("{:X}", data.len()) } else { format!("{:x}", data.len()) };
            (data, format!("{}{size}{extension}\r\n", "0".repeat(zeros)))
        },
    )
}

fn any_pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..40usize, 0..60)
}

#[test]
fn chunks_in_any_pieces_decode_to_the_original_body() {
    let trailers = prop::collection::vec("[A-Za-z-]{1,8}: [ -~]{0,10}\r\n", 0..4);
    let values = (prop::collection::vec(any_chunk(), 0..8), trailers, ".{0,20}", any_pieces());
    holds_for_any(values, |(chunks, trailers, behind, pieces)| {
        let (mut raw, mut body) = (Vec::new(), Vec::new());
        for (data, size_line) in chunks {
            raw.extend([size_line.as_bytes(), &data, b"\r\n"].concat());
            body.extend(data);
        }
        raw.extend(["0\r\n", &trailers.concat(), "\r\n"].concat().bytes());
        let end = raw.len();
        raw.extend(behind.bytes());
        assert_eq!(decode(&raw, Framing::Chunked, &pieces), Ok(Some((body, end))));
        assert_eq!(decode(&raw[..end - 1], Framing::Chunked, &pieces), Ok(None));
    });
}

#[test]
fn any_bytes_give_the_same_body_or_error_in_any_pieces() {
    // Most of the pieces are parts of a chunked body.
    let piece = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        2 => "[0-9a-fA-F]{1,2}".prop_map(String::into_bytes),
        1 => "0\r\n\r\n".prop_map(String::into_bytes),
        1 => "[;=a-z:\\r\\n\\t]{1,4}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 1..20),
    ];
    holds_for_any((prop::collection::vec(piece, 0..40), any_pieces()), |(raw, pieces)| {
        let raw = raw.concat();
        let whole = decode(&raw, Framing::Chunked, &[]);
        assert_eq!(decode(&raw, Framing::Chunked, &pieces), whole);
        if let Ok(Some((body, end))) = whole {
            assert!(body.len() <= limits().body_bytes && body.len() + b"0\r\n\r\n".len() <= end);
        }
    });
}

#[test]
fn a_body_ends_at_its_length_in_any_pieces() {
    let values = (prop::collection::vec(any::<u8>(), 0..600), 0..600u64, any_pieces());
    holds_for_any(values, |(raw, length, pieces)| {
        let decoded = decode(&raw, Framing::Length(length), &pieces);
        let end = length as usize;
        match decoded {
            Err(refusal) => assert!(refusal.status.code() == 413 && end > limits().body_bytes),
            Ok(None) => assert!(end > raw.len()),
            Ok(Some(found)) => assert_eq!(found, (raw[..end].to_vec(), end)),
        }
    });
}
