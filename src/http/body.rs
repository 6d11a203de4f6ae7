//! A request's body: where it ends, and the undoing of the chunked coding (RFC 9112 §6 and §7).
//!
//! The body is gathered behind its head in the same buffer, so that a handler gets both as
//! slices. Chunks are moved together in place; what frames them is consumed byte by byte, so that
//! no line of it ever has to be kept.

use super::Refusal;
use super::bytes::TOKEN;
use super::fields::Framing;
use crate::config::Limits;

/// A chunk's size line is at most this long, extensions included.
const MAX_SIZE_LINE: usize = 256;

/// A request whose head has been accepted and whose body is arriving.
#[derive(Debug)]
pub(crate) struct BodyReader {
    /// Bytes of the head, in front of the body.
    head_len: usize,
    /// Bytes of the body behind it, decoded.
    decoded: usize,
    state: State,
    /// Bytes of framing read: of the present size line, or of all trailers.
    framing_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Content-Length: so many bytes are still to come.
    Length(u64),
    /// In a chunk's size, of which at least one digit was read if `some`.
    Size {
        size: u64,
        some: bool,
    },
    /// In blanks behind a chunk's size, which only an extension may follow.
    Blanks {
        size: u64,
    },
    /// In a chunk's extension, which is skipped up to its CR.
    Extension {
        size: u64,
    },
    /// In a quoted string of an extension, and behind a backslash there.
    Quoted {
        size: u64,
    },
    Escaped {
        size: u64,
    },
    /// Behind the CR of a size line.
    SizeLf {
        size: u64,
    },
    /// In a chunk's data; so many bytes are still to come.
    Data(u64),
    /// Behind a chunk's data.
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the empty line that ends them.
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All bytes that arrived are used; `kept` of them remain, head and body, decoded.
    More { kept: usize },
    /// The body ends at `body_end`; what follows `consumed` is the next request's.
    Done { body_end: usize, consumed: usize },
}

impl BodyReader {
    /// A reader for the body behind a head; an error if it is known to be too large.
    pub(crate) fn new(head_len: usize, framing: Framing, limits: &Limits) -> Result<Self, Refusal> {
        let state = match framing {
            Framing::Length(length) if length > limits.body_bytes as u64 => return Err(too_large()),
            Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size { size: 0, some: false },
        };
        Ok(BodyReader { head_len, decoded: 0, state, framing_bytes: 0 })
    }

    pub(crate) fn head_len(&self) -> usize {
        self.head_len
    }

    /// How many bytes are still to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            _ => None,
        }
    }

    /// Takes what has arrived: `bytes` starts with the head, then the decoded body of earlier
    /// calls, then what is new.
    pub(crate) fn advance(&mut self, bytes: &mut [u8], limits: &Limits) -> Result<Progress, Refusal> {
        let mut at = self.head_len + self.decoded;
        while self.state != State::Done && at < bytes.len() {
            match self.state {
                State::Length(left) => {
                    let taken = left.min((bytes.len() - at) as u64);
                    self.decoded += taken as usize;
                    at += taken as usize;
                    self.state = if taken == left { State::Done } else { State::Length(left - taken) };
                }
                State::Data(left) => {
                    let taken = left.min((bytes.len() - at) as u64) as usize;
                    bytes.copy_within(at..at + taken, self.head_len + self.decoded);
                    self.decoded += taken;
                    at += taken;
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::DataCr } else { State::Data(left) };
                }
                _ => {
                    self.state = self.frame(bytes[at], limits)?;
                    at += 1;
                }
            }
        }
        let body_end = self.head_len + self.decoded;
        match self.state {
            State::Done => Ok(Progress::Done { body_end, consumed: at }),
            _ => Ok(Progress::More { kept: body_end }),
        }
    }

    /// One byte of framing.
    fn frame(&mut self, byte: u8, limits: &Limits) -> Result<State, Refusal> {
        self.framing_bytes += 1;
        match (self.state, byte) {
            (State::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).unwrap_or(0);
                // Checked at every digit, so that the size cannot overflow.
                let size = size * 16 + u64::from(digit);
                if size + self.decoded as u64 > limits.body_bytes as u64 {
                    return Err(too_large());
                }
                self.size_line_in_limits(State::Size { size, some: true })
            }
            (State::Size { size, some: true }, b'\r') => Ok(State::SizeLf { size }),
            (State::Size { size, some: true } | State::Blanks { size }, b';') => {
                Ok(State::Extension { size })
            }
            (State::Size { size, some: true } | State::Blanks { size }, b' ' | b'\t') => {
                self.size_line_in_limits(State::Blanks { size })
            }
            (State::Extension { size }, b'\r') => Ok(State::SizeLf { size }),
            // A line that ends inside of quotes ends there for some, and for others where the
            // quotes do: no state of a quoted string takes a CR.
            (State::Extension { size }, b'"') => self.size_line_in_limits(State::Quoted { size }),
            (State::Quoted { size }, b'"') => self.size_line_in_limits(State::Extension { size }),
            (State::Quoted { size }, b'\\') => self.size_line_in_limits(State::Escaped { size }),
            (State::Quoted { size } | State::Escaped { size }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.size_line_in_limits(State::Quoted { size })
            }
            (State::Extension { .. }, b'\t' | b' '..=b'~' | 0x80..) => self.size_line_in_limits(self.state),
            (State::SizeLf { size }, b'\n') => {
                self.framing_bytes = 0;
                Ok(if size == 0 { State::TrailerStart } else { State::Data(size) })
            }
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => {
                self.framing_bytes = 0;
                Ok(State::Size { size: 0, some: false })
            }
            (State::TrailerStart, b'\r') => Ok(State::EndLf),
            (State::EndLf, b'\n') => Ok(State::Done),
            // Trailers are skipped, but not past the limit of a head, and only if they are headers:
            // what others take for the next request is not.
            (State::TrailerStart | State::TrailerName, byte) if TOKEN.contains(byte) => {
                self.trailers_in_limits(State::TrailerName, limits)
            }
            (State::TrailerName, b':') | (State::Trailer, b'\t' | b' '..=b'~' | 0x80..) => {
                self.trailers_in_limits(State::Trailer, limits)
            }
            (State::Trailer, b'\r') => Ok(State::TrailerLf),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            _ => Err(Refusal::bad("the chunked coding is broken")),
        }
    }

    fn size_line_in_limits(&self, state: State) -> Result<State, Refusal> {
        if self.framing_bytes > MAX_SIZE_LINE {
            return Err(Refusal::bad("a chunk's size line is too long"));
        }
        Ok(state)
    }

    fn trailers_in_limits(&self, state: State, limits: &Limits) -> Result<State, Refusal> {
        if self.framing_bytes > limits.head_bytes {
            return Err(Refusal { status: 431, why: "the trailers are too long" });
        }
        Ok(state)
    }
}

const fn too_large() -> Refusal {
    Refusal { status: 413, why: "the body is too large" }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"head";

    fn limits() -> Limits {
        Limits { body_bytes: 100, head_bytes: 64, ..Limits::default() }
    }

    /// A body, and what follows it.
    type Decoded = (Vec<u8>, Vec<u8>);

    /// Decodes `raw` delivered in pieces of `piece` bytes; `None` if it is not whole.
    fn decode(raw: &[u8], piece: usize) -> Result<Option<Decoded>, Refusal> {
        let mut reader = BodyReader::new(HEAD.len(), Framing::Chunked, &limits())?;
        let mut held = HEAD.to_vec();
        let mut pieces = raw.chunks(piece);
        while let Some(new) = pieces.next() {
            held.extend_from_slice(new);
            match reader.advance(&mut held, &limits())? {
                Progress::More { kept } => held.truncate(kept),
                Progress::Done { body_end, consumed } => {
                    let mut rest = held[consumed..].to_vec();
                    pieces.for_each(|p| rest.extend_from_slice(p));
                    return Ok(Some((held[HEAD.len()..body_end].to_vec(), rest)));
                }
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_joined_however_they_are_delivered() {
        let raw =
            b"4 ;x\r\nWiki\r\n6;a=\"b \\\"c\"\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\nGET";
        for piece in 1..=raw.len() {
            let (body, rest) = decode(raw, piece).unwrap().expect("the body is whole");
            assert_eq!(body, b"Wikipedia in \r\n\r\nchunks.", "in pieces of {piece}");
            assert_eq!(rest, b"GET", "in pieces of {piece}");
        }
    }

    #[test]
    fn every_proper_prefix_of_a_body_is_not_yet_whole() {
        let raw = b"a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
        for end in 0..raw.len() {
            assert_eq!(decode(&raw[..end], 3), Ok(None), "at {end}");
        }
    }

    #[test]
    fn broken_framing_is_refused_however_it_is_delivered() {
        let cases: [(&[u8], u16); 23] = [
            (b"\r\n", 400),
            (b"g\r\n", 400),
            (b"-1\r\n", 400),
            (b"0x1\r\n", 400),
            (b" 1\r\na\r\n", 400),
            (b"1 \r\na\r\n", 400),
            (b"1\na\r\n", 400),
            (b"1\r\nab\r\n", 400),
            (b"1\r\na\n", 400),
            (b";x\r\n", 400),
            (b"1;x\n\r\n", 400),
            (b"1 x\r\na\r\n", 400),
            (b"1;a=\"\r\n\"\r\na\r\n", 400),
            (b"1;a=\"b\\\r\na\r\n", 400),
            (b"1;a=\"b\r\na\r\n", 400),
            (b"0\r\n X: y\r\n\r\n", 400),
            (b"0\r\nGET / HTTP/1.1\r\n\r\n", 400),
            (b"0\r\nX : y\r\n\r\n", 400),
            (b"0\r\n: y\r\n\r\n", 400),
            (b"0\r\nX: \0\r\n\r\n", 400),
            (b"0\r\nX: y\n\r\n", 400),
            (b"65\r\n", 413),
            (b"ffffffffffffffffffffff\r\n", 413),
        ];
        for (raw, status) in cases {
            for piece in [1, 2, raw.len()] {
                let refused = decode(raw, piece).expect_err("it is broken");
                assert_eq!(refused.status, status, "{}", raw.escape_ascii());
            }
        }
    }

    #[test]
    fn framing_cannot_grow_without_end() {
        let longs =
            ["x".repeat(300), "\"x\"".repeat(100), "\"\"".repeat(150), format!("\"{}", "\\x".repeat(150))];
        for long in longs {
            let raw = format!("1;{long}\r\n");
            assert_eq!(decode(raw.as_bytes(), 7).unwrap_err().status, 400, "{raw}");
        }
        let blanks = [b"1", &[b' '; 300][..], b";x\r\n"].concat();
        assert_eq!(decode(&blanks, 7).unwrap_err().status, 400);
        let many_zeros = [b'0'; 300];
        assert_eq!(decode(&many_zeros, 7).unwrap_err().status, 400);
        let trailers = [b"0\r\n".to_vec(), b"X: y\r\n".repeat(20), b"\r\n".to_vec()].concat();
        assert_eq!(decode(&trailers, 7).unwrap_err().status, 431);
        let name = [b"0\r\n", &[b'x'; 300][..], b": y\r\n\r\n"].concat();
        assert_eq!(decode(&name, 7).unwrap_err().status, 431);
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_at_once() {
        let refused = BodyReader::new(4, Framing::Length(101), &limits()).unwrap_err();
        assert_eq!(refused.status, 413);
        assert!(BodyReader::new(4, Framing::Length(100), &limits()).is_ok());
    }
}
