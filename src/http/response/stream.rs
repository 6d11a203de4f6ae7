//! Responses whose body comes piece by piece: what their head says, and where the body ends.

use super::chunks::LAST_CHUNK;
use super::{Announced, Draft, Rest, Writer};

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
    const FIRST_CHUNK: StreamFraming = StreamFraming::Chunked { digits: 4 };

    /// Returns the bytes that end a body.
    pub(crate) fn end(self) -> &'static [u8] {
        if let StreamFraming::Chunked { .. } = self { LAST_CHUNK } else { b"" }
    }
}

impl Writer<'_> {
    /// Writes the headers that end a head, for a body that comes piece by piece. A client of HTTP/1.0 knows no chunks,
    /// so the close ends its body if the length is not known.
    pub(crate) fn end_head_streamed(&mut self, draft: &mut Draft, length: Option<u64>) {
        let announced = draft.special().announced;
        let framing = match length {
            // The host has said what to announce, true or not.
            _ if announced != Announced::True => StreamFraming::UntilClose,
            Some(length) => StreamFraming::Length(length),
            None if draft.terms.http10 => StreamFraming::UntilClose,
            None => StreamFraming::FIRST_CHUNK,
        };
        draft.make_special().rest = Rest::Pieces(framing);
        match framing {
            // It announces an empty body, whatever the framing would be.
            _ if draft.status == 205 => return self.end_head(draft, 0),
            StreamFraming::Length(length) => return self.end_head(draft, length),
            StreamFraming::UntilClose if announced != Announced::True => return self.end_head(draft, 0),
            StreamFraming::UntilClose => draft.terms.close |= draft.has_body(),
            StreamFraming::Chunked { .. } if draft.is_bodiless() => {}
            StreamFraming::Chunked { .. } => self.push(b"\r\nTransfer-Encoding: chunked"),
        }
        self.end_fields(draft);
    }
}
