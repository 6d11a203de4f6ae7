//! Writing the chunked coding (RFC 9112 §7).
//!
//! A chunk's size stands before its data, and is known only afterwards. So its digits are filled in when the chunk ends.
//! The gap for them is as wide as the size before, because a host often writes pieces of similar sizes. If the new size
//! has another number of digits, the data moves by the difference.

use super::stream::LAST_CHUNK;
use super::writer::{VALUE_BYTES, Writer};
use crate::http::bytes::TOKEN;

/// A chunk that is being written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenChunk {
    start: usize,
    /// The width of the gap for its size, in digits.
    digits: usize,
}

/// The end of a chunk's size, and of its data.
const LINE_END: &[u8] = b"\r\n";

/// The most digits of a size: `limits.out_bytes` is at most 1 GiB.
const MOST_DIGITS: usize = 8;

/// The bytes that end a chunk and the body after its data, and those by which the data may still move.
pub(crate) const CHUNK_END: usize = MOST_DIGITS + LINE_END.len() + LAST_CHUNK.len();

/// The bytes that it takes to end one chunk and to begin the next.
pub(crate) const BETWEEN_CHUNKS: usize = CHUNK_END + MOST_DIGITS + LINE_END.len();

impl Writer<'_> {
    /// Begins a chunk whose size probably has this number of digits.
    pub(crate) fn begin_chunk(&mut self, digits: usize) -> OpenChunk {
        let start = self.len;
        let digits = digits.clamp(1, MOST_DIGITS);
        self.push(&[b'0'; MOST_DIGITS][..digits]);
        self.push(LINE_END);
        OpenChunk { start, digits }
    }

    /// Ends a chunk, and returns its size and the number of digits. An empty chunk would end the body, so it is taken
    /// back.
    pub(crate) fn end_chunk(&mut self, chunk: OpenChunk) -> (usize, usize) {
        let data = chunk.start + chunk.digits + LINE_END.len();
        let size = self.len.saturating_sub(data);
        if size == 0 {
            self.truncate(chunk.start);
            return (0, chunk.digits);
        }
        let mut digits = [0; MOST_DIGITS];
        let digits = hexadecimal(&mut digits, size);
        if digits.len() != chunk.digits {
            let moved = chunk.start + digits.len() + LINE_END.len();
            self.room.copy_within(data..self.len, moved);
            self.len = moved + size;
        }
        self.len = {
            let end = self.len;
            self.len = chunk.start;
            self.push(digits);
            self.push(LINE_END);
            end
        };
        self.push(LINE_END);
        (size, digits.len())
    }
}

impl Writer<'_> {
    /// Writes the chunk that ends the data of a body, before its trailers.
    pub(crate) fn begin_trailers(&mut self) {
        self.push(b"0\r\n");
    }

    /// Writes a trailer. Returns why it cannot be sent, if it cannot. The fields that frame a message mean nothing after
    /// it, and others might believe them (RFC 9110 §6.5.1).
    pub(crate) fn trailer(&mut self, name: &str, value: &[u8]) -> Option<&'static str> {
        const NEVER: [&str; 5] = ["Content-Length", "Transfer-Encoding", "Trailer", "Host", "Connection"];
        if name.is_empty() || !TOKEN.contains_all(name.as_bytes()) {
            return Some("a trailer's name is not a token");
        }
        if NEVER.iter().any(|never| never.eq_ignore_ascii_case(name)) {
            return Some("a trailer frames the message");
        }
        if !VALUE_BYTES.contains_all(value) {
            return Some("a trailer's value holds a control byte");
        }
        // The empty line that ends the trailers has to fit as well.
        if name.len() + value.len() + b": \r\n\r\n".len() > self.room_left() {
            self.overflow();
            return None;
        }
        for part in [name.as_bytes(), b": ", value, LINE_END] {
            self.push(part);
        }
        None
    }
}

fn hexadecimal(digits: &mut [u8; MOST_DIGITS], mut number: usize) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[number % 16];
        number /= 16;
        if number == 0 || at == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what chunks of these sizes look like, if each expects as many digits as the one before.
    fn written(sizes: &[usize]) -> Vec<u8> {
        let mut room = vec![0; 200_000];
        let mut writer = Writer::new(&mut room);
        let mut digits = 1;
        for &size in sizes {
            let chunk = writer.begin_chunk(digits);
            writer.push(&vec![b'x'; size]);
            let ended;
            (ended, digits) = writer.end_chunk(chunk);
            assert_eq!(ended, size);
        }
        let len = writer.len();
        room.truncate(len);
        room
    }

    fn expected(sizes: &[usize]) -> Vec<u8> {
        let chunk = |&size: &usize| format!("{size:x}\r\n{}\r\n", "x".repeat(size)).into_bytes();
        sizes.iter().filter(|&&size| size > 0).flat_map(chunk).collect()
    }

    #[test]
    fn a_size_may_have_more_or_fewer_digits_than_the_one_before() {
        for sizes in
            [&[1, 15, 16, 255, 256, 4095, 4096, 65_535, 65_536][..], &[65_536, 4096, 1], &[10, 70_000, 10]]
        {
            assert_eq!(written(sizes), expected(sizes), "{sizes:?}");
        }
    }

    #[test]
    fn an_empty_chunk_is_taken_back() {
        assert_eq!(written(&[0]), b"");
        assert_eq!(written(&[5, 0, 3]), b"5\r\nxxxxx\r\n3\r\nxxx\r\n");
    }
}
