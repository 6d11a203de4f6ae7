//! The bodies of the simulated handler's responses.

use std::ops::Range;
use std::sync::Arc;

use crate::body::Body;

/// A body that is larger than any buffer, and is sent without a copy.
pub(crate) static LARGE: [u8; 200_000] = pattern();

/// Makes each byte differ from its neighbours, so tests notice if bytes are lost or doubled.
const fn pattern() -> [u8; 200_000] {
    let mut bytes = [0; 200_000];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = b'a' + (at % 23) as u8;
        at += 1;
    }
    bytes
}

/// The page of a repeated body.
pub(crate) const PAGE: &[u8; 7] = b"repeat ";

pub(crate) fn repeated(len: u64) -> Body {
    Body::Repeat { page: Arc::from(*PAGE), len }
}

/// The part of [`LARGE`] that one page has.
pub(crate) const PART: Range<usize> = 7..150_001;

/// The length of a copied body of more than one batch.
pub(crate) const COPIED: usize = 40_000;
