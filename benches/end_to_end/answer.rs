//! The answer that both servers give, and whether what came is it.

use std::ops::Range;

/// One whole answer, byte for byte but for the time in it.
#[derive(Clone)]
pub struct Answer {
    pub bytes: Vec<u8>,
    date: Range<usize>,
}

impl Answer {
    pub fn to_keep(body: &[u8]) -> Self {
        Self::new(body, "")
    }

    /// To a request that asks for the close.
    pub fn to_close(body: &[u8]) -> Self {
        Self::new(body, "Connection: close\r\n")
    }

    fn new(body: &[u8], connection: &str) -> Self {
        const BEFORE: &str = "HTTP/1.1 200 OK\r\nDate: ";
        const DATE: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
        let length = body.len();
        let after = format!("\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{connection}\r\n");
        let bytes = [BEFORE.as_bytes(), DATE.as_bytes(), after.as_bytes(), body].concat();
        Answer { bytes, date: BEFORE.len()..BEFORE.len() + DATE.len() }
    }

    /// Whether these are the bytes from `at` on, in a row of such answers.
    pub fn has(&self, at: usize, mut input: &[u8]) -> bool {
        let mut at = at % self.bytes.len();
        while !input.is_empty() {
            let (here, rest) = input.split_at(input.len().min(self.bytes.len() - at));
            if !self.has_within_one(at, here) {
                return false;
            }
            (at, input) = (0, rest);
        }
        true
    }

    fn has_within_one(&self, at: usize, input: &[u8]) -> bool {
        [0..self.date.start, self.date.end..self.bytes.len()].into_iter().all(|same| {
            let (from, to) = (same.start.max(at), same.end.min(at + input.len()));
            from >= to || self.bytes[from..to] == input[from - at..to - at]
        })
    }
}
