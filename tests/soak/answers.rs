//! Reading answers as they come, in any pieces.

/// What a client has got of the answers that it expects.
#[derive(Debug, Default)]
pub struct Answers {
    head: Vec<u8>,
    /// How many bytes of the present body are still to come, of how many.
    left: usize,
    length: usize,
    /// How many have come whole.
    pub whole: u32,
}

impl Answers {
    /// Looks at the next bytes: each answer has this status, and a 200 this body.
    pub fn take(&mut self, mut bytes: &[u8], status: u16, body: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left == 0 {
                bytes = self.take_head(bytes, status)?;
            }
            let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
            let from = self.length - self.left;
            if status == 200 && body.get(from..from + part.len()) != Some(part) {
                return Err(format!("the body is wrong behind byte {from}"));
            }
            let is_at_the_end = self.left > 0 && part.len() == self.left;
            self.left -= part.len();
            self.whole += u32::from(is_at_the_end);
            bytes = rest;
        }
        Ok(())
    }

    /// What follows the head, if that is whole.
    fn take_head<'b>(&mut self, bytes: &'b [u8], status: u16) -> Result<&'b [u8], String> {
        const LONGEST: usize = 1024;
        let held = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(LONGEST)]);
        let Some(end) = self.head.windows(4).position(|end| end == b"\r\n\r\n") else {
            let is_too_long = self.head.len() >= LONGEST;
            return if is_too_long { Err("no head".into()) } else { Ok(&[]) };
        };
        let rest = &bytes[end + 4 - held..];
        let head = std::str::from_utf8(&self.head[..end]).map_err(|_| "the head is not text")?;
        let is_expected = head.strip_prefix("HTTP/1.1 ").is_some_and(|rest| rest[..3] == *status.to_string());
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        let (true, Some(length @ 1..)) = (is_expected, length) else {
            return Err(format!("not a {status} with a body: {head}"));
        };
        (self.left, self.length) = (length, length);
        self.head.clear();
        Ok(rest)
    }
}
