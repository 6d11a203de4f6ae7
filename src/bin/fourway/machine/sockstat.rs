//! The TCP sockets of this network namespace, counted by the kernel (`/proc/net/sockstat`). This read is cheap.

use super::Reader;

/// The counts, of IPv4 and IPv6 together where there is only one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sockstat {
    /// Sockets in TIME_WAIT, on both sides of connections.
    pub time_wait: u64,
    /// Sockets that no program holds.
    pub orphans: u64,
    /// Pages of memory that the buffers of all TCP sockets of the machine hold.
    pub pages: u64,
}

/// Reads the counts.
pub fn read(read: Reader<'_>) -> Option<Sockstat> {
    parse(&read("/proc/net/sockstat")?)
}

/// Parses the line `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 46`.
fn parse(text: &str) -> Option<Sockstat> {
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let count = |name: &str| {
        let pair = words.chunks_exact(2).find(|pair| pair[0] == name)?;
        pair[1].parse().ok()
    };
    Some(Sockstat { time_wait: count("tw")?, orphans: count("orphan")?, pages: count("mem")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_found_by_their_names() {
        let text = "sockets: used 14\nTCP: inuse 1 orphan 2 tw 28000 alloc 1 mem 46\nUDP: inuse 0 mem 9\n";
        assert_eq!(parse(text), Some(Sockstat { time_wait: 28_000, orphans: 2, pages: 46 }));
    }

    #[test]
    fn a_text_without_the_line_or_the_name_is_not_read() {
        assert_eq!(parse("TCP6: inuse 0\n"), None);
        assert_eq!(parse("TCP: inuse 1 tw 3\n"), None);
    }
}
