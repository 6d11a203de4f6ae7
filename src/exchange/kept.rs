//! A deferred request whose bytes stay in the input.

/// Where a request is in the input: its head, its decoded body, and then perhaps framing that belongs to it. The next
/// request begins after `consumed` bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    pub(crate) head_len: usize,
    pub(crate) body_end: usize,
    pub(crate) consumed: usize,
    /// The length of the body, which may not be here.
    pub(crate) received: u64,
}

impl Kept {
    /// Returns the place of a request whose body is not here.
    pub(crate) fn head(head_len: usize, consumed: usize) -> Self {
        Kept { head_len, body_end: head_len, consumed, received: 0 }
    }

    /// Returns the request in the input that begins with it.
    pub(super) fn of(self, input: &[u8]) -> KeptRequest<'_> {
        let (head, body) = input[..self.body_end].split_at(self.head_len);
        KeptRequest { head, body, received: self.received }
    }
}

/// The bytes of a request that is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeptRequest<'b> {
    pub(crate) head: &'b [u8],
    pub(crate) body: &'b [u8],
    pub(crate) received: u64,
}
