//! The client's side of the chunked coding (RFC 9112 §7.1).

use std::io::{self, BufRead, Read};

use super::Client;

impl Client {
    /// Returns the data of the next chunk. It is empty for the last one, whose trailers are read too.
    pub fn try_chunk(&mut self) -> io::Result<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let size = line.strip_suffix("\r\n").and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.ok_or_else(|| io::Error::other(format!("not the size of a chunk: {line:?}")))?;
        let mut data = vec![0; size + 2];
        self.stream.read_exact(&mut data)?;
        match data.split_off(size) == b"\r\n" {
            true => Ok(data),
            false => Err(io::Error::other("something else than the end of a chunk")),
        }
    }

    pub fn chunk(&mut self) -> Vec<u8> {
        self.try_chunk().expect("a whole chunk")
    }

    /// Returns the data of all chunks that are left.
    pub fn chunks(&mut self) -> Vec<u8> {
        let chunk = || Some(self.chunk()).filter(|data| !data.is_empty());
        std::iter::from_fn(chunk).flatten().collect()
    }
}
