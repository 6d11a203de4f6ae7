//! The part of the output that may block. It writes chunks, and notes where records are missing.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

pub struct Writer<W> {
    sink: W,
    chunk: Vec<u8>,
    /// The number of records that are missing at this place of the output.
    missing: u64,
    /// The error of the sink, if records are missing because of it.
    error: Option<io::Error>,
    /// The sink took only a part of the last line.
    is_cut: bool,
    /// The next bytes belong to a line that has lost its beginning.
    is_headless: bool,
}

impl<W: Write> Writer<W> {
    pub fn new(sink: W, chunk: usize) -> Self {
        let chunk = Vec::with_capacity(chunk);
        Writer { sink, chunk, missing: 0, error: None, is_cut: false, is_headless: false }
    }

    /// The bytes to write next.
    pub fn chunk(&mut self) -> &mut Vec<u8> {
        &mut self.chunk
    }

    /// Writes the chunk. Also writes a note before it or after it if records are missing there.
    pub fn write(&mut self, dropped: u64) {
        self.drop_headless_line();
        let written = if self.write_missing() { self.write_chunk() } else { 0 };
        let lost = &self.chunk[written..];
        self.is_headless |= lost.last().is_some_and(|&byte| byte != b'\n');
        self.missing += dropped + lost.iter().filter(|&&byte| byte == b'\n').count() as u64;
        if lost.is_empty() {
            self.write_missing();
        }
    }

    fn drop_headless_line(&mut self) {
        if self.is_headless {
            let end = self.chunk.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
            self.is_headless = end.is_none();
            self.missing += u64::from(end.is_some());
            self.chunk.drain(..end.unwrap_or(self.chunk.len()));
        }
    }

    /// Writes the chunk, and returns the number of bytes that the sink took.
    fn write_chunk(&mut self) -> usize {
        let (written, result) = write_all(&mut self.sink, &self.chunk);
        if let Some(last) = written.checked_sub(1) {
            self.is_cut = self.chunk[last] != b'\n';
        }
        self.keep_error(result);
        written
    }

    /// Writes a note if records are missing. Returns `false` if the sink does not take the note.
    fn write_missing(&mut self) -> bool {
        let (lines, break_line) = match self.missing {
            0 => return true,
            1 => ("line is", self.is_cut),
            _ => ("lines are", self.is_cut),
        };
        let why = match &self.error {
            Some(error) => error.to_string(),
            None => "this output was not read fast enough".into(),
        };
        let line_break = if break_line { "\n" } else { "" };
        let note = format!("{line_break}fourway: warning: {} {lines} missing here: {why}\n", self.missing);
        let (written, result) = write_all(&mut self.sink, note.as_bytes());
        if let Some(last) = written.checked_sub(1) {
            self.is_cut = note.as_bytes()[last] != b'\n';
        }
        if !self.keep_error(result) {
            return false;
        }
        (self.missing, self.error) = (0, None);
        true
    }

    fn keep_error(&mut self, result: io::Result<()>) -> bool {
        match result {
            Ok(()) => true,
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }
}

/// Writes all bytes. Also returns the number of bytes that the sink took.
fn write_all(sink: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    /// Another process may share the stream and may have made it non-blocking.
    const RETRY: Duration = Duration::from_millis(10);
    let mut written = 0;
    while written < bytes.len() {
        match sink.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(len) => written += len,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}
