//! The malformed bodies of the catalogue, behind their heads.

use std::mem::MaybeUninit;

use super::*;
use crate::config::MAX_HEADERS;
use crate::http::head::Head;
use crate::malformed::{self, Case, Part};

/// The status that refuses a body, and how many bytes of the request are needed to know that. The request comes in
/// pieces of these lengths, and then the rest of it.
fn verdict(case: &Case, limits: &Limits, pieces: &[usize]) -> (u16, usize) {
    let head_len = 4 + case.bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a whole head");
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let head = Head::parse(&case.bytes[..head_len], &mut headers, limits).expect("a sound head");
    let mut reader = match BodyReader::new(head_len, head.framing, limits.body_bytes as u64) {
        Ok(reader) => reader,
        Err(refusal) => return (refusal.status.code(), head_len),
    };
    let (mut held, mut end) = (case.bytes[..head_len].to_vec(), head_len);
    for piece in pieces.iter().chain([&usize::MAX]) {
        let next = case.bytes.len().min(end.saturating_add(*piece));
        held.extend_from_slice(&case.bytes[end..next]);
        end = next;
        match reader.advance(&mut held, limits) {
            Err(refusal) => return (refusal.status.code(), end),
            Ok(Collected::Part { kept, .. }) => held.truncate(kept),
            Ok(Collected::Whole { .. }) => panic!("{}: it is taken for a body", case.title()),
        }
    }
    panic!("{}: it is not refused", case.title())
}

#[test]
fn broken_framing_is_refused_however_it_is_delivered() {
    for made_for in [malformed::SMALL, malformed::DEFAULT] {
        let malformed::Limits { head_bytes, target_bytes, body_bytes, headers } = made_for;
        let limits = Limits { head_bytes, target_bytes, body_bytes, headers, ..Limits::default() };
        for case in malformed::all(&made_for).into_iter().filter(|case| case.part == Part::Body) {
            let title = case.title();
            let (status, needed) = verdict(&case, &limits, &vec![1; case.bytes.len()]);
            assert_eq!((status, needed), (case.status, case.proof.unwrap_or(needed)), "{title}");
            let step = if case.bytes.len() > 1000 { 1000 } else { 1 };
            for at in (0..case.bytes.len()).step_by(step) {
                assert_eq!(
                    verdict(&case, &limits, &[at]).0,
                    status,
                    "{title}, cut {at} bytes behind the head"
                );
            }
        }
    }
}
