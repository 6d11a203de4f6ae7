//! The bytes of a `struct tcp_info` (`linux/tcp.h`). The kernel appends fields to it, so an old kernel has fewer of them.

use super::end::Info;

/// Where the fields are.
const UNACKED: usize = 24;
const TOTAL_RETRANS: usize = 100;
const BYTES_RECEIVED: usize = 128;
const SEGS_OUT: usize = 136;
const SEGS_IN: usize = 140;
const NOTSENT_BYTES: usize = 144;
const DATA_SEGS_IN: usize = 152;
const DATA_SEGS_OUT: usize = 156;
const BYTES_SENT: usize = 200;
const SND_WND: usize = 228;

/// Reads the fields. Returns `None` if the kernel lacks one of them (before Linux 5.4).
pub fn parse(bytes: &[u8]) -> Option<Info> {
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    Some(Info {
        segs_out: word(SEGS_OUT)?,
        segs_in: word(SEGS_IN)?,
        data_segs_out: word(DATA_SEGS_OUT)?,
        data_segs_in: word(DATA_SEGS_IN)?,
        bytes_sent: long(BYTES_SENT)?,
        bytes_received: long(BYTES_RECEIVED)?,
        notsent_bytes: word(NOTSENT_BYTES)?,
        unacked: word(UNACKED)?,
        total_retrans: word(TOTAL_RETRANS)?,
        snd_wnd: word(SND_WND)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_struct_has_no_fields() {
        let whole = [0; SND_WND + 4];
        assert_eq!(parse(&whole), Some(Info::default()));
        for len in 0..whole.len() {
            assert_eq!(parse(&whole[..len]), None);
        }
    }
}
