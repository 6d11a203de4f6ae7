//! Responses whose body comes piece by piece: where the body ends.

/// The chunk that ends a body, without trailers.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How the client knows where a streamed body ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamFraming {
    /// Each piece is one chunk or more. The size of the last one had this number of digits.
    Chunked { digits: u8 },
    /// This number of bytes is still to come.
    Length(u64),
    /// The close ends it.
    UntilClose,
}

impl StreamFraming {
    /// The first size of a chunk probably has four digits, like all from 4 to 64 KiB.
    pub(super) const FIRST_CHUNK: StreamFraming = StreamFraming::Chunked { digits: 4 };

    /// Returns the bytes that end a body.
    pub(crate) fn end(self) -> &'static [u8] {
        if let StreamFraming::Chunked { .. } = self { LAST_CHUNK } else { b"" }
    }
}
