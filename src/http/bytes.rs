//! Sets of bytes: which bytes a name, a value or a target may have.

/// The bytes of a header's name: RFC 9110's `token` (§5.6.2).
pub(crate) static TOKEN: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// A set of bytes as a table. Looking a byte up costs one load.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// Returns the bytes of a header's value: the tab, and all bytes that are not control bytes (RFC 9110 §5.5).
    pub(crate) const fn field_value() -> Self {
        let mut set = [true; 256];
        let mut byte = 0;
        while byte < 256 {
            set[byte] = byte == b'\t' as usize || !(byte as u8).is_ascii_control();
            byte += 1;
        }
        ByteSet(set)
    }

    /// Returns the bytes of ASCII that are neither control bytes nor blanks.
    pub(crate) const fn visible() -> Self {
        let mut set = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            set[byte] = (byte as u8).is_ascii_graphic();
            byte += 1;
        }
        ByteSet(set)
    }

    pub(crate) const fn alphanumeric_and(others: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut byte = 0;
        while byte < 128 {
            set[byte] = (byte as u8).is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < others.len() {
            set[others[at] as usize] = true;
            at += 1;
        }
        ByteSet(set)
    }

    pub(crate) const fn without(mut self, others: &[u8]) -> Self {
        let mut at = 0;
        while at < others.len() {
            self.0[others[at] as usize] = false;
            at += 1;
        }
        self
    }

    /// Returns how many bytes at the front are in the set.
    pub(crate) fn run(&self, bytes: &[u8]) -> usize {
        bytes.iter().position(|&byte| !self.contains(byte)).unwrap_or(bytes.len())
    }

    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    /// Returns whether all bytes are in the set. Almost always they are. So looking at every byte wastes nothing, and
    /// is cheaper than a branch at each.
    pub(crate) fn contains_all(&self, bytes: &[u8]) -> bool {
        bytes.iter().fold(true, |all, &byte| all & self.0[byte as usize])
    }
}
