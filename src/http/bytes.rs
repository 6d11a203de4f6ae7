//! Sets of bytes: which may stand where.

/// What a header's name is made of: RFC 9110's `token` (§5.6.2).
pub(crate) static TOKEN: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// A set of bytes as a table: to look a byte up costs one load.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// What may stand in a header's value: all but control bytes, the tab excepted (RFC 9110 §5.5).
    pub(crate) const fn field_value() -> Self {
        let mut set = [true; 256];
        let mut byte = 0;
        while byte < 256 {
            set[byte] = byte == b'\t' as usize || !(byte as u8).is_ascii_control();
            byte += 1;
        }
        ByteSet(set)
    }

    /// All of ASCII that is neither a control byte nor a blank.
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

    /// How many bytes at the front are in the set.
    pub(crate) fn run(&self, bytes: &[u8]) -> usize {
        bytes.iter().position(|&byte| !self.contains(byte)).unwrap_or(bytes.len())
    }

    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    /// Whether all bytes are in the set. Almost always they are, so none is looked at in vain, and to
    /// stop at none of them is cheaper than to ask at each.
    pub(crate) fn contains_all(&self, bytes: &[u8]) -> bool {
        bytes.iter().fold(true, |all, &byte| all & self.0[byte as usize])
    }
}
