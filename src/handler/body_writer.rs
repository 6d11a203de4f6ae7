//! The place where a host writes the body of a response.

use std::error::Error;
use std::fmt;
use std::io;

use crate::http::response::stream::StreamFraming;
use crate::http::response::{BETWEEN_CHUNKS, CHUNK_END, OpenChunk, Writer};

/// The writer that [`Responder::body_with`](crate::Responder::body_with) and
/// [`Handler::more`](crate::Handler::more) pass to the host.
///
/// `write!` and `writeln!` work without an import:
///
/// ```
/// fourway::handler_fn(|_request, responder| {
///     responder.body_with(200, "text/plain", |body| {
///         let _ = writeln!(body, "{}", 6 * 7);
///     })
/// });
/// ```
///
/// They also work where `std::fmt::Write`, `std::io::Write` or both are imported. `BodyWriter` implements
/// both traits, so it can be passed to any function that writes.
///
/// ```
/// use std::io::{self, Write};
/// use fourway::BodyWriter;
///
/// fn table(body: &mut BodyWriter<'_>, rows: &[u32]) -> io::Result<()> {
///     for row in rows {
///         writeln!(body, "{row}")?;
///     }
///     Ok(())
/// }
///
/// fn copy(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
///     out.write_all(bytes)
/// }
///
/// fourway::handler_fn(|_request, responder| {
///     responder.body_with(200, "text/plain", |body| {
///         table(body, &[1, 2, 3])?;
///         copy(body, b"end\n")
///     })
/// });
/// ```
///
/// If the host writes more than [`limits.out_bytes`](crate::Limits::out_bytes), the writer returns an error,
/// and the client gets a 500. If that happens in a later piece of a streamed body, the server resets the connection.
#[derive(Debug)]
pub struct BodyWriter<'w> {
    writer: Writer<'w>,
    /// The chunk that is being written, if the body has the chunked coding.
    chunk: Option<OpenChunk>,
    /// The bytes that are kept for what ends the chunk.
    kept: usize,
    /// The bytes of data in the chunks before.
    ended: usize,
    /// Whether trailers have begun.
    has_trailers: bool,
    fault: Option<&'static str>,
}

/// A piece of a streamed body.
pub(crate) struct Piece {
    /// The bytes written, and those of them that are the body's.
    pub(crate) len: usize,
    pub(crate) data: usize,
    /// The number of digits in the size of the last chunk.
    pub(crate) digits: u8,
    /// Whether it ends with trailers.
    pub(crate) has_trailers: bool,
    /// Why it cannot be sent.
    pub(crate) fault: Option<&'static str>,
}

/// The body could not be written: there is not enough space, or a `Display` implementation failed.
///
/// ```
/// use std::{fmt, io};
/// use fourway::{BodyWriter, WriteError};
///
/// fn line(body: &mut BodyWriter<'_>) -> Result<(), WriteError> {
///     writeln!(body, "a line")
/// }
///
/// // `?` converts it to the error of either trait.
/// fn formatted(body: &mut BodyWriter<'_>) -> fmt::Result {
///     Ok(line(body)?)
/// }
///
/// fn written(body: &mut BodyWriter<'_>) -> io::Result<()> {
///     Ok(line(body)?)
/// }
/// # let _ = (formatted, written);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteError;

impl<'w> BodyWriter<'w> {
    pub(crate) fn new(writer: Writer<'w>) -> Self {
        BodyWriter { writer, chunk: None, kept: 0, ended: 0, has_trailers: false, fault: None }
    }

    /// Returns the writer of a piece.
    pub(crate) fn of_piece(mut writer: Writer<'w>, framing: StreamFraming) -> Self {
        match framing {
            StreamFraming::Chunked { digits } => {
                let chunk = Some(writer.begin_chunk(digits.into()));
                BodyWriter { writer, chunk, kept: CHUNK_END, ended: 0, has_trailers: false, fault: None }
            }
            StreamFraming::Length(_) | StreamFraming::UntilClose => Self::new(writer),
        }
    }

    /// Ends the piece.
    pub(crate) fn into_piece(mut self) -> Piece {
        let too_long = self.writer.overflowed().then_some("a piece is longer than its room_left()");
        let (data, digits) = match self.chunk.take() {
            Some(chunk) => self.writer.end_chunk(chunk),
            None if self.has_trailers => (0, 1),
            None => (self.writer.len(), 0),
        };
        Piece {
            len: self.writer.len(),
            data: self.ended + data,
            digits: digits as u8,
            has_trailers: self.has_trailers,
            fault: self.fault.or(too_long),
        }
    }

    pub(crate) fn into_writer(self) -> Writer<'w> {
        self.writer
    }

    /// Writes formatted text. `write!` and `writeln!` call this method.
    // Both traits have a method of this name. Without this one, a host that imports both could not use
    // `write!`.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> Result<(), WriteError> {
        fmt::Write::write_fmt(self, text).map_err(|fmt::Error| WriteError)
    }

    /// Writes a text.
    pub fn write_str(&mut self, text: &str) -> Result<(), WriteError> {
        self.write_all(text.as_bytes())
    }

    /// Writes all of the bytes, or none if there is not enough space.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.has_trailers {
            self.fault = Some("the host has written data after a trailer");
            self.writer.overflow();
        } else if self.kept > 0 && bytes.len() > self.room_left() {
            self.writer.overflow();
        } else {
            self.writer.push(bytes);
        }
        if self.writer.overflowed() { Err(WriteError) } else { Ok(()) }
    }

    /// Returns the number of bytes that still fit.
    pub fn room_left(&self) -> usize {
        self.writer.room_left().saturating_sub(self.kept)
    }

    /// Adds a trailer: a header that stands after a streamed body (RFC 9110 §6.5), such as a checksum of it.
    ///
    /// Trailers follow the last byte of the body, so the host adds them in the piece for which it returns
    /// [`More::End`](crate::More::End), after the piece's data. A body without the chunked coding has no place for
    /// them, and they are left out.
    ///
    /// # Errors
    ///
    /// Fails if there is not enough space, if the name is not a token or is one that frames the message, or if the value
    /// holds a control byte. Then the server resets the connection, or sends a 500 if this is the first piece.
    pub fn trailer(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), WriteError> {
        if let Some(chunk) = self.chunk.take() {
            self.ended += self.writer.end_chunk(chunk).0;
            self.writer.begin_trailers();
            self.has_trailers = true;
        }
        if self.has_trailers {
            self.fault = self.fault.or(self.writer.trailer(name, value.as_ref()));
        }
        if self.writer.overflowed() || self.fault.is_some() { Err(WriteError) } else { Ok(()) }
    }

    /// Ends a chunk of a streamed body here, so that a client that looks at chunks sees one. Elsewhere it does nothing.
    ///
    /// It also does nothing if nothing was written since the last chunk, or if there is no space for another.
    /// `flush` of `std::io::Write` calls it.
    pub fn end_chunk(&mut self) {
        if self.writer.room_left() < BETWEEN_CHUNKS || self.writer.overflowed() {
            return;
        }
        if let Some(chunk) = self.chunk.take() {
            let (data, digits) = self.writer.end_chunk(chunk);
            self.ended += data;
            self.chunk = Some(self.writer.begin_chunk(digits));
        }
    }
}

impl fmt::Write for BodyWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        Ok(self.write_all(text.as_bytes())?)
    }
}

impl io::Write for BodyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.end_chunk();
        Ok(())
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the response could not be written")
    }
}

impl Error for WriteError {}

impl From<WriteError> for fmt::Error {
    fn from(_: WriteError) -> Self {
        fmt::Error
    }
}

impl From<WriteError> for io::Error {
    fn from(_: WriteError) -> Self {
        io::ErrorKind::StorageFull.into()
    }
}

/// Each module has the imports of one host. It also tests that they compile.
#[cfg(test)]
mod tests {
    use super::{BodyWriter, WriteError};
    use crate::http::response::Writer;

    /// Returns what a host writes into `room` bytes of space.
    fn written(room: usize, write: impl FnOnce(&mut BodyWriter<'_>)) -> String {
        let mut room = vec![0; room];
        let mut body = BodyWriter::new(Writer::new(&mut room));
        write(&mut body);
        let len = body.into_writer().len();
        String::from_utf8(room[..len].to_vec()).expect("text")
    }

    mod no_import {
        use super::*;

        #[test]
        fn a_host_without_imports_writes_a_body() {
            let text = written(100, |body| {
                write!(body, "{} ", 1).unwrap();
                writeln!(body, "{}", 2).unwrap();
                body.write_str("3 ").unwrap();
                body.write_all(b"4").unwrap();
                assert_eq!(body.room_left(), 93);
            });
            assert_eq!(text, "1 2\n3 4");
        }

        #[test]
        fn a_body_without_room_is_an_error() {
            let text = written(4, |body| {
                assert_eq!(write!(body, "123"), Ok(()));
                assert_eq!(body.write_all(b"45"), Err(WriteError));
                assert_eq!(body.room_left(), 1);
                assert_eq!(write!(body, "4"), Err(WriteError), "what is missing stays missing");
            });
            assert_eq!(text, "1234");
        }
    }

    mod import_of_fmt {
        use super::*;
        use std::fmt::{self, Write};

        fn page(body: &mut BodyWriter<'_>) -> fmt::Result {
            write!(body, "{} ", 1)?;
            body.write_char('2')?;
            Ok(body.write_str(" 3")?)
        }

        #[test]
        fn a_host_that_imports_fmt_write_writes_a_body() {
            let text = written(100, |body| {
                page(body).unwrap();
                let _ = writeln!(body);
            });
            assert_eq!(text, "1 2 3\n");
            assert_eq!(written(3, |body| assert_eq!(page(body), Err(fmt::Error))), "1 2");
        }
    }

    mod import_of_io {
        use super::*;
        use std::io::{self, Write};

        fn page(body: &mut BodyWriter<'_>) -> io::Result<()> {
            write!(body, "{} ", 1)?;
            body.write_all(b"2 ")?;
            assert_eq!(body.write(b"3")?, 1);
            body.flush()
        }

        #[test]
        fn a_host_that_imports_io_write_writes_a_body() {
            let text = written(100, |body| {
                page(body).unwrap();
                writeln!(body).and_then(|()| body.write_all(b"4")).unwrap();
            });
            assert_eq!(text, "1 2 3\n4");
            let full = |body: &mut BodyWriter<'_>| page(body).unwrap_err().kind();
            assert_eq!(written(4, |body| assert_eq!(full(body), io::ErrorKind::StorageFull)), "1 2 ");
        }
    }

    mod import_of_both {
        use super::*;
        use std::fmt::Write as _;
        use std::io::{Write as _, copy};

        #[test]
        fn a_host_that_imports_both_writes_a_body() {
            let text = written(100, |body| {
                let _ = write!(body, "{} ", 1);
                let _ = writeln!(body, "{}", 2);
                body.write_char('3').unwrap();
                body.write_str("4").unwrap();
                body.write_all(b"5").unwrap();
                copy(&mut &b"6"[..], body).unwrap();
                body.flush().unwrap();
            });
            assert_eq!(text, "1 2\n3456");
        }
    }
}
