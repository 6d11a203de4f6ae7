//! Bodies of responses that are sent from where they are, without a copy.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

/// The body of a response, sent without a copy on any number of connections.
///
/// ```
/// use std::sync::Arc;
/// use fourway::Body;
///
/// let page = Body::Static(b"<!doctype html><title>hello</title>");
/// let report: Arc<[u8]> = Arc::from(vec![b'x'; 100_000]);
/// let shared = Body::Shared(report.clone());
/// // The part that a request with `Range: bytes=500-999` asks for.
/// let part = Body::Part { of: report, range: 500..1000 };
/// // 10 GiB of zeros that take 64 KiB of memory.
/// let large = Body::Repeat { page: Arc::from(vec![0; 64 * 1024]), len: 10 << 30 };
/// assert_eq!((page.len(), shared.len(), part.len(), large.len()), (35, 100_000, 500, 10 << 30));
/// // A text that was made for one response.
/// let owned = Body::from(format!("{:>10000}", "hello"));
/// assert_eq!(owned.len(), 10_000);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Body {
    /// Bytes that live as long as the program.
    Static(&'static [u8]),
    /// Bytes that were made for one response. The server drops them as soon as it has sent the last byte.
    ///
    /// A clone copies all of them. Bytes for several responses are better `Shared`.
    Owned(Vec<u8>),
    /// Bytes that others may hold as well. The server drops its share as soon as it has sent the last byte.
    Shared(Arc<[u8]>),
    /// A part of bytes that others may hold as well.
    ///
    /// If the range does not lie within the bytes, the response cannot be sent, and the client gets a 500.
    Part {
        /// The whole bytes.
        of: Arc<[u8]>,
        /// The positions of the bytes to send.
        range: Range<usize>,
    },
    /// The same page again and again, `len` bytes in all. The last page may be cut.
    ///
    /// Pages of some ten KiB are sent fastest. If the page is empty and `len` is not zero, the response
    /// cannot be sent, and the client gets a 500.
    Repeat {
        /// The bytes to repeat.
        page: Arc<[u8]>,
        /// The length of the body in bytes.
        len: u64,
    },
}

/// The most pieces in one write. A repeated page is one piece each time that it is sent.
pub(crate) const PIECES: usize = 16;

impl Body {
    pub(crate) const EMPTY: Body = Body::Static(b"");

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Body::Static(bytes) => bytes.len() as u64,
            Body::Owned(bytes) => bytes.len() as u64,
            Body::Shared(bytes) => bytes.len() as u64,
            Body::Part { range, .. } => range.len() as u64,
            Body::Repeat { len, .. } => *len,
        }
    }

    /// Returns whether the body has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns why the body cannot be sent, if it has a length, but not the bytes for it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Body::Repeat { page, len } if page.is_empty() && *len > 0 => {
                Some("an empty page cannot be repeated")
            }
            Body::Part { of, range } if of.get(range.clone()).is_none() => {
                Some("the range of a part does not lie within the whole")
            }
            _ => None,
        }
    }

    /// Returns the bytes if they are in one piece.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Body::Static(bytes) => Some(bytes),
            Body::Owned(bytes) => Some(bytes),
            Body::Shared(bytes) => Some(bytes),
            Body::Part { of, range } => of.get(range.clone()),
            Body::Repeat { .. } => None,
        }
    }

    /// Writes slices of the body's bytes to `pieces`, from position `from` on, and at most `limit` bytes.
    /// Returns the number of pieces.
    pub(crate) fn name<'a>(&'a self, from: u64, limit: usize, pieces: &mut [IoSlice<'a>]) -> usize {
        let left = usize::try_from(self.len() - from).unwrap_or(usize::MAX);
        let mut left = left.min(limit);
        let (page, mut at) = match self {
            Body::Repeat { page, .. } => (&**page, (from % page.len() as u64) as usize),
            _ => (self.bytes().unwrap_or_default(), from as usize),
        };
        let mut named = 0;
        while left > 0 && named < pieces.len() {
            let piece = &page[at..];
            let piece = &piece[..piece.len().min(left)];
            pieces[named] = IoSlice::new(piece);
            (named, left, at) = (named + 1, left - piece.len(), 0);
        }
        named
    }
}

/// Returns an empty body.
impl Default for Body {
    fn default() -> Self {
        Body::EMPTY
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Body::Static(bytes)
    }
}

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        Body::Static(bytes)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::Static(text.as_bytes())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Body::Owned(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::Owned(text.into_bytes())
    }
}

impl From<Arc<[u8]>> for Body {
    fn from(bytes: Arc<[u8]>) -> Self {
        Body::Shared(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the bytes that a write of at most `limit` bytes would send, and the number of pieces.
    fn sent(body: &Body, from: u64, limit: usize) -> (Vec<u8>, usize) {
        let mut pieces = [IoSlice::new(b""); PIECES];
        let named = body.name(from, limit, &mut pieces);
        (pieces[..named].iter().flat_map(|piece| piece.iter().copied()).collect(), named)
    }

    #[test]
    fn a_repeated_page_is_the_same_from_wherever_a_write_begins() {
        let body = Body::Repeat { page: Arc::from(*b"abc"), len: 20 };
        let whole = b"abcabcabcabcabcabcab";
        for from in 0..=20 {
            let (bytes, _) = sent(&body, from, usize::MAX);
            assert_eq!(bytes, whole[from as usize..], "from {from}");
        }
    }

    #[test]
    fn one_write_names_a_bounded_number_of_pieces() {
        let body = Body::Repeat { page: Arc::from(*b"ab"), len: u64::MAX };
        let (bytes, named) = sent(&body, 1, usize::MAX);
        assert_eq!((bytes.len(), named), (2 * PIECES - 1, PIECES));
    }

    #[test]
    fn no_more_is_named_than_the_limit() {
        let shared = Body::Shared(Arc::from(*b"0123456789"));
        assert_eq!(sent(&shared, 3, 4), (b"3456".to_vec(), 1));
        let repeated = Body::Repeat { page: Arc::from(*b"0123"), len: 100 };
        assert_eq!(sent(&repeated, 2, 5), (b"23012".to_vec(), 2));
        assert_eq!(sent(&repeated, 2, 0), (vec![], 0));
    }

    #[test]
    fn only_an_empty_page_cannot_be_repeated() {
        assert!(Body::Repeat { page: Arc::from([]), len: 1 }.fault().is_some());
        assert!(Body::Repeat { page: Arc::from([]), len: 0 }.fault().is_none());
        assert!(Body::Repeat { page: Arc::from(*b"a"), len: 1 }.fault().is_none());
    }

    fn part(range: Range<usize>) -> Body {
        Body::Part { of: Arc::from(*b"0123456789"), range }
    }

    #[test]
    fn a_part_is_sent_from_wherever_a_write_begins_to_its_end() {
        for (range, expected) in [(0..10, "0123456789"), (3..7, "3456"), (9..10, "9"), (10..10, "")] {
            let body = part(range);
            assert_eq!((body.len(), body.fault()), (expected.len() as u64, None));
            for from in 0..=expected.len() {
                let bytes = expected.as_bytes()[from..].to_vec();
                assert_eq!(sent(&body, from as u64, usize::MAX).0, bytes, "{expected} from {from}");
            }
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "a host can write one")]
    fn a_part_that_is_not_within_the_whole_cannot_be_sent() {
        for range in [0..11, 10..11, 11..11, 7..3, 0..usize::MAX, usize::MAX..0] {
            let body = part(range.clone());
            assert!(body.fault().is_some() && body.bytes().is_none(), "{range:?}");
        }
    }

    #[test]
    fn an_owned_body_keeps_the_memory_that_it_was_made_of() {
        let bytes = vec![b'x'; 10_000];
        let place = bytes.as_ptr();
        let body = Body::from(bytes);
        assert_eq!(body.bytes().map(<[u8]>::as_ptr), Some(place));
    }
}
