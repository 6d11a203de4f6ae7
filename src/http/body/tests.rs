//! Bodies, with one test per rule.

use super::*;

const HEAD: &[u8] = b"head";

fn limits() -> Limits {
    Limits { body_bytes: 100, head_bytes: 64, ..Limits::default() }
}

/// A body, and what follows it.
type Decoded = (Vec<u8>, Vec<u8>);

/// Decodes `raw`, delivered in pieces of `piece` bytes. Returns `None` if it is not whole.
fn decode(raw: &[u8], piece: usize) -> Result<Option<Decoded>, Refusal> {
    let mut reader = BodyReader::new(HEAD.len(), Framing::Chunked, limits().body_bytes as u64)?;
    let mut held = HEAD.to_vec();
    let mut pieces = raw.chunks(piece);
    while let Some(new) = pieces.next() {
        held.extend_from_slice(new);
        match reader.advance(&mut held, &limits())? {
            Collected::Part { kept, .. } => held.truncate(kept),
            Collected::Whole { body_end, consumed, .. } => {
                let mut rest = held[consumed..].to_vec();
                for unread in pieces {
                    rest.extend_from_slice(unread);
                }
                return Ok(Some((held[HEAD.len()..body_end].to_vec(), rest)));
            }
        }
    }
    Ok(None)
}

#[test]
fn chunks_are_joined_however_they_are_delivered() {
    let raw = b"4 ;x\r\nWiki\r\n6;a=\"b \\\"c\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\nGET";
    for piece in 1..=raw.len() {
        let (body, rest) = decode(raw, piece).unwrap().expect("the body is whole");
        assert_eq!(body, b"Wikipedia in \r\n\r\nchunks.", "in pieces of {piece}");
        assert_eq!(rest, b"GET", "in pieces of {piece}");
    }
}

#[test]
fn no_proper_prefix_of_a_body_is_whole() {
    let raw = b"a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for end in 0..raw.len() {
        assert_eq!(decode(&raw[..end], 3), Ok(None), "at {end}");
    }
}

#[test]
fn framing_cannot_grow_without_end() {
    let longs =
        ["x".repeat(300), "\"x\"".repeat(100), "\"\"".repeat(150), format!("\"{}", "\\x".repeat(150))];
    for long in longs {
        let raw = format!("1;{long}\r\n");
        assert_eq!(decode(raw.as_bytes(), 7).unwrap_err().status.code(), 400, "{raw}");
    }
    let blanks = [b"1", &[b' '; 300][..], b";x\r\n"].concat();
    assert_eq!(decode(&blanks, 7).unwrap_err().status.code(), 400);
    let many_zeros = [b'0'; 300];
    assert_eq!(decode(&many_zeros, 7).unwrap_err().status.code(), 400);
    let trailers = [b"0\r\n".to_vec(), b"X: y\r\n".repeat(20), b"\r\n".to_vec()].concat();
    assert_eq!(decode(&trailers, 7).unwrap_err().status.code(), 431);
    let name = [b"0\r\n", &[b'x'; 300][..], b": y\r\n\r\n"].concat();
    assert_eq!(decode(&name, 7).unwrap_err().status.code(), 431);
}

#[test]
fn framing_is_counted_and_data_is_not() {
    let raw = b"4;a=\"b\"\r\nWiki\r\n00\r\nX: y\r\n\r\n";
    for piece in 1..=raw.len() {
        let mut reader = BodyReader::new(HEAD.len(), Framing::Chunked, limits().body_bytes as u64).unwrap();
        let (mut held, mut framing) = (HEAD.to_vec(), 0);
        for new in raw.chunks(piece) {
            held.extend_from_slice(new);
            let collected = reader.advance(&mut held, &limits()).unwrap();
            framing += collected.framing();
            if let Collected::Part { kept, .. } = collected {
                held.truncate(kept);
            }
        }
        assert_eq!(framing, raw.len() - b"Wiki".len(), "in pieces of {piece}");
    }
    let mut reader = BodyReader::new(HEAD.len(), Framing::Length(4), limits().body_bytes as u64).unwrap();
    assert_eq!(reader.advance(&mut b"headWiki".to_owned(), &limits()).unwrap().framing(), 0);
}

#[test]
fn a_size_of_more_than_sixty_bits_is_refused_even_if_the_body_has_no_limit() {
    for (size, is_sound) in
        [("fffffffffffffff", true), ("1000000000000000", false), ("10000000000000005", false)]
    {
        for piece in [1, 7, 100] {
            let mut reader = BodyReader::new(HEAD.len(), Framing::Chunked, u64::MAX).unwrap();
            let (mut held, mut refused) = (HEAD.to_vec(), None);
            for new in format!("{size}\r\nhello\r\n").as_bytes().chunks(piece) {
                held.extend_from_slice(new);
                match reader.advance(&mut held, &limits()) {
                    Ok(Collected::Part { kept, .. }) => held.truncate(kept),
                    Ok(whole) => panic!("{size}: {whole:?}"),
                    Err(refusal) => {
                        refused = Some(refusal.status.code());
                        break;
                    }
                }
            }
            assert_eq!(refused, (!is_sound).then_some(413), "{size} in pieces of {piece}");
        }
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_at_once() {
    let refused = BodyReader::new(4, Framing::Length(101), limits().body_bytes as u64).unwrap_err();
    assert_eq!(refused.status.code(), 413);
    assert!(BodyReader::new(4, Framing::Length(100), limits().body_bytes as u64).is_ok());
}
