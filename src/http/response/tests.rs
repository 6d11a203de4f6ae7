//! Responses as bytes.

use super::writer::MAX_LENGTH_DIGITS;
use super::*;

#[test]
fn decimals_are_written_without_leading_zeros() {
    for number in [0, 7, 10, 1_048_576, u64::MAX] {
        assert_eq!(decimal(&mut [0; 20], number), number.to_string().as_bytes());
    }
}

/// Writes one response in place, and returns it without its date. Returns `None` if there is no room.
fn written(draft: &mut Draft, room: &mut [u8], body: &[u8]) -> Option<String> {
    draft.begin(draft.terms);
    draft.status = 200;
    let mut writer = Writer::new(room);
    let gap = writer.end_head_unsized(draft).expect("it has a length");
    let start = writer.len();
    writer.push(body);
    let length = (writer.len() - start) as u64;
    writer.fill_length(draft, gap, length);
    writer.finish(draft);
    let text = || String::from_utf8_lossy(&room[..draft.len]).into_owned();
    draft.fault.is_none().then(text)
}

#[test]
fn a_filled_in_length_follows_one_blank_whatever_the_last_length_was() {
    let (mut room, mut draft) = ([0; 2000], Draft::default());
    draft.terms.close = true;
    for len in [17, 0, 9, 10, 99, 100, 1000, 1, 1000, 5, 17, 18] {
        let body = &[b"<".as_slice(), &[b'x'; 1000][..len]].concat()[..len];
        let expected = format!(
            "\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{}",
            String::from_utf8_lossy(body)
        );
        assert_eq!(written(&mut draft, &mut room, body), Some(expected));
    }
}

#[test]
fn a_response_fits_or_not_independently_of_the_one_before() {
    let longest = |digits: usize| {
        let mut room = [0; 200];
        let fits = |len: &usize| {
            let mut draft = Draft::default();
            draft.digits = digits;
            written(&mut draft, &mut room, &[b'x'; 200][..*len]).is_some()
        };
        (0..200).take_while(fits).last()
    };
    assert!(longest(0).is_some());
    for digits in 1..=MAX_LENGTH_DIGITS {
        assert_eq!(longest(digits), longest(0));
    }
}

#[test]
fn a_response_that_is_too_long_is_a_fault() {
    let (mut room, mut draft) = ([0; 10], Draft::default());
    let mut writer = Writer::new(&mut room);
    writer.push(b"0123456789");
    assert!(!writer.overflowed());
    writer.push(b"x");
    writer.finish(&mut draft);
    assert_eq!((draft.len, draft.fault), (10, Some("it is longer than limits.out_bytes")));
}
