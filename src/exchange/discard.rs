//! Bodies that are thrown away: most of their bytes never reach the input.
//!
//! A read into a head buffer takes 20 KiB at most, and a large read costs less per byte. So the bytes of a body that
//! nobody wants go into the out, which is free while a body arrives. No byte after the body may go there, because it
//! would be lost. So such a read is never longer than what surely belongs to the body.

use super::{Exchange, READ_BYTES};

impl Exchange<'_> {
    /// Returns how many bytes of the next read are thrown away: all of them, or none.
    fn discardable(&self) -> usize {
        let body = self.in_flight.body.as_ref().filter(|body| body.intake.discards());
        let Some(body) = body else { return 0 };
        let most = self.out.spare().min(READ_BYTES);
        let surely = usize::try_from(body.reader.surely_left()).map_or(most, |left| left.min(most));
        let space = self.input.head_size.saturating_sub(self.input.pending().len());
        if surely > space { surely } else { 0 }
    }

    /// Returns the space for the next read of a body.
    #[inline(never)]
    pub(super) fn space_in_body(&mut self) -> &mut [u8] {
        match self.discardable() {
            0 => self.space_in_input(),
            len => self.out.scratch(len),
        }
    }

    /// Notes that a read has put `len` bytes of a body into the [`space`](Self::space).
    pub(crate) fn filled_in_body(&mut self, len: usize) {
        let is_discarded = self.discardable() > 0;
        match &mut self.in_flight.body {
            Some(body) if is_discarded => body.reader.skip(len),
            _ => self.input.filled(len),
        }
    }
}
