//! The decoding of the chunked coding (RFC 9112 §7).
//!
//! Chunks move together in place. The framing between them is consumed as it arrives, so no line of it has to be kept.
//! Hostile clients send bodies that are almost nothing but framing, so runs of framing are skipped at once.

use crate::http::bytes::{ByteSet, TOKEN};
use crate::http::refusal::Refusal;
use crate::status::ErrorStatus;

/// A chunk's size line is at most this long, extensions included.
const MAX_SIZE_LINE: usize = 256;

/// A body of chunks that is arriving.
#[derive(Debug)]
pub(super) struct Chunks {
    part: Part,
    /// Bytes of the current chunk that are still to come.
    left: u64,
    /// Bytes of framing that were read of the current size line, or of all trailers.
    framing_bytes: usize,
}

/// The part that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The first digit of a chunk's size, and the others.
    Size,
    Digits,
    /// Blanks after a chunk's size, which only an extension may follow.
    Blanks,
    /// A chunk's extension, which is skipped up to its CR. Then a quoted string in it, and the byte after a backslash
    /// in that string.
    Extension,
    Quoted,
    Escaped,
    /// The LF of a size line.
    SizeLf,
    /// A chunk's data, and the end of its line.
    Data,
    DataCr,
    DataLf,
    /// The first byte of a trailer line, or of the empty line that ends them.
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// How many bytes of data and of trailers a body may still have.
#[derive(Clone, Copy)]
struct Room {
    data: usize,
    trailers: usize,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Chunks { part: Part::Size, left: 0, framing_bytes: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Returns how many bytes of the current chunk's data are still to come.
    pub(super) fn data_left(&self) -> u64 {
        if self.part == Part::Data { self.left } else { 0 }
    }

    /// Takes data of the current chunk that is not here.
    pub(super) fn skip(&mut self, data: usize) {
        self.pass(data, b"");
    }

    /// Takes what has arrived, and moves the data in it to its front. Returns how many bytes were taken, and how many
    /// of them are data, which is at most `most`.
    pub(super) fn decode(
        &mut self,
        bytes: &mut [u8],
        most: usize,
        trailer_limit: usize,
    ) -> Result<(usize, usize), Refusal> {
        let (mut at, mut end) = (0, 0);
        while self.part != Part::Done && at < bytes.len() {
            if self.part == Part::Data {
                let taken = self.left.min((bytes.len() - at) as u64) as usize;
                move_down(bytes, at, end, taken);
                end += taken;
                at += taken;
                at += self.pass(taken, &bytes[at..]);
            } else {
                at += self.frame(&bytes[at..], Room { data: most - end, trailers: trailer_limit })?;
            }
        }
        Ok((at, end))
    }

    /// Counts data of the chunk. After the last byte it also takes the end of the line, if that is whole. Returns how
    /// many bytes it takes of that.
    fn pass(&mut self, data: usize, behind: &[u8]) -> usize {
        self.left -= data as u64;
        if self.left > 0 {
            return 0;
        }
        if behind.starts_with(b"\r\n") {
            self.part = Part::Size;
            return 2;
        }
        self.part = Part::DataCr;
        0
    }

    /// Takes framing: at most one line, or the trailers that are whole. Returns how many bytes it takes.
    fn frame(&mut self, bytes: &[u8], room: Room) -> Result<usize, Refusal> {
        // One byte more than the limit shows that there are too many.
        let limit = if self.is_in_trailers() { room.trailers } else { MAX_SIZE_LINE };
        let spare = limit.saturating_sub(self.framing_bytes);
        let bytes = &bytes[..bytes.len().min(spare.saturating_add(1))];
        let whole = match self.part {
            Part::Size => self.whole_size_line(bytes, room.data)?,
            Part::TrailerStart => self.whole_trailers(bytes),
            _ => 0,
        };
        if whole > 0 { Ok(whole) } else { self.part_of_line(bytes, spare, room.data) }
    }

    /// Takes a size line if all of it has arrived, which is almost always so.
    fn whole_size_line(&mut self, bytes: &[u8], most: usize) -> Result<usize, Refusal> {
        let (size, digits) = read_size(0, bytes, most)?;
        let mut end = digits;
        if bytes.get(end) == Some(&b';') {
            end += 1 + extension(&bytes[end + 1..]);
        }
        if digits == 0 || !bytes[end..].starts_with(b"\r\n") {
            return Ok(0);
        }
        self.begin_chunk(size);
        Ok(end + 2)
    }

    /// Takes the trailer lines that are whole.
    fn whole_trailers(&mut self, bytes: &[u8]) -> usize {
        let mut end = 0;
        loop {
            let line = &bytes[end..];
            let name = TOKEN.run(line);
            if name == 0 || line.get(name) != Some(&b':') {
                break;
            }
            let value = &line[name + 1..];
            let len = VALUE_BYTES.run(value);
            if !value[len..].starts_with(b"\r\n") {
                break;
            }
            end += name + 1 + len + 2;
        }
        self.framing_bytes += end;
        end
    }

    /// Takes a run of bytes of one part, and the byte that ends the part.
    fn part_of_line(&mut self, bytes: &[u8], spare: usize, most: usize) -> Result<usize, Refusal> {
        let run = match self.part {
            Part::Size | Part::Digits => {
                let (size, digits) = read_size(self.left, bytes, most)?;
                self.left = size;
                digits
            }
            Part::Blanks => bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count(),
            Part::Extension => extension(bytes),
            Part::Quoted => quoted(bytes),
            Part::TrailerStart | Part::TrailerName => TOKEN.run(bytes),
            Part::Trailer => VALUE_BYTES.run(bytes),
            _ => 0,
        };
        if run > spare {
            return Err(self.framing_too_long());
        }
        match self.part {
            Part::Size if run > 0 => self.part = Part::Digits,
            Part::TrailerStart if run > 0 => self.part = Part::TrailerName,
            _ => {}
        }
        self.framing_bytes += run;
        let Some(&byte) = bytes.get(run) else { return Ok(run) };
        self.framing_bytes += 1;
        self.part = self.follow(byte)?;
        let is_line_end = matches!(byte, b'\r' | b'\n');
        if run == spare && !is_line_end { Err(self.framing_too_long()) } else { Ok(run + 1) }
    }

    /// Returns the part after a byte that ends one.
    fn follow(&mut self, byte: u8) -> Result<Part, Refusal> {
        match (self.part, byte) {
            (Part::Digits | Part::Blanks, b';') => Ok(Part::Extension),
            (Part::Digits, b' ' | b'\t') => Ok(Part::Blanks),
            (Part::Digits | Part::Extension, b'\r') => Ok(Part::SizeLf),
            // If a line ends inside quotes, some servers end it there, and others end it after the quotes. So no part
            // of a quoted string takes a CR.
            (Part::Extension, b'"') => Ok(Part::Quoted),
            (Part::Quoted, b'"') => Ok(Part::Extension),
            (Part::Quoted, b'\\') => Ok(Part::Escaped),
            (Part::Escaped, byte) if VALUE_BYTES.contains(byte) => Ok(Part::Quoted),
            (Part::SizeLf, b'\n') => {
                self.begin_chunk(self.left);
                Ok(self.part)
            }
            (Part::DataCr, b'\r') => Ok(Part::DataLf),
            (Part::DataLf, b'\n') => {
                self.framing_bytes = 0;
                Ok(Part::Size)
            }
            // Trailers are skipped, but only up to the limit of a head, and only if they are headers. Other servers
            // might read anything else as the next request.
            (Part::TrailerStart, b'\r') => Ok(Part::EndLf),
            (Part::EndLf, b'\n') => Ok(Part::Done),
            (Part::TrailerName, b':') => Ok(Part::Trailer),
            (Part::Trailer, b'\r') => Ok(Part::TrailerLf),
            (Part::TrailerLf, b'\n') => Ok(Part::TrailerStart),
            _ => Err(Refusal::bad("the chunked coding is broken")),
        }
    }

    /// Begins a chunk, or the trailers, after a size line.
    fn begin_chunk(&mut self, size: u64) {
        self.part = if size == 0 { Part::TrailerStart } else { Part::Data };
        (self.left, self.framing_bytes) = (size, 0);
    }

    fn framing_too_long(&self) -> Refusal {
        if self.is_in_trailers() {
            return Refusal { status: ErrorStatus::HeadTooLarge, why: "the trailers are too long" };
        }
        Refusal::bad("a chunk's size line is too long")
    }

    fn is_in_trailers(&self) -> bool {
        matches!(
            self.part,
            Part::TrailerStart | Part::TrailerName | Part::Trailer | Part::TrailerLf | Part::EndLf
        )
    }
}

/// Moves bytes to an earlier place. A few bytes move faster one by one, and a body may have many small chunks.
fn move_down(bytes: &mut [u8], from: usize, to: usize, len: usize) {
    const FEW: usize = 8;
    if len > FEW {
        return bytes.copy_within(from..from + len, to);
    }
    for at in 0..len {
        bytes[to + at] = bytes[from + at];
    }
}

/// The most that a size may be before its next digit. A body that is not kept has no other limit.
const MOST_SIZE: u64 = u64::MAX >> 4;

/// Reads more digits of a chunk's size. Returns the size, and how many digits it has read.
fn read_size(mut size: u64, bytes: &[u8], most: usize) -> Result<(u64, usize), Refusal> {
    let (mut count, most) = (0, MOST_SIZE.min(most as u64));
    for &byte in bytes {
        let digit = HEX_DIGITS[byte as usize];
        if digit == NO_DIGIT {
            break;
        }
        // This is checked at every digit, so the size cannot overflow.
        size = size * 16 + u64::from(digit);
        if size > most {
            return Err(Refusal::BODY_TOO_LARGE);
        }
        count += 1;
    }
    Ok((size, count))
}

static VALUE_BYTES: ByteSet = ByteSet::field_value();
static UNQUOTED: ByteSet = ByteSet::field_value().without(b"\"");
static QUOTED: ByteSet = ByteSet::field_value().without(b"\"\\");

/// Returns the length of an extension, with all quoted strings in it that are whole.
fn extension(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += UNQUOTED.run(&bytes[at..]);
        if bytes.get(at) != Some(&b'"') {
            return at;
        }
        let end = at + 1 + quoted(&bytes[at + 1..]);
        if bytes.get(end) != Some(&b'"') {
            return at;
        }
        at = end + 1;
    }
}

/// Returns the length of a quoted string, up to its end or to an escape that is not whole.
fn quoted(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += QUOTED.run(&bytes[at..]);
        match bytes.get(at..at + 2) {
            Some(&[b'\\', escaped]) if VALUE_BYTES.contains(escaped) => at += 2,
            _ => return at,
        }
    }
}

const NO_DIGIT: u8 = u8::MAX;

static HEX_DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digits[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};
